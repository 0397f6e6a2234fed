"""Commands on policies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from driftwatch.cli.frame import DEFAULT_CONFIG, ConfigOption, JsonOption, err, out, print_json, read_config, told, warn
from driftwatch.domain.errors import PolicyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from driftwatch.config import Config
    from driftwatch.policy.advice import Advice
    from driftwatch.policy.history import Record
    from driftwatch.policy.ruleset import Policy

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
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    json: JsonOption = False,
) -> None:
    """Check policy files: every mistake with line, column and a suggestion, and warnings of what cannot be meant."""
    from driftwatch import wiring
    from driftwatch.policy.rules import load_policies
    from driftwatch.retrain.recipe import builtin_recipes

    loaded: Config | None = None
    if files and config == DEFAULT_CONFIG and not config.exists():
        warn("there is no configuration here, so the names of streams are taken as they are")
        found = load_policies(files, streams=_named(files), recipes=tuple(builtin_recipes()))
    else:
        loaded = read_config(config)
        streams, recipes = tuple(loaded.streams), tuple(wiring.known_recipes(loaded))
        found = load_policies(files, streams=streams, recipes=recipes) if files else wiring.load_policy(loaded)
    absent = wiring.unmatched_policies(loaded) if loaded is not None and not files else ()
    for pattern in absent:
        warn(f"no policy file is there: {pattern}")
    warnings, records = _advice(loaded, found)
    if json:
        print_json(_shown(found, warnings, records))
    else:
        _print(found, warnings, records)
    if strict and (warnings or absent):
        raise typer.Exit(PolicyError.exit_code)


@app.command(epilog="Example: driftwatch policy schema > policies/policy.schema.json")
@told
def schema() -> None:
    """Print the JSON Schema of policy files, by which editors complete and check them."""
    from driftwatch.policy.forms import json_schema

    sys.stdout.write(json_schema())


def _advice(config: Config | None, policy: Policy) -> tuple[tuple[Advice, ...], tuple[Record, ...]]:
    from driftwatch import wiring
    from driftwatch.policy.advice import advise

    if config is None:
        return advise(policy, sizes={}, now=wiring.CLOCK.now()), ()
    said = wiring.advice_of(config, policy)
    try:
        by_history, records = wiring.advice_by_history(config, policy)
    except StoreError as error:
        warn(f"what is recorded was not looked at: {error}")
        return said, ()
    return (*said, *by_history), records


def _shown(policy: Policy, warnings: Sequence[Advice], records: Sequence[Record]) -> dict[str, object]:
    return {
        "hash": policy.hash,
        "rules": {stream: [rule.name for rule in rules] for stream, rules in policy.rules.items()},
        "warnings": warnings,
        "history": records,
    }


def _print(policy: Policy, warnings: Sequence[Advice], records: Sequence[Record]) -> None:
    for stream, rules in policy.rules.items():
        names = [rule.name for rule in rules]
        out.print(f"{stream}: {', '.join(names) if names else 'no rules'}")
    for record in records:
        out.print(str(record), soft_wrap=True)
    for warning in warnings:
        err.print(str(warning), soft_wrap=True)
    count = f", with {len(warnings)} warning{'' if len(warnings) == 1 else 's'}" if warnings else ""
    out.print(f"policy {policy.hash} is fine{count}")


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
