"""``driftwatch policy history``: which rules were in force since when, on whose word, and what was refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told
from driftwatch.domain.audit import POLICY_WORDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.audit import AuditEntry


@told
def history(
    limit: Annotated[int, typer.Option(min=1, help="Most entries.")] = 20,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    diff: Annotated[bool, typer.Option("--diff", help="Show what changed each time.")] = False,
    json: JsonOption = False,
) -> None:
    """Show every change of the rules in force, newest first: when, on whose word, and reloads that were refused."""
    store = opened(read_config(config))
    try:
        found = store.audit.recent(what=POLICY_WORDS, limit=limit)
    finally:
        store.close()
    if json:
        print_json(found)
    elif not found:
        out.print("no rules were in force yet; the daemon notes them when it starts")
    elif diff:
        _show_all(found)
    else:
        _show(found)


def _show(found: Sequence[AuditEntry]) -> None:
    table = Table("time (UTC)", "what", "by", "old", "new")
    for entry in found:
        table.add_row(*_line(entry))
    out.print(table)


def _show_all(found: Sequence[AuditEntry]) -> None:
    for entry in found:
        at, what, who, old, new = _line(entry)
        out.print(f"{at}  {what}  by {who}  {old} -> {new}", soft_wrap=True)
        for line in (entry.detail.get("diff") or entry.detail.get("error", "")).splitlines():
            out.print("  " + "".join(each if each.isprintable() else " " for each in line), soft_wrap=True)


def _line(entry: AuditEntry) -> tuple[str, str, str, str, str]:
    old, new = entry.detail.get("old", "") or "none", entry.detail.get("new", "")
    return f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.what, entry.who, old, new or "refused"


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch policy history --diff")(history)
