"""The command line: one file per group of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

LASTING = ("run", "worker", "job")
"""Commands that run for long: what is loaded for the others they would hold all the time."""


def app_for(command: str | None) -> typer.Typer:
    """Return the command line that knows a command: all of it, or the few that run for long.

    Args:
        command: as it is called; None where there is none.
    """
    if command not in LASTING:
        from driftwatch.cli.whole import app

        return app
    from driftwatch.cli import running
    from driftwatch.cli.root import root

    few = root()
    running.add_to(few)
    return few


def __getattr__(name: str) -> typer.Typer:
    """Return the whole command line as ``app``, built once it is asked for (PEP 562)."""
    if name == "app":
        return app_for(None)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
