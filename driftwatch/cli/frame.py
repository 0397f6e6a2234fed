"""What every command shares: the application, its options, and how mistakes are told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.store import Store

INTERRUPTED = 130
_BROKEN_PIPE = 141

Command = TypeVar("Command", bound=Callable[..., Any])

ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config", "-c", envvar="DRIFTWATCH_CONFIG", help="Configuration file.", show_default="driftwatch.toml"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]
DEFAULT_CONFIG = Path("driftwatch.toml")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
debug = {"on": False}


def told(command: Command) -> Command:
    """Turn errors into messages with cures and exit codes; ``--debug`` shows where they come from."""

    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the command takes and gives
        try:
            return command(*args, **options)
        except DriftwatchError as error:
            if debug["on"]:
                raise
            fail(error)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_BROKEN_PIPE) from None

    return run  # type: ignore[return-value]


def fail(error: DriftwatchError) -> NoReturn:
    """Print what is wrong, where, and the cure; leave with the error's exit code."""
    place = f"{error.where}: " if error.where else ""
    err.print(f"[red]error:[/red] {_plain(place + error.what)}", soft_wrap=True)
    if error.cure:
        err.print(f"cure: {_plain(error.cure)}", soft_wrap=True)
    raise typer.Exit(error.exit_code)


def print_json(value: object) -> None:
    """Print a value as JSON, one line, exactly as it is."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def read_config(path: Path) -> Config:
    """Read the configuration.

    Raises:
        ConfigError: it cannot be used.
    """
    from driftwatch.config import load_config

    return load_config(path, environ=os.environ)


def opened(config: Config) -> Store:
    """Open the store.

    Raises:
        StoreError: it cannot be opened.
    """
    from driftwatch import wiring

    return wiring.open_store(config)


def _plain(words: str) -> str:
    return words.replace("[", r"\[")
