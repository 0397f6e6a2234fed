"""What is going on, in a terminal."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from rich.console import RenderableType

    from driftwatch.config import Config
    from driftwatch.store import Hosts, Store
    from driftwatch.web.view import PolicyView, StreamView

_EVERY_SECONDS = 2.0
_WIDEST = 1_000
"""Characters that no table of streams takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverStatus:
    """How a receiver takes its alerts.

    Args:
        name: its name.
        pending: alerts on their way.
        delivered: alerts it took.
        dead: alerts it refused for good.
        error: what went wrong with the newest one that it has not taken; None when all is well.
    """

    name: str
    pending: int
    delivered: int
    dead: int
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What is going on, as JSON shows it."""

    version: str
    at: datetime
    streams: tuple[StreamView, ...]
    receivers: tuple[ReceiverStatus, ...]
    policy: PolicyView | None
    hosts: Hosts | None = None


@told
def status(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every two seconds.")] = False,
    json: JsonOption = False,
) -> None:
    """Show each stream: where it stands, its last window and runs; and how receivers take their alerts."""
    loaded = read_config(config)
    store = opened(loaded)
    try:
        if json:
            print_json(_view(loaded, store))
        elif watch:
            with Live(_drawn(loaded, store), console=out, auto_refresh=False) as live:
                while True:
                    time.sleep(_EVERY_SECONDS)
                    live.update(_drawn(loaded, store), refresh=True)
        else:
            out.print(_drawn(loaded, store))
    finally:
        store.close()


def _view(config: Config, store: Store) -> Status:
    from driftwatch import __version__
    from driftwatch.web.full import Room
    from driftwatch.web.view import status_from
    from driftwatch.wiring import CLOCK

    room = Room(limit=config.daemon.backlog, drops=config.daemon.when_full == "drop")
    seen = status_from(store, config.streams, version=__version__, at=CLOCK.now(), room=room)
    return Status(
        version=seen.version,
        at=seen.at,
        streams=seen.streams,
        receivers=_receivers(config, store),
        policy=seen.policy,
        hosts=seen.hosts,
    )


def _receivers(config: Config, store: Store) -> tuple[ReceiverStatus, ...]:
    from driftwatch.wiring import receivers

    counts, errors = store.outbox.counts(), {each.receiver: each.error for each in store.outbox.troubled()}
    names = dict.fromkeys((*receivers(config), *(receiver for receiver, _ in counts)))
    return tuple(
        ReceiverStatus(
            name=name,
            pending=counts.get((name, "pending"), 0),
            delivered=counts.get((name, "delivered"), 0),
            dead=counts.get((name, "dead"), 0),
            error=errors.get(name),
        )
        for name in names
    )


def _drawn(config: Config, store: Store) -> RenderableType:
    view = _view(config, store)
    tables = (_streams(view.streams), _pauses(view.streams), _runs(view.streams), _alerts(view.receivers))
    shown = (table for table in tables if table.row_count)
    return Group(*_full(view.streams), *shown, *_policy(view.policy), *_hosts(view.hosts))


def _full(streams: Sequence[StreamView]) -> list[Text]:
    """Return which streams take no more or drop what comes, since when, and what to do."""
    said = []
    for stream in streams:
        if (full := stream.full) is not None:
            since = f" since {full.since:%Y-%m-%d %H:%M:%S} UTC" if full.since is not None else ""
            words = f" {full.word}{since}: {full.meaning} (what to do: {full.cure})"
            said.append(Text.assemble((f"stream {stream.name}:", "red"), words))
    return said


def _policy(policy: PolicyView | None) -> list[Text]:
    """Return which rules are in force, and why the files as they are now are not."""
    if policy is None:
        return []
    said = [Text(f"policy {policy.hash} since {policy.since:%Y-%m-%d %H:%M:%S} UTC, by {policy.who}")]
    if policy.refused is not None:
        said.append(Text(f"the policy files as they are now are not loaded: {policy.refused}"))
    return said


def _hosts(hosts: Hosts | None) -> list[Text]:
    """Return which daemons are on the store, and which of them leads."""
    if hosts is None:
        return []
    called = [f"{each} (leads)" if each == hosts.leader else each for each in hosts.members]
    lead = "" if hosts.leader is not None else "; no daemon leads: nothing is assessed"
    differing = [
        Text(f"{each.name} is configured otherwise, and does not take over: {'; '.join(each.differences)}")
        for each in hosts.differing
    ]
    return [Text(f"daemons on this store: {', '.join(called) or 'none'}{lead}"), *differing]


def _streams(streams: Sequence[StreamView]) -> Table:
    """Return what is known of each stream: a row each, or one below the other where the terminal is too narrow."""
    tiers = any(_read(stream) for stream in streams)
    heads = (
        *("stream", "standing", "backlog", "windows", "drift", "evidence", "loss increase", "new share"),
        *(("read by transformer",) if tiers else ()),
        *("model", "reference"),
    )
    rows = [_row(stream, tiers=tiers) for stream in streams]
    wide = Table(*(Column(head, no_wrap=True) for head in heads))
    for row in rows:
        wide.add_row(*row)
    if Measurement.get(out, out.options.update_width(_WIDEST), wide).maximum <= out.width:
        return wide
    narrow = Table("stream", Column("", no_wrap=True), "", show_header=False)
    for row in rows:
        for place, (head, cell) in enumerate(zip(heads[1:], row[1:], strict=True)):
            narrow.add_row(row[0] if place == 0 else "", head, cell, end_section=place == len(heads) - 2)
    return narrow


def _row(stream: StreamView, *, tiers: bool) -> list[str]:
    last = stream.windows[0] if stream.windows else None
    figures = [
        "" if last is None or (value := last.value(name)) is None else f"{value:.3g}"
        for name in ("drift.evidence", "loss.increase", "drift.new_share")
    ]
    return [
        stream.name,
        stream.standing,
        f"{stream.backlog:,}",
        str(last.index + 1) if last is not None else "0",
        (last.state_words if last is not None else None) or "",
        *figures,
        *((_read(stream),) if tiers else ()),
        stream.champion or "–",
        stream.reference or "–",
    ]


def _read(stream: StreamView) -> str:
    """Return how many of the last window's texts each tier read, where there are two; else nothing."""
    last = stream.windows[0] if stream.windows else None
    read = None if last is None else last.value("window.transformer_texts")
    return "" if last is None or read is None else f"{read:,.0f} of {last.texts:,}"


def _pauses(streams: Sequence[StreamView]) -> Table:
    table = Table("stream", "paused", "until (UTC)", "by", "because")
    for stream in streams:
        for each in stream.pauses:
            whole = each.rule or "every rule"
            table.add_row(stream.name, whole, f"{each.until:%Y-%m-%d %H:%M:%S}", each.who, each.because)
    return table


def _runs(streams: Sequence[StreamView]) -> Table:
    table = Table("run", "state", "round", "progress", "since (UTC)")
    for run in (run for stream in streams for run in stream.runs):
        progress = f"{run.progress.stage} {run.progress.done}/{run.progress.total}" if run.progress else ""
        table.add_row(run.spec.id, run.state.value, str(run.round), progress, f"{run.updated_at:%Y-%m-%d %H:%M:%S}")
    return table


def _alerts(receivers: Sequence[ReceiverStatus]) -> Table:
    table = Table("receiver", "pending", "delivered", "refused", "last error")
    for each in receivers:
        table.add_row(each.name, str(each.pending), str(each.delivered), str(each.dead), each.error or "")
    return table


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch status --watch")(status)
