"""Pages of a window on disk: what happened, and a second opinion by evidently."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, err, opened, out, read_config, told
from driftwatch.domain.errors import DriftwatchError, NotFoundError

if TYPE_CHECKING:
    from driftwatch.config import Config

StreamArgument = Annotated[str, typer.Argument(metavar="STREAM", help="Name of the stream.")]
WindowArgument = Annotated[int, typer.Argument(metavar="WINDOW", min=0, help="Number of the window.")]


@told
def incident(
    stream: StreamArgument,
    window: WindowArgument,
    to: Annotated[
        Path | None, typer.Option("--out", help="File to write.", show_default="incident-STREAM-WINDOW.html")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Write the incident page of a stored window: what changed, since when, how much, who, and what was done."""
    from driftwatch.wiring.analysis import stream_settings
    from driftwatch.wiring.incidents import incident as incident_html

    loaded = read_config(config)
    stream_settings(loaded, stream)
    store = opened(loaded)
    try:
        html = incident_html(loaded, store, stream, window, base=_base(loaded))
    finally:
        store.close()
    if html is None:
        raise NotFoundError(f"stream {stream} has no window {window}", cure="driftwatch status shows the newest")
    file = to or Path(f"incident-{stream}-{window}.html")
    try:
        file.write_text(html, encoding="utf-8")
    except OSError as error:
        raise DriftwatchError(f"it cannot be written: {error.strerror}", where=str(file)) from None
    out.print(f"page: {file}", soft_wrap=True)


def _base(config: Config) -> str:
    """Return where people reach the daemon's pages."""
    receiver = config.alerts.alertmanager
    link = receiver.link if receiver is not None else None
    return (link or f"http://{config.daemon.listen}").rstrip("/")


@told
def report(
    stream: StreamArgument,
    window: WindowArgument,
    config: ConfigOption = DEFAULT_CONFIG,
) -> None:
    """Make evidently's report of a stored window; the window's page links to it from then on."""
    from driftwatch import wiring

    loaded = read_config(config)
    with err.status("measuring texts"):
        file = wiring.report(loaded, stream, window)
    out.print(f"report: {file}", soft_wrap=True)
    out.print(f"page: http://{loaded.daemon.listen}/streams/{stream}/windows/{window}", soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: driftwatch incident support 12 --out incident.html")(incident)
    app.command(epilog="Example: driftwatch report support 12")(report)
