"""What a look at the installation found, and how it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import typer
from rich.table import Table
from rich.text import Text

from driftwatch.cli.frame import out, print_json
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Level = Literal["ok", "warning", "error"]
_COLOURS = {"ok": "green", "warning": "yellow", "error": "red"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at.

    Args:
        level: how it stands.
        subject: what was looked at.
        detail: what was found.
        code: exit code of an error.
    """

    level: Level
    subject: str
    detail: str
    code: int = 1


def asked(subject: str, ask: Callable[[], str]) -> Finding:
    """Return what a question found; its error is a finding too."""
    try:
        return Finding(level="ok", subject=subject, detail=ask())
    except DriftwatchError as error:
        return Finding(level="error", subject=subject, detail=str(error), code=error.exit_code)


def report(findings: Sequence[Finding], *, json: bool) -> None:
    """Print all findings and leave with the first error's exit code."""
    if json:
        print_json(findings)
    else:
        table = Table("", "what", "finding")
        for each in findings:
            table.add_row(Text(each.level, _COLOURS[each.level]), Text(each.subject), Text(each.detail))
        out.print(table)
    errors = [each.code for each in findings if each.level == "error"]
    if errors:
        raise typer.Exit(errors[0])
