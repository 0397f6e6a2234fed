"""Where the command line begins: its name, and the options before every command."""

from __future__ import annotations

from typing import Annotated

import typer

from driftwatch import __version__
from driftwatch.cli.frame import debug


def root() -> typer.Typer:
    """Return the command line without a command."""
    app = typer.Typer(
        name="driftwatch",
        help="Watches the text a language model serves for drift; retrains, checks and promotes when it is worth it.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(epilog="Example: driftwatch init, then driftwatch check, then driftwatch run")(_root)
    return app


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"driftwatch {__version__}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    show_traceback: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Watch production text for drift."""
    del version
    debug["on"] = show_traceback
