"""Commands on policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, out, print_json, read_config, told, warn

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    from driftwatch.retrain.recipe import builtin_recipes

    if files and config == DEFAULT_CONFIG and not config.exists():
        warn("there is no configuration here, so the names of streams are taken as they are")
        streams, recipes = _named(files), builtin_recipes()
    else:
        loaded = read_config(config)
        streams, recipes = tuple(loaded.streams), wiring.known_recipes(loaded)
    found = load_policies(files, streams=streams, recipes=tuple(recipes)) if files else wiring.load_policy(loaded)
    rules = {stream: [rule.name for rule in found.of(stream)] for stream in streams}
    if json:
        print_json({"hash": found.hash, "rules": rules})
        return
    for stream, names in rules.items():
        out.print(f"{stream}: {', '.join(names) if names else 'no rules'}")
    out.print(f"policy {found.hash} is fine")


def _named(files: Iterable[Path]) -> tuple[str, ...]:
    """Return the streams that the files name; files that cannot be read are told of when their rules are."""
    from driftwatch.policy.mistakes import MistakesError
    from driftwatch.policy.source import read_source

    names: list[str] = []
    for file in files:
        try:
            wanted = read_source(file).data.get("stream")
        except MistakesError:
            continue
        if isinstance(wanted, list):
            names += [name for name in wanted if isinstance(name, str)]
    return tuple(dict.fromkeys(names)) or ("every stream",)
