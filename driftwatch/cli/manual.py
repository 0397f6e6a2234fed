"""The command line's manual as Markdown, written from the commands: ``python -m driftwatch.cli.manual``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from driftwatch.cli.whole import app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_INTRODUCTION = """\
# The command line

Written from the commands themselves by `python -m driftwatch.cli.manual > docs/cli.md`; a test holds it equal.

`driftwatch --version` prints the version, `driftwatch --install-completion` completes commands in your shell, and
`driftwatch --debug COMMAND` shows where an error comes from. Without `--debug` every mistake is told in one sentence on
standard error (`error: where: what`, then `cure: …`), and the exit code says what kind it was.

| code | meaning |
|---|---|
| 0 | fine |
| 1 | failure |
| 2 | the input cannot be used: options, configuration, policy, data or model |
| 3 | `driftwatch drift` found drift |
| 4 | there is nothing of that name |
| 5 | it does not fit the present state |
| 6 | the store cannot be read or written |
| 130 | interrupted |

Results go to standard output, everything else to standard error. With `--json` the result is one line of JSON whose
keys stay; colours and progress bars appear on terminals only.
"""


def manual() -> str:
    """Return the manual."""
    return _INTRODUCTION + "".join(
        f"\n{section}" for section in _sections(typer.main.get_command(app), ("driftwatch",))
    )


def _sections(command: Any, path: tuple[str, ...]) -> Iterator[str]:  # noqa: ANN401 - typer's commands have no public type
    for name, each in getattr(command, "commands", {}).items():
        if each.hidden:
            continue
        if hasattr(each, "commands"):
            yield from _sections(each, (*path, name))
        else:
            yield _section(each, " ".join((*path, name)))


def _section(command: Any, path: str) -> str:  # noqa: ANN401
    arguments = [each for each in command.params if not each.opts[0].startswith("-")]
    options = [each for each in command.params if each.opts[0].startswith("-") and not each.hidden]
    usage = " ".join((path, *(each.metavar or each.name.upper() for each in arguments)))
    rows = "".join(f"| `{_named(each)}` | {_said(each)} |\n" for each in (*arguments, *options))
    example = (command.epilog or "").removeprefix("Example: ")
    table = f"\n| option | meaning |\n|---|---|\n{rows}" if rows else ""
    return f"## {path}\n\n{command.help}\n\n```\n{usage}\n```\n\nExample: `{example}`\n{table}"


def _named(option: Any) -> str:  # noqa: ANN401
    if not option.opts[0].startswith("-"):
        return str(option.metavar or option.name.upper())
    value = "" if option.is_flag else f" {option.name.upper()}"
    return ", ".join((*sorted(option.opts, key=len), *option.secondary_opts)) + value


def _said(option: Any) -> str:  # noqa: ANN401
    notes = []
    if isinstance(option.show_default, str):
        notes.append(f"default: {option.show_default}")
    elif option.default not in (None, "") and not getattr(option, "is_flag", False):
        notes.append(f"default: {option.default}")
    if option.envvar:
        notes.append(f"environment: `{option.envvar}`")
    return str(option.help) + (f" ({'; '.join(notes)})" if notes else "")


if __name__ == "__main__":
    sys.stdout.write(manual())

__all__ = ["manual"]
