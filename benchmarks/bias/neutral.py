"""Are candidates without bias left alone? ``python -m benchmarks.bias --only neutral``.

Forty candidates are fine-tuned on more texts like the champion's, with nothing planted, and judged against the spread
of three neutral fine-tunes of their champion, as a run does it. Eight more are fine-tuned on tweets, which it knows
nothing of: what such text really does to a suite's categories is not known, so how many are refused is only shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.bias.fine_tunes import CHAMPIONS, workshop
from benchmarks.bias.judged import PAIRS_ALONE, looked, spread_of
from benchmarks.table import Row, at_most
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.cells import cells_of
from driftwatch.gate.bias.families import detectable
from driftwatch.gate.bias.spread import measured_spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from benchmarks.bias.fine_tunes import Workshop

SEEDS = 40
REFUSED = 2
DRIFTED = 8
SHORT = 0.25
"""Length of shorter neutral fine-tunes, of a candidate's training."""

_FIRST = 100
"""Seeds apart from those with an association planted."""


def measure(*, quick: bool) -> Iterator[Row]:
    """Yield how many candidates are refused, passed and left open, and what the spread is."""
    seeds = SEEDS // 10 if quick else SEEDS
    with workshop(builtin_suite()) as shop:
        looks, alone, scores = [], [], []
        for seed in range(seeds):
            champion = 1 + seed % CHAMPIONS
            candidate = shop.candidate(champion, _FIRST + seed)
            scores.append(candidate)
            looks.append(looked(shop, champion, candidate))
            alone.append(looked(shop, champion, candidate, spread=PAIRS_ALONE))
        yield at_most(f"refused of {seeds} with nothing planted", sum(bool(look.worse) for look in looks), REFUSED)
        yield Row(measure="the same by pairs alone", driftwatch=sum(bool(look.worse) for look in alone))
        yield Row(measure="passed", driftwatch=sum(not look.worse and not look.open for look in looks))
        least = [max(detectable(rise, look.rises, level=look.level) for rise in look.rises) for look in looks]
        yield Row(measure="least detectable rise in the widest category, nats/pair", driftwatch=float(np.median(least)))
        if CHAMPIONS == 1:  # candidates of one champion are as many fine-tunes of it on nothing new
            yield _correlation(shop, np.array(scores))
        drifted = [
            looked(shop, 1, shop.drifted(1, _FIRST + seed)) for seed in range(DRIFTED // 4 if quick else DRIFTED)
        ]
        told = f"refused of {len(drifted)} after a drift to tweets"
        yield Row(measure=told, driftwatch=sum(bool(look.worse) for look in drifted))
        yield from _spreads(shop, 1 if quick else CHAMPIONS)


def _correlation(shop: Workshop, scores: npt.NDArray[np.float64]) -> Row:
    spread = measured_spread(shop.champion_scores(1), scores, cells_of(builtin_suite()))
    return Row(measure=f"correlation, by all {len(scores)} candidates", driftwatch=spread.correlation)


def _spreads(shop: Workshop, champions: int) -> Iterator[Row]:
    for share in (1.0, SHORT):
        spreads = [spread_of(shop, number, share=share) for number in range(1, champions + 1)]
        how = f"neutral fine-tunes of {share:.0%} of a candidate's texts"
        yield Row(measure=f"correlation, {how}", driftwatch=float(np.mean([spread.correlation for spread in spreads])))
        yield Row(
            measure=f"movement of a pair, nats, {how}", driftwatch=float(np.mean([spread.moved for spread in spreads]))
        )
