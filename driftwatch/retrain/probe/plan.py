"""How a probe spends its budget: a small training, and some texts to measure it by."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate
from math import ceil, sqrt
from typing import TYPE_CHECKING

from driftwatch.retrain.probe.cost import step_tokens, train_cost
from driftwatch.retrain.probe.record import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text

MEASURING = 0.5
"""Share of the budget that measuring may take: in so small a budget the held-out sample is the larger error."""

MEASURED_TIMES = 2
"""Models that are measured: the champion and the trained one."""

_SHORTEST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a probe trains on and is measured by.

    Args:
        part: new texts of the small training; none where too little can be had.
        tokens: of these.
        held: texts to measure by.
        fresh_tokens: new tokens that the whole run trains on, every pass counted.
        full_tokens: these and replayed ones.
        cost: of the probe over the run's training, 0 to 1.
    """

    part: tuple[Text, ...]
    tokens: int
    held: tuple[Text, ...]
    fresh_tokens: float
    full_tokens: float
    cost: float


def plan(
    fresh: Sequence[Text],
    replay: Sequence[Text],
    held: Sequence[Text],
    recipe: Recipe,
    *,
    count: Callable[[Sequence[Text]], list[int]],
    read: float,
) -> Plan:
    """Deal out the budget ``recipe.probe``, a share of the run's training.

    The small training has no replayed texts: they teach the run next to nothing new, and cost it as much as new ones.

    Args:
        fresh: new texts that the run trains on.
        replay: those of the reference that it trains on again.
        held: texts that may be measured by.
        recipe: of the run.
        count: returns each text's tokens.
        read: cost of a token that is measured by, in tokens that are learnt from.
    """
    texts, rest = _ordered(fresh, recipe.seed), _ordered(held, recipe.seed)
    sizes = count(texts)
    new = sum(sizes) * recipe.epochs
    full = new + sum(count(tuple(replay))) * recipe.epochs
    whole = train_cost(full, recipe)
    budget = recipe.probe * whole
    each, totals, held_totals = MEASURED_TIMES * read, _totals(sizes), _totals(count(rest))
    measured = _within(held_totals, MEASURING * budget / each)
    spent = each * held_totals[measured]
    trained = _within(totals, budget - spent)
    while small_cost(recipe, totals[trained]) > budget - spent:
        trained -= 1
    spent += small_cost(recipe, totals[trained])
    return Plan(
        part=tuple(texts[:trained]),
        tokens=totals[trained],
        held=tuple(rest[:measured]),
        fresh_tokens=new,
        full_tokens=full,
        cost=spent / whole if full else 0.0,
    )


def small_cost(recipe: Recipe, tokens: int) -> float:
    """Return what a small training on so many tokens costs, in tokens that the run learns from."""
    return train_cost(tokens, recipe_of(recipe, tokens)) if tokens else 0.0


def recipe_of(recipe: Recipe, tokens: int) -> Recipe:
    """Return the recipe of the small training: one pass, in batches small enough for some steps.

    Smaller batches give noisier gradients, so the learning rates shrink with the square root of the tokens in a step.
    Source: Malladi et al., On the SDEs and Scaling Rules for Adaptive Gradient Algorithms (2022), arXiv 2205.10287.
    """
    step = max(tokens / STEPS, 1)
    usual = step_tokens(recipe)
    context = usual // recipe.batch
    while context > _SHORTEST and 2 * context > step:
        context //= 2
    batch = min(ceil(step / context), recipe.batch)
    gentler = sqrt(batch * context / usual)
    return replace(
        recipe,
        learning_rates=tuple(rate * gentler for rate in recipe.learning_rates),
        epochs=1.0,
        context=context,
        batch=batch,
        at_once=None,
        distill=0.0,
        patience=0,
        keep_adapter=False,
    )


def _totals(sizes: Sequence[int]) -> list[int]:
    """Return how many tokens the first texts have, from none on."""
    return [0, *accumulate(sizes)]


def _within(totals: Sequence[int], tokens: float) -> int:
    """Return how many of the first texts have no more than so many tokens."""
    return bisect_right(totals, tokens) - 1


def _ordered(texts: Sequence[Text], seed: int) -> list[Text]:
    """Return the texts in an order that only they and the seed decide; they are read once, for they lie on disk."""

    def key(text: Text) -> bytes:
        return hashlib.blake2b(f"{seed}:{text.id}:{text.body}".encode("utf-8", "replace")).digest()

    return sorted(texts, key=key)
