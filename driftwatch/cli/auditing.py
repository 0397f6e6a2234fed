"""``driftwatch audit``: who did what."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, opened, out, print_json, read_config, told

_DIFF = "diff"
"""What changed in a policy: ``driftwatch policy history --diff`` shows it."""


@told
def audit(
    what: Annotated[
        list[str] | None, typer.Option("--what", help="Only of this kind, such as run-approved; may be given again.")
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Only of this run, stream, or STREAM/RULE.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most entries.")] = 50,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Say who approved, cancelled, rolled back, reloaded, marked, paused, forgot; newest first."""
    store = opened(read_config(config))
    try:
        found = store.audit.recent(what=what or None, subject=subject, limit=limit)
    finally:
        store.close()
    if json:
        print_json(found)
        return
    table = Table("at (UTC)", "who", "what", "subject", "detail")
    for each in found:
        shown = {name: value for name, value in each.detail.items() if value and name != _DIFF}
        detail = "; ".join(f"{name}: {value}" for name, value in shown.items())
        table.add_row(f"{each.at:%Y-%m-%d %H:%M:%S}", each.who, each.what, each.subject, detail)
    out.print(table if found else "nothing is noted")


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command(epilog="Example: driftwatch audit --what run-approved --what run-rolled-back")(audit)
