"""A second opinion on a window: evidently's report."""

from __future__ import annotations

from typing import Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, err, out, read_config, told


@told
def report(
    stream: Annotated[str, typer.Argument(metavar="STREAM", help="Name of the stream.")],
    window: Annotated[int, typer.Argument(metavar="WINDOW", min=0, help="Number of the window.")],
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
    """Add the command."""
    app.command(epilog="Example: driftwatch report support 12")(report)
