"""How a probe spends its budget: a small training, and some texts to measure it by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import accumulate
from math import sqrt
from typing import TYPE_CHECKING

from driftwatch.retrain.probe.record import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text

MEASURING = 0.4
"""Share of the budget that measuring may take: in so small a budget the held-out sample is the larger error."""

FORWARD = 1 / 3
"""Cost of a token that is only predicted, of one that is learnt from: the backward pass takes twice the forward's."""

MEASURED_TIMES = 2
"""Models that are measured: the champion and the trained one."""

_SHORTEST = 64
_CONTEXT = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a probe trains on and is measured by.

    Args:
        part: new texts of the small training; none where too little can be had.
        replay: replayed ones.
        tokens: trained on in it.
        held: texts to measure by.
        full_tokens: that the whole run trains on, every pass counted.
        cost: of the probe over the run's training, 0 to 1.
    """

    part: tuple[Text, ...]
    replay: tuple[Text, ...]
    tokens: int
    held: tuple[Text, ...]
    full_tokens: float
    cost: float

    @property
    def texts(self) -> int:
        """How many texts the small training has."""
        return len(self.part) + len(self.replay)


def plan(
    fresh: Sequence[Text],
    replay: Sequence[Text],
    held: Sequence[Text],
    recipe: Recipe,
    *,
    count: Callable[[Sequence[Text]], list[int]],
) -> Plan:
    """Deal out the budget ``recipe.probe``, a share of the run's training.

    Args:
        fresh: new texts that the run trains on.
        replay: those of the reference that it trains on again.
        held: texts that may be measured by.
        recipe: of the run.
        count: returns each text's tokens.
    """
    order = _order([*fresh, *replay], recipe.seed)
    texts = [(*fresh, *replay)[place] for place in order]
    rest = [held[place] for place in _order(held, recipe.seed)]
    sizes = count(texts)
    full = sum(sizes) * recipe.epochs
    budget = recipe.probe * full
    measured, read = _first(rest, count(rest), MEASURING * budget / (MEASURED_TIMES * FORWARD))
    spent = read * MEASURED_TIMES * FORWARD
    trained, tokens = _first(texts, sizes, budget - spent)
    return Plan(
        part=tuple(text for text, place in zip(trained, order, strict=False) if place < len(fresh)),
        replay=tuple(text for text, place in zip(trained, order, strict=False) if place >= len(fresh)),
        tokens=tokens,
        held=measured,
        full_tokens=full,
        cost=(tokens + spent) / full if full else 0.0,
    )


def recipe_of(recipe: Recipe, tokens: int) -> Recipe:
    """Return the recipe of the small training: one pass, in batches small enough for some steps.

    Smaller batches give noisier gradients, so the learning rates shrink with the square root of the tokens in a step.
    Source: Malladi et al., On the SDEs and Scaling Rules for Adaptive Gradient Algorithms (2022), arXiv 2205.10287.
    """
    step = max(tokens / STEPS, 1)
    usual = context = recipe.context or _CONTEXT
    while context > _SHORTEST and 2 * context > step:
        context //= 2
    batch = min(max(round(step / context), 1), recipe.batch)
    gentler = sqrt(batch * context / (recipe.batch * usual))
    return replace(
        recipe,
        learning_rates=tuple(rate * gentler for rate in recipe.learning_rates),
        epochs=1.0,
        context=context,
        batch=batch,
        at_once=None,
        patience=0,
        keep_adapter=False,
    )


def steps_of(recipe: Recipe, tokens: int) -> int:
    """Return the optimiser steps of a small training."""
    return max(1, round(tokens / (recipe.batch * (recipe.context or _CONTEXT))))


def _first(texts: Sequence[Text], sizes: Sequence[int], tokens: float) -> tuple[tuple[Text, ...], int]:
    """Return the first texts that hold no more than so many tokens, and how many they hold."""
    totals = [0, *accumulate(sizes)]
    count = sum(total <= tokens for total in totals) - 1
    return tuple(texts[:count]), totals[count]


def _order(texts: Sequence[Text], seed: int) -> list[int]:
    """Return the texts' places in an order that only they and the seed decide."""
    keys = [hashlib.blake2b(f"{seed}:{each.id}:{each.body}".encode("utf-8", "replace")).digest() for each in texts]
    return sorted(range(len(keys)), key=keys.__getitem__)
