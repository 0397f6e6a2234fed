"""How a probe spends its budget: two small trainings, one a part of the other, and a few texts to measure them by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from itertools import accumulate
from math import sqrt
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.run import Recipe
    from driftwatch.domain.text import Text

RATIO = 3.0
"""How much larger the second training is than the first: between them the curve's slope is read."""

MEASURING = 0.4
"""Share of the budget that measuring may take."""

FORWARD = 1 / 3
"""Cost of a token that is only predicted, of one that is learnt from: the backward pass takes twice the forward's."""

STEPS = 64
"""Optimiser steps that the larger training should have, where smaller batches can bring that about."""

_SHORTEST = 64
_CONTEXT = 1_024
_MEASURED_TIMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a probe trains on and is measured by.

    Args:
        parts: texts of the two trainings, the first a part of the second; none where too little can be had.
        tokens: trained on in each.
        held: texts to measure by.
        full_tokens: that the whole run trains on, every pass counted.
        cost: of the probe over the run's training, 0 to 1.
    """

    parts: tuple[tuple[Text, ...], ...]
    tokens: tuple[int, ...]
    held: tuple[Text, ...]
    full_tokens: float
    cost: float


def plan(
    train: Sequence[Text], held: Sequence[Text], recipe: Recipe, *, count: Callable[[Sequence[Text]], list[int]]
) -> Plan:
    """Deal out the budget ``recipe.probe``, a share of the run's training.

    Args:
        train: everything that the run trains on.
        held: texts that may be measured by.
        recipe: of the run.
        count: returns each text's tokens.
    """
    texts, rest = _shuffled(train, recipe.seed), _shuffled(held, recipe.seed)
    sizes = count(texts)
    full = sum(sizes) * recipe.epochs
    budget = recipe.probe * full
    measured, read = _first(rest, count(rest), MEASURING * budget / (_MEASURED_TIMES * FORWARD))
    spent = read * _MEASURED_TIMES * FORWARD
    larger = (budget - spent) * RATIO / (1 + RATIO)
    parts = tuple(_first(texts, sizes, wanted) for wanted in (larger / RATIO, larger))
    tokens = tuple(size for _, size in parts)
    return Plan(
        parts=tuple(part for part, _ in parts),
        tokens=tokens,
        held=measured,
        full_tokens=full,
        cost=(sum(tokens) + spent) / full if full else 0.0,
    )


def recipe_of(recipe: Recipe, tokens: int) -> Recipe:
    """Return the recipe of the larger training and of its part: one pass, in batches small enough for some steps.

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


def _first(texts: Sequence[Text], sizes: Sequence[int], tokens: float) -> tuple[tuple[Text, ...], int]:
    """Return the first texts that hold no more than so many tokens, and how many they hold."""
    totals = [0, *accumulate(sizes)]
    count = sum(total <= tokens for total in totals) - 1
    return tuple(texts[:count]), totals[count]


def _shuffled(texts: Sequence[Text], seed: int) -> list[Text]:
    """Return the texts in an order that only they and the seed decide."""
    return sorted(
        texts, key=lambda text: hashlib.blake2b(f"{seed}:{text.id}:{text.body}".encode("utf-8", "replace")).digest()
    )
