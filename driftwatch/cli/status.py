"""What is going on, in a terminal."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group
from rich.live import Live
from rich.table import Table

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told

if TYPE_CHECKING:
    from rich.console import RenderableType

    from driftwatch.config import Config
    from driftwatch.store import Store
    from driftwatch.web.view import StatusView

_EVERY_SECONDS = 2.0


@told
def status(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every two seconds.")] = False,
    json: JsonOption = False,
) -> None:
    """Show each stream: where it stands, its last window, decisions and runs."""
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


def _view(config: Config, store: Store) -> StatusView:
    from driftwatch import __version__
    from driftwatch.web.view import status_from
    from driftwatch.wiring import CLOCK

    return status_from(store, config.streams, version=__version__, at=CLOCK.now())


def _drawn(config: Config, store: Store) -> RenderableType:
    view = _view(config, store)
    streams = Table(
        "stream", "standing", "backlog", "windows", "MMD p", "loss increase", "new share", "model", "reference"
    )
    for stream in view.streams:
        last = stream.windows[0] if stream.windows else None
        figures = [
            "" if last is None or (value := last.value(name)) is None else f"{value:.3g}"
            for name in ("embedding.mmd_p", "loss.increase", "drift.new_share")
        ]
        streams.add_row(
            stream.name,
            stream.standing,
            f"{stream.backlog:,}",
            str(last.index + 1) if last is not None else "0",
            *figures,
            stream.champion or "–",
            stream.reference or "–",
        )
    runs = Table("run", "state", "round", "progress", "since (UTC)")
    for run in (run for stream in view.streams for run in stream.runs):
        progress = f"{run.progress.stage} {run.progress.done}/{run.progress.total}" if run.progress else ""
        runs.add_row(run.spec.id, run.state.value, str(run.round), progress, f"{run.updated_at:%Y-%m-%d %H:%M:%S}")
    return Group(streams, runs) if runs.row_count else streams


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch status --watch")(status)
