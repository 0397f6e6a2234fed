"""What changed from one set of rules to the next, as a unified diff of files and recipes."""

from __future__ import annotations

from dataclasses import asdict
from difflib import unified_diff
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.run import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftwatch.policy.ruleset import Policy

_MOST_LINES = 20_000
"""Lines of both sides that are compared; comparing more would keep the reload waiting."""

_MOST_CHARACTERS = 65_536
_CONTEXT = 3


def difference(
    old_files: Mapping[str, str],
    new_files: Mapping[str, str],
    old_recipes: Mapping[str, Recipe],
    new_recipes: Mapping[str, Recipe],
) -> str:
    """Return a unified diff of policy files and recipes; empty where nothing differs.

    Args:
        old_files: text by file name.
        new_files: likewise.
        old_recipes: by name.
        new_recipes: likewise.
    """
    lines = [
        *_compare(old_files, new_files),
        *_compare(
            {f"recipe {name}": _written(recipe) for name, recipe in old_recipes.items()},
            {f"recipe {name}": _written(recipe) for name, recipe in new_recipes.items()},
        ),
    ]
    whole = "\n".join(lines)
    return whole if len(whole) <= _MOST_CHARACTERS else f"{whole[:_MOST_CHARACTERS]}\n… cut here: the rest is too long"


def recipes_hash(recipes: Mapping[str, Recipe]) -> str:
    """Return a hash of everything that the recipes say."""
    return blake2b(recipes_text(recipes).encode(), digest_size=6).hexdigest()


def recipes_text(recipes: Mapping[str, Recipe]) -> str:
    """Return the recipes as text from which they can be read again."""
    return msgspec.json.encode({name: recipes[name] for name in sorted(recipes)}).decode()


def read_recipes(text: str) -> dict[str, Recipe]:
    """Return the recipes that ``recipes_text`` wrote; none of them where this version no longer takes them."""
    try:
        return msgspec.json.decode(text, type=dict[str, Recipe])
    except msgspec.DecodeError:
        return {}


def same(before: Policy, after: Policy) -> bool:
    """Say whether the rules and recipes are the same; the files may say it in other words."""
    return (before.hash, before.recipes) == (after.hash, after.recipes)


def _compare(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = old.get(name, ""), new.get(name, "")
        if before == after:
            continue
        sides = before.splitlines(), after.splitlines()
        if len(sides[0]) + len(sides[1]) > _MOST_LINES:
            yield f"--- {name}"
            yield f"+++ {name}"
            yield f"… changed; {len(sides[0]):,} and {len(sides[1]):,} lines are too many to compare"
            continue
        names = (name if name in old else "/dev/null", name if name in new else "/dev/null")
        yield from unified_diff(*sides, *names, n=_CONTEXT, lineterm="")


def _written(recipe: Recipe) -> str:
    return "\n".join(f"{name} = {value!r}" for name, value in asdict(recipe).items())
