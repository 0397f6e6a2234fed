"""Commands on policies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, out, print_json, read_config, told

app = typer.Typer(help="The rules that decide.", no_args_is_help=True)


@app.callback()
def policy() -> None:
    """The rules that decide."""


@app.command(epilog="Example: driftwatch policy check policies/chatbot.yaml")
@told
def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Files; the configured ones if none.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    json: JsonOption = False,
) -> None:
    """Check policy files: every mistake with line, column and a suggestion."""
    from driftwatch import wiring
    from driftwatch.policy.rules import load_policies
    from driftwatch.retrain.recipe import RECIPES

    loaded = read_config(config)
    found = (
        load_policies(files, streams=tuple(loaded.streams), recipes=tuple(RECIPES))
        if files
        else wiring.load_policy(loaded)
    )
    rules = {stream: [rule.name for rule in found.of(stream)] for stream in loaded.streams}
    if json:
        print_json({"hash": found.hash, "rules": rules})
        return
    for stream, names in rules.items():
        out.print(f"{stream}: {', '.join(names) if names else 'no rules'}")
    out.print(f"policy {found.hash} is fine")
