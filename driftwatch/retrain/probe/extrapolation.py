"""From two small trainings to the whole run: what is gained at first order grows with the logarithm of the tokens.

A short training has two effects on held-out text: it moves towards the new text, which the whole run goes on with, and
it is knocked about by the first steps of a new optimiser at its highest rates, which the whole run recovers from.
Between champion (0) and trained model (1) the gain at x is about ``first x - shock x^2``; so the gain is measured not
at the trained model but a part of the way towards it, and divided by that part, which leaves little of the shock.
Without this, slight drifts, which are the ones that a probe is for, look like losses.

The first-order gains of the two trainings are carried on to the run's tokens along a straight line in log tokens. How
well that does is known from the drifts of ``benchmarks.retraining.probe``: the median and spread of the ratio between
the true gain and what the line says. The interval draws that ratio and the held-out texts anew each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 2_000
CONFIDENCE = 0.9
PART = 0.25
"""Where between champion (0) and trained model (1) the gain is measured."""

KEPT = 0.9
"""True gain over what the straight line says (median)."""

SPREAD = 0.35
"""Standard deviation of the logarithm of that ratio."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Losses on the same held-out texts, of the champion and a part of the way towards the small trainings' models.

    Args:
        champion: float64 [texts], nats.
        small: float64 [texts], towards the smaller training's model.
        large: float64 [texts], towards the larger one's.
        tokens: float64 [texts].
        groups: of each text; texts of one group are drawn together.
    """

    champion: Floats
    small: Floats
    large: Floats
    tokens: Floats
    groups: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate with its 90% interval, nats per token."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Extrapolated:
    """The first-order gains of the small trainings and the gain of the whole run."""

    small: Interval
    large: Interval
    full: Interval


def extrapolate(measured: Measured, *, sizes: Sequence[int], full: float, seed: int) -> Extrapolated:
    """Foretell the whole run's gain.

    Args:
        measured: losses.
        sizes: tokens of the two small trainings.
        full: tokens of the whole run.
        seed: of the draws.

    Raises:
        ValueError: fewer than two groups of texts, or no tokens.
    """
    gains = [(measured.champion - losses) / PART for losses in (measured.small, measured.large)]
    totals = _by_group(np.column_stack((*gains, measured.tokens)), measured.groups)
    if len(totals) < 2 or totals[:, -1].sum() <= 0:  # noqa: PLR2004 - a spread takes two
        raise ValueError("too few held-out texts")
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(totals), np.full(len(totals), 1 / len(totals)), size=RESAMPLES) @ totals
    drawn = drawn[drawn[:, -1] > 0]
    means, value = drawn[:, :-1] / drawn[:, -1:], totals[:, :-1].sum(0) / totals[:, -1].sum()
    reach = float(np.log(full / sizes[1]) / np.log(sizes[1] / sizes[0]))
    ratio = KEPT * np.exp(generator.normal(0, SPREAD, len(means)))
    ends = ratio * (means[:, 1] + reach * (means[:, 1] - means[:, 0]))
    expected = float(KEPT * (value[1] + reach * (value[1] - value[0])))
    return Extrapolated(
        small=_interval(means[:, 0], float(value[0])),
        large=_interval(means[:, 1], float(value[1])),
        full=_interval(ends, expected),
    )


def _interval(values: Floats, value: float) -> Interval:
    low, high = np.quantile(values, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Interval(value=value, low=min(float(low), value), high=max(float(high), value))


def _by_group(sums: Floats, groups: Sequence[str]) -> Floats:
    _, places = np.unique(np.asarray(groups), return_inverse=True)
    totals = np.zeros((int(places.max()) + 1, sums.shape[1]))
    np.add.at(totals, places, sums)
    return totals
