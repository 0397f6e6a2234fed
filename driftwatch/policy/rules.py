"""How policy files become the rules in force: all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from driftwatch.policy.findings import mistakes_of, no_more_pairs, no_policy, twice, unknown_recipes, unknown_streams
from driftwatch.policy.forms import PolicyFile, json_schema
from driftwatch.policy.making import digest, rule_of
from driftwatch.policy.mistakes import Mistake, MistakesError
from driftwatch.policy.precedence import Written, precedence
from driftwatch.policy.ruleset import Hold, Policy, Rule
from driftwatch.policy.source import Source, parse_source, read_source

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Hold", "Policy", "Rule", "json_schema", "load_policies", "parse_policies"]


def load_policies(paths: Iterable[Path], *, streams: Collection[str], recipes: Collection[str]) -> Policy:
    """Read policy files; all of them or none.

    Args:
        paths: in the order their rules are looked at.
        streams: names of the configured streams.
        recipes: names of the known recipes.

    Raises:
        PolicyError: everything that is wrong, each as ``file:line:column`` with its line, a caret and a cure.
    """
    return _load([(path, None) for path in paths], streams=streams, recipes=recipes)


def parse_policies(texts: Mapping[str, str], *, streams: Collection[str], recipes: Collection[str]) -> Policy:
    """Read policies from texts by name, as ``load_policies`` reads files."""
    return _load([(Path(name), text) for name, text in texts.items()], streams=streams, recipes=recipes)


def _load(files: Sequence[tuple[Path, str | None]], *, streams: Collection[str], recipes: Collection[str]) -> Policy:
    found: list[Mistake] = []
    rules: dict[str, list[Written]] = {stream: [] for stream in streams}
    read: dict[str, str] = {}
    for path, text in files:
        try:
            source = read_source(path) if text is None else parse_source(text, name=str(path))
            read[source.name] = source.text
            _add(source, rules, recipes)
        except MistakesError as error:
            found += error.mistakes
    if not found:  # a rule that could not be read would be missed by those that name it
        found += dict.fromkeys(mistake for stream, kept in rules.items() for mistake in precedence(stream, kept))
    if found:
        raise MistakesError(found)
    said = [(stream, [(each.rule.name, each.rule.fingerprint) for each in rules[stream]]) for stream in sorted(rules)]
    return Policy(
        hash=digest(said),
        rules={stream: tuple(each.rule for each in kept) for stream, kept in rules.items()},
        files=read,
        places={(stream, each.rule.name): each.where for stream, kept in rules.items() for each in kept},
    )


def _add(source: Source, rules: dict[str, list[Written]], recipes: Collection[str]) -> None:
    """Add one file's rules to the streams it names."""
    if (cases := no_policy(source)) is not None:
        raise MistakesError([cases])
    try:
        file = PolicyFile.model_validate(source.data)
    except ValidationError as error:
        raise MistakesError(mistakes_of(source, error)) from None
    mistakes = [
        *unknown_streams(source, file, rules),
        *unknown_recipes(source, file, recipes),
        *no_more_pairs(source, file),
    ]
    made = [rule_of(source, index, model, mistakes) for index, model in enumerate(file.rules)]
    for stream in rules if file.stream == "*" else dict.fromkeys(file.stream):
        taken = {each.rule.name for each in rules.get(stream, [])}
        for index, rule in enumerate(made):
            if rule is not None and rule.name in taken:
                mistakes.append(twice(source, index, rule.name, stream))
            elif rule is not None and stream in rules:
                taken.add(rule.name)
                rules[stream].append(Written(rule=rule, source=source, index=index))
    if mistakes:
        raise MistakesError(list(dict.fromkeys(mistakes)))
