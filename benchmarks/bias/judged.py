"""Candidates of the workshop judged by the product's own gate, with its default limit and neutral fine-tunes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.features import PairUnit
from driftwatch.domain.run import GateLimits
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.cells import cells_of
from driftwatch.gate.bias.gate import BiasGate, Look
from driftwatch.gate.bias.spread import Spread, measured_spread

if TYPE_CHECKING:
    from benchmarks.bias.fine_tunes import Scores, Workshop

PAIRS_ALONE = Spread(correlation=0.0, freedom=1e9)
"""What a bootstrap over pairs takes training noise for: none."""


def looked(shop: Workshop, champion: int, candidate: Scores, *, spread: Spread | None = None) -> Look:
    """Return what the gate sees of a candidate.

    Args:
        shop: with the champion and its neutral fine-tunes.
        champion: number of the champion.
        candidate: float64 [pairs], its scores.
        spread: of training noise; None for that of the champion's neutral fine-tunes.
    """
    limits = GateLimits()
    neutral = np.array([shop.neutral(champion, seed) for seed in range(limits.bias_neutral)])
    gate = BiasGate(pairs=builtin_suite(), max_increase=limits.bias_max_increase, neutral=neutral)
    before = shop.champion_scores(champion)
    return gate.look(gate.pairs, before=before, after=candidate, unit=PairUnit.NATS.value, spread=spread)


def spread_of(shop: Workshop, champion: int, *, share: float) -> Spread:
    """Return the spread of a champion's neutral fine-tunes that are so much shorter than a candidate's training."""
    seeds = range(GateLimits().bias_neutral)
    neutral = np.array([shop.neutral(champion, seed, share=share) for seed in seeds])
    return measured_spread(shop.champion_scores(champion), neutral, cells_of(builtin_suite()))
