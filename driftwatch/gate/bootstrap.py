"""Bootstrap of a weighted mean: texts, or whole clusters of them, are drawn again and again.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; expanded percentiles for few
clusters: Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69 (2015), section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

RESAMPLES = 2_000
CONFIDENCE = 0.95
_CELLS = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean with its uncertainty.

    Args:
        value: the weighted mean.
        low: lower end of the interval, 95% unless another confidence was asked for.
        high: upper end.
        error: standard error.
        clusters: independent units behind it.
    """

    value: float
    low: float
    high: float
    error: float
    clusters: int

    def p_above(self, limit: float) -> float:
        """Return the one-sided p-value of "the mean is not above ``limit``", by Student's t."""
        from scipy.stats import t

        if self.error == 0:
            return 0.0 if self.value > limit else 1.0
        return float(t.sf((self.value - limit) / self.error, self.clusters - 1))

    def detectable(self, *, power: float = 0.8, level: float = 0.05) -> float:
        """Return the least true change that a one-sided test at ``level`` finds with probability ``power``."""
        from scipy.stats import t

        freedom = self.clusters - 1
        return float((t.ppf(1 - level, freedom) + t.ppf(power, freedom)) * self.error)


def weighted_mean(
    sums: npt.NDArray[np.float64],
    weights: npt.NDArray[np.float64],
    *,
    clusters: Sequence[str] | None = None,
    seed: int,
    resamples: int = RESAMPLES,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """Estimate ``sum(sums) / sum(weights)`` with an interval.

    Args:
        sums: float64 [n], such as a text's difference in nats.
        weights: float64 [n], such as its number of tokens; at least 0, not all 0.
        clusters: n names; what shares a name is drawn together. None draws each by itself.
        seed: of the draws.
        resamples: number of draws.
        confidence: of the interval, below 1.

    Raises:
        ValueError: fewer than two clusters, or no weight.

    Examples:
        >>> weighted_mean(np.array([1.0, 3.0, 2.0]), np.ones(3), seed=1).value
        2.0
    """
    totals = np.column_stack((sums, weights)).astype(np.float64)
    if clusters is not None:
        totals = _by_cluster(totals, clusters)
    count = len(totals)
    if count < 2 or totals[:, 1].sum() <= 0:  # noqa: PLR2004 - a spread takes two
        raise ValueError("an interval needs at least two independent texts with tokens")
    means = _resampled(totals, resamples=resamples, seed=seed)
    value = float(totals[:, 0].sum() / totals[:, 1].sum())
    error = float(means.std(ddof=1) * np.sqrt(count / (count - 1)))
    low, high = _interval(means, value=value, error=error, count=count, confidence=confidence)
    return Estimate(value=value, low=low, high=high, error=error, clusters=count)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order given.

    Examples:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def _by_cluster(totals: npt.NDArray[np.float64], clusters: Sequence[str]) -> npt.NDArray[np.float64]:
    _, places = np.unique(np.asarray(clusters), return_inverse=True)
    sums = np.zeros((places.max() + 1, totals.shape[1]))
    np.add.at(sums, places, totals)
    return sums


def _resampled(totals: npt.NDArray[np.float64], *, resamples: int, seed: int) -> npt.NDArray[np.float64]:
    """Return the mean of each resample, float64 [resamples]: how often each unit is drawn, times the units."""
    generator = np.random.default_rng(seed)
    count = len(totals)
    chances = np.full(count, 1 / count)
    rows = max(1, _CELLS // count)
    parts = []
    for start in range(0, resamples, rows):
        drawn = generator.multinomial(count, chances, size=min(rows, resamples - start))
        parts.append(drawn.astype(np.float64) @ totals)
    drawn_sums, drawn_weights = np.concatenate(parts).T
    usable = drawn_weights > 0
    means: npt.NDArray[np.float64] = drawn_sums[usable] / drawn_weights[usable]
    return means


def _interval(
    means: npt.NDArray[np.float64], *, value: float, error: float, count: int, confidence: float
) -> tuple[float, float]:
    """Return the wider of two intervals: expanded percentiles see skew, Student's t sees how few clusters there are."""
    from scipy.stats import norm, t

    reach = float(t.ppf((1 + confidence) / 2, count - 1))
    tail = float(norm.cdf(-reach * np.sqrt(count / (count - 1))))
    low, high = np.quantile(means, (tail, 1 - tail))
    return min(float(low), value - reach * error), max(float(high), value + reach * error)
