"""The recipes that policies can name."""

from __future__ import annotations

from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.domain.errors import NotFoundError
from driftwatch.domain.run import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALL = Recipe(
    name="small",
    learning_rates=(3e-4, 1e-4),
    epochs=2.0,
    batch=8,
    context=512,
    max_texts=20_000,
    checkpoint_steps=25,
)
"""For models up to some hundred million parameters, on a CPU or one small GPU."""

FULL = Recipe(
    name="full",
    learning_rates=(5e-5, 2e-5, 1e-5),
    epochs=3.0,
    batch=32,
    context=1_024,
    warmup=0.05,
    max_texts=200_000,
    checkpoint_steps=100,
)
"""For larger models on a GPU: gentler steps, more text, three settings to try."""

RECIPES: Mapping[str, Recipe] = MappingProxyType({recipe.name: recipe for recipe in (SMALL, FULL)})
"""Every built-in recipe by its name."""


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name.

    Raises:
        NotFoundError: there is none; the cure names the nearest one.

    Examples:
        >>> find_recipe("small").batch
        8
    """
    if (recipe := RECIPES.get(name)) is not None:
        return recipe
    nearest = get_close_matches(name, RECIPES, n=1)
    cure = f"did you mean {nearest[0]}?" if nearest else f"known recipes: {', '.join(RECIPES)}"
    raise NotFoundError(f'there is no recipe "{name}"', cure=cure)


def learning_rate(recipe: Recipe, *, round: int) -> float:  # noqa: A002 - the word of the house
    """Return the round's learning rate; rounds count from 1, and those beyond the last setting use the last.

    Examples:
        >>> learning_rate(SMALL, round=1), learning_rate(SMALL, round=5)
        (0.0003, 0.0001)
    """
    return recipe.learning_rates[min(max(round, 1), len(recipe.learning_rates)) - 1]
