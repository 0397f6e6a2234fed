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
from rich.text import Text

from driftwatch.cli.handover import hand_over
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

# What is shown comes from files and models: brackets and colons in it are no markup.
out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)
debug = {"on": False}
_read: set[Path] = set()
"""State folders of the configurations that were read."""


def told(command: Command) -> Command:
    """Turn every error into a message with a cure and an exit code; ``--debug`` shows where it comes from."""
    return _telling(command, unexpected=True)


def told_if_known(command: Command) -> Command:
    """Likewise, for the processes that nobody watches: what is unexpected ends them with its traceback in the log."""
    return _telling(command, unexpected=False)


def _telling(command: Command, *, unexpected: bool) -> Command:
    @wraps(command)
    def run(*args: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the command takes and gives
        try:
            return command(*args, **options)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except DriftwatchError as error:
            if debug["on"]:
                raise
            fail(error)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(_BROKEN_PIPE) from None
        except Exception as error:
            if debug["on"] or not unexpected:
                raise
            fail(_surprise(error))
        finally:
            for state in _read:
                hand_over(state)

    return run  # type: ignore[return-value]


def _surprise(error: Exception) -> DriftwatchError:
    if isinstance(error, OSError) and error.strerror:
        return DriftwatchError(error.strerror, where=str(error.filename) if error.filename else None)
    return DriftwatchError(
        f"unexpected {type(error).__name__}: {error}", cure="driftwatch --debug shows where it comes from; report it"
    )


def fail(error: DriftwatchError) -> NoReturn:
    """Print what is wrong, where, and the cure; leave with the error's exit code."""
    whole, cure = str(error), error.cure
    if "\n" in whole and "\n" not in error.what:  # several mistakes, each with its own place and cure
        cure = None
    else:
        whole = f"{error.where}: {error.what}" if error.where else error.what
    err.print(Text.assemble(("error:", "red"), f" {whole}"), soft_wrap=True)
    if cure:
        err.print(f"cure: {cure}", soft_wrap=True)
    raise typer.Exit(error.exit_code)


def warn(words: str) -> None:
    """Print what is worth knowing and stops nothing."""
    err.print(Text.assemble(("warning:", "yellow"), f" {words}"), soft_wrap=True)


def one_line(words: str) -> str:
    """Leave out what would move a terminal's cursor or cannot be stored: it is shown on terminals for ever."""
    return " ".join("".join(each if each.isprintable() else " " for each in words).split())


def print_json(value: object) -> None:
    """Print a value as JSON, one line, exactly as it is."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def read_config(path: Path) -> Config:
    """Read the configuration; from then on, what an encoder says when it loads goes beside a command's answer.

    Raises:
        ConfigError: it cannot be used.
    """
    from driftwatch import wiring
    from driftwatch.config import load_config

    wiring.log_to_stderr("text")
    config = load_config(path, environ=os.environ)
    _read.add(config.state_dir)
    return config


def opened(config: Config) -> Store:
    """Open the store.

    Raises:
        StoreError: it cannot be opened.
    """
    from driftwatch import wiring

    return wiring.open_store(config)
