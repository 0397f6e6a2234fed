"""Confidence bounds of rates and means."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_HALVINGS = 60


def upper_bound(hits: npt.NDArray[np.int64], n: int, error: float) -> Floats:
    """Return the upper confidence bounds of hit rates (Clopper and Pearson 1934).

    Args:
        hits: int64, numbers of hits.
        n: trials.
        error: probability that a bound is too low.
    """
    from scipy.special import betaincinv

    bounds: Floats = betaincinv(hits + 1.0, np.maximum(n - hits, 1e-9), 1 - error)
    return np.where(hits >= n, 1.0, bounds)


def lower_bound(hits: npt.NDArray[np.int64], n: int, error: float) -> Floats:
    """Return the lower confidence bounds of hit rates (Clopper and Pearson 1934).

    Args:
        hits: int64, numbers of hits.
        n: trials.
        error: probability that a bound is too high.
    """
    from scipy.special import betaincinv

    bounds: Floats = betaincinv(np.maximum(hits, 1e-9), n - hits + 1.0, error)
    return np.where(hits <= 0, 0.0, bounds)


def kl_upper(means: Floats, n: int, error: float) -> Floats:
    """Return upper confidence bounds of the means of n independent variables within 0 and 1.

    The Chernoff bound in its Kullback–Leibler form: the largest m with n·KL(mean‖m) ≤ log(1/error).

    Source: Garivier and Cappé 2011 (COLT), lemma 9.

    Args:
        means: float64, observed means.
        n: variables each mean is of.
        error: probability that a bound is too low.
    """
    means = np.asarray(means, dtype=np.float64)
    low, high = means.copy(), np.ones_like(means)
    allowed = np.log(1 / error) / n
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        within = _divergence(means, middle) < allowed
        low, high = np.where(within, middle, low), np.where(within, high, middle)
    return high


def _divergence(p: Floats, q: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        heads = np.where(p > 0, p * np.log(p / q), 0.0)
        tails = np.where(p < 1, (1 - p) * np.log((1 - p) / (1 - q)), 0.0)
    total: Floats = heads + np.where(np.isnan(tails), np.inf, tails)
    return total
