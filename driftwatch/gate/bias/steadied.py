"""What neutral fine-tunes do on average, category by category, with its noise taken off.

A few of them tell a category's mean roughly, and held against that mean a candidate inherits its noise. All categories
together tell how much of these means is more than noise; that much of each is kept, the rest is taken off.

Source: James and Stein (1961), positive part; its variances by Morris, Parametric empirical Bayes inference, Journal of
the American Statistical Association 78 (1983), section 5; never moved further than by one standard error: Efron and
Morris, Limiting the risk of Bayes and empirical Bayes estimators, JASA 67 (1972).
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from driftwatch.gate.bias.cells import Mean

if TYPE_CHECKING:
    from collections.abc import Mapping

_SPENT = 2
"""Means that the estimate of how much is noise costs."""

_FURTHEST = 1.0
"""Standard errors that a mean is moved at most: what is true of one category alone is not taken for noise."""


def steadied(means: Mapping[str, Mean], *, freedom: float) -> dict[str, Mean]:
    """Return means of several categories, drawn towards 0 as far as they are noise.

    Args:
        means: by category, with their variances; of three at least, or they are returned as they are.
        freedom: degrees of freedom behind the variances.

    Examples:
        >>> found = zip("abcdef", (0.9, -0.8, 0.3, 0.2, 1.0, 0.0))
        >>> noise = {cell: Mean(value=value, variance=1.0) for cell, value in found}
        >>> round(steadied(noise, freedom=20.0)["a"].value, 2)
        0.0
    """
    known = {name: mean for name, mean in means.items() if mean.variance > 0}
    if len(known) <= _SPENT:
        return dict(means)
    found = sum(mean.value**2 / mean.variance for mean in known.values())
    free = len(known) - _SPENT
    noise = min(1.0, free * freedom / (freedom + 2) / found) if found > 0 else 1.0
    return {**means, **{name: _moved(mean, noise, free) for name, mean in known.items()}}


def _moved(mean: Mean, noise: float, free: int) -> Mean:
    most = _FURTHEST * sqrt(mean.variance)
    by = min(max(noise * mean.value, -most), most)
    variance = mean.variance * (1 - noise) + 2 / free * (noise * mean.value) ** 2
    return Mean(value=mean.value - by, variance=min(variance, mean.variance))
