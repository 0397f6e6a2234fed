"""From two small trainings to the whole run: the gain grows with the logarithm of the tokens trained on.

Over the range between a probe and its run, gains of fine-tunes lie near a straight line in log tokens; how near is the
spread of the slope, measured over the drifts of ``benchmarks.retraining.probe`` and drawn anew in every resample beside
the held-out texts. A power law of the gain (Kaplan et al. 2020, arXiv 2001.08361; Hestness et al. 2017, arXiv
1712.00409) bends between the same points no differently within noise, but has no meaning for gains about zero, which
are the ones that a probe is for.
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
STEEPER = 1.0
"""Slope from the larger small training to the whole run, over the slope between the small ones (median)."""

SPREAD = 0.35
"""Standard deviation of the logarithm of that ratio."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Losses on the same held-out texts, before and after the small trainings.

    Args:
        champion: float64 [texts], nats.
        small: float64 [texts], after the smaller training.
        large: float64 [texts], after the larger one.
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
    """The gains of the small trainings and that of the whole run."""

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
    sums = np.column_stack((measured.champion - measured.small, measured.champion - measured.large, measured.tokens))
    totals = _by_group(sums, measured.groups)
    if len(totals) < 2 or totals[:, 2].sum() <= 0:  # noqa: PLR2004 - a spread takes two
        raise ValueError("too few held-out texts")
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(totals), np.full(len(totals), 1 / len(totals)), size=RESAMPLES) @ totals
    drawn = drawn[drawn[:, 2] > 0]
    means = drawn[:, :2] / drawn[:, 2:]
    value = totals[:, :2].sum(0) / totals[:, 2].sum()
    reach = np.log(full / sizes[1]) / np.log(sizes[1] / sizes[0])
    slopes = STEEPER * np.exp(generator.normal(0, SPREAD, len(means)))
    ends = means[:, 1] + slopes * reach * (means[:, 1] - means[:, 0])
    expected = float(value[1] + STEEPER * reach * (value[1] - value[0]))
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
