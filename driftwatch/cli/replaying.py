"""The recorded windows under other rules."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table

from driftwatch.cli.frame import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    err,
    opened,
    out,
    print_json,
    read_config,
    told,
    warn,
)
from driftwatch.domain.errors import DataError, DriftwatchError
from driftwatch.domain.units import format_duration, parse_duration

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.policy.replay import Tally
    from driftwatch.policy.ruleset import Policy
    from driftwatch.wiring import Replay

DIFFERS = 1
"""Exit code when the rules of then decide otherwise than they did."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@told
def replay(
    since: Annotated[
        str | None, typer.Option(metavar="30d|DATE", help="Begin so long ago, or there.", show_default="all")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="1d|DATE", help="End before.", show_default="now")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream.")] = None,
    rules: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Rules to decide by; give it again for more files.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw it there: .html or .svg.")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    recorded: Annotated[
        bool,
        typer.Option("--recorded", help="By the rules of then; exit code 1 where that decides otherwise."),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Decide on the recorded windows once more, by other rules: what each would have done, and what that costs."""
    from driftwatch import wiring

    if recorded and rules:
        raise DataError("the rules of then and rules from files exclude each other", cure="leave out one of them")
    if chart is not None and chart.suffix not in (".html", ".svg"):
        raise DataError("a chart is an .html or an .svg file", where=str(chart), cure="name it so")
    now = wiring.CLOCK.now()
    begin, end = _moment(since, now, "--since"), _moment(until, now, "--until")
    if begin is not None and end is not None and begin >= end:
        raise DataError("--since is not before --until", cure="name an earlier begin or a later end")
    loaded = read_config(config)
    if stream is not None:
        wiring.stream_settings(loaded, stream)
    streams = [stream] if stream is not None else list(loaded.streams)
    policy = None if recorded else _policy(loaded, rules)
    store = opened(loaded)
    try:
        with err.status("deciding once more"):
            found = wiring.replay(store, policy, streams=streams, since=begin, until=end)
    finally:
        store.close()
    if chart is not None:
        _draw(found, chart)
    if json:
        print_json(_plain(found))
    else:
        _show(found)
    if recorded and found.differing:
        raise typer.Exit(DIFFERS)


def _policy(config: Config, files: list[Path] | None) -> Policy:
    from driftwatch import wiring
    from driftwatch.policy.rules import load_policies

    if not files:
        return wiring.load_policy(config)
    return load_policies(files, streams=tuple(config.streams), recipes=tuple(wiring.known_recipes(config)))


def _moment(words: str | None, now: datetime, option: str) -> datetime | None:
    """Read a moment: so long before now, or a date, or a date and time; in UTC where no zone is named."""
    if words is None:
        return None
    try:
        at = datetime.fromisoformat(words) if _DATE.match(words) else now - parse_duration(words)
    except (ValueError, OverflowError) as error:
        what = f'{option} "{words[:80]}" is no date' if _DATE.match(words) else f"{option}: {error}"
        if isinstance(error, OverflowError):
            what = f'{option} "{words[:80]}" is before the first of all dates'
        cure = "write 30d for the last 30 days, or a date such as 2026-11-01 or 2026-11-01T06:00"
        raise DataError(what, cure=cure) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _show(found: Replay) -> None:
    span = format_duration(found.last - found.first)
    count = sum(found.windows.values())
    by = f"by policy {found.policy}" if found.policy is not None else "by the rules of then"
    out.print(f"{count:,} windows of {span}, {found.first:%Y-%m-%d %H:%M} to {found.last:%Y-%m-%d %H:%M} UTC, {by}")
    table = Table(
        "rule", "", Column("acted", justify="right"), Column("true", justify="right"), "kept back by",
        Column("runs", justify="right"), Column("hours", justify="right"),
    )  # fmt: skip
    for each in found.rules:
        table.add_row(found.name(each), "was", *_cells(each.recorded))
        table.add_row("", "would", *_cells(each.replayed), end_section=True)
    out.print(table)
    for difference in found.differences:
        where = f"window {difference.window} of {difference.stream} ({difference.at:%Y-%m-%d %H:%M} UTC)"
        does = f"did {difference.recorded.value}, would {difference.replayed.value}"
        out.print(f"{where}: rule {difference.rule} {does}")
    if found.differing > len(found.differences):
        out.print(f"… and {found.differing - len(found.differences):,} more")
    if not found.differing:
        out.print("every decision is the same as it was")
    for stream, at in found.diverged.items():
        out.print(f"{stream}: other runs from {at:%Y-%m-%d %H:%M} UTC on; from there:")
    for assumption in found.assumptions:
        out.print(f"- {assumption}")


def _cells(tally: Tally) -> list[str]:
    if not tally.windows:
        return ["no such rule", "", "", "", ""]
    back = [f"for {tally.waited:,}"] if tally.waited else []
    back += [f"{subject} {count:,}" for subject, count in tally.blocked.most_common()]
    runs = f"{tally.runs:,}" if tally.runs else ""
    return [f"{len(tally.acted):,}", f"{tally.true:,}", ", ".join(back), runs, hours(tally)]


def hours(tally: Tally) -> str:
    """Return what a rule's runs cost, as far as it is known."""
    if not tally.runs:
        return ""
    if tally.unpriced == tally.runs:
        return "not known"
    more = f" and {tally.unpriced} unknown" if tally.unpriced else ""
    return f"{tally.hours:,.1f}{more}"


def _plain(found: Replay) -> dict[str, Any]:
    return {
        "policy": found.policy,
        "first": found.first,
        "last": found.last,
        "windows": found.windows,
        "rules": [
            {
                "stream": each.stream,
                "rule": each.rule,
                "recorded": _figures(each.recorded),
                "replayed": _figures(each.replayed),
            }
            for each in found.rules
        ],
        "differing": found.differing,
        "differences": found.differences,
        "diverged": found.diverged,
        "assumptions": found.assumptions,
    }


def _figures(tally: Tally) -> dict[str, Any]:
    return {
        "windows": tally.windows,
        "true": tally.true,
        "waited": tally.waited,
        "blocked": dict(tally.blocked),
        "action": tally.action,
        "acted": tally.acted,
        "runs": tally.runs,
        "hours": tally.hours if tally.unpriced < tally.runs or not tally.runs else None,
        "unpriced": tally.unpriced,
    }


def _draw(found: Replay, file: Path) -> None:
    from driftwatch.cli.replay_chart import page, picture

    try:
        file.write_text(page(found) if file.suffix == ".html" else picture(found), encoding="utf-8")
    except OSError as error:
        raise DriftwatchError(f"it cannot be written: {error.strerror}", where=str(file)) from None
    warn_if_empty(found)
    err.print(f"chart: {file}", soft_wrap=True)


def warn_if_empty(found: Replay) -> None:
    """Say where there is nothing to be seen in a chart."""
    if not any(each.recorded.acted or each.replayed.acted for each in found.rules):
        warn("no rule acted, so the chart is empty")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch policy replay --since 30d --rules policies/stricter.yaml")(replay)
