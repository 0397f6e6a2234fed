"""Commands on alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told

if TYPE_CHECKING:
    from datetime import datetime

app = typer.Typer(help="Alarms, and what you say of them.", no_args_is_help=True)
StreamArgument = Annotated[str, typer.Argument(metavar="STREAM", help="Name of the stream.")]


@app.command("list", epilog="Example: driftwatch alarm list support")
@told
def list_(
    stream: StreamArgument,
    windows: Annotated[int, typer.Option(min=1, help="Newest windows looked at.")] = 5_000,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """List a stream's alarms, newest first."""
    from driftwatch import wiring

    loaded = read_config(config)
    wiring.stream_settings(loaded, stream)
    store = opened(loaded)
    try:
        found = wiring.alarms(store, stream, windows=windows)
    finally:
        store.close()
    if json:
        print_json(found)
        return
    if not found:
        out.print(f"no alarm in the newest {windows:,} windows of stream {stream}")
        return
    table = Table("window", "in force to", Column("state", min_width=13), "raised (UTC)", "since about (UTC)", "marked")
    for each in found:
        said = f"{each.mark.word} by {each.mark.who}: {each.mark.note}".removesuffix(": ") if each.mark else ""
        last = f"{each.last}, still" if each.in_force else str(each.last)
        state = each.state.value if each.state is not None else ""
        table.add_row(str(each.window), last, state, _moment(each.raised_at), _moment(each.onset_at), said)
    out.print(table)


@app.command(epilog='Example: driftwatch alarm mark support 41 --false --note "a test of the new form"')
@told
def mark(
    stream: StreamArgument,
    window: Annotated[int, typer.Argument(metavar="WINDOW", min=0, help="A window in which the alarm is in force.")],
    *,
    false: Annotated[bool, typer.Option("--false/--true", help="Nothing had drifted, or something had.")],
    note: Annotated[str, typer.Option(help="Why.", show_default=False)] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    json: JsonOption = False,
) -> None:
    """Say whether an alarm was false; false ones are counted beside the budget."""
    from driftwatch import wiring

    loaded = read_config(config)
    wiring.stream_settings(loaded, stream)
    store = opened(loaded)
    try:
        made = wiring.mark_alarm(store, stream, window, false=false, note=note)
        total = store.marks.false(stream)
    finally:
        store.close()
    if json:
        print_json(made)
    else:
        out.print(f"the alarm of window {made.window} is marked {made.word}; marked false in all: {total}")


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
