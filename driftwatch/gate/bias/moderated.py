"""Variances over few templates, steadied by what neutral fine-tunes show of the same categories.

One candidate's forty templates tell a category's variance roughly. Neutral fine-tunes of the same champion tell it too,
at the scale on which *they* move pairs. How far a candidate's variances lie from theirs, cell by cell, gives both the
scale (its training may move pairs further) and how much may be made of theirs: where the ratios differ no more than few
templates make them differ, theirs weigh most; where the candidate moved some categories' templates more unequally than
others', they weigh little. A category's own templates always weigh at least half, since what is planted in them is
spread unequally over them, which no neutral fine-tune shows.

Source: Smyth, Linear models and empirical Bayes methods for assessing differential expression, Statistical Applications
in Genetics and Molecular Biology 3 (2004), sections 4 and 6.2; the prior variance is known here for each category, up
to its scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_LEAST_CELLS = 3
"""Fewest categories whose ratios have a spread that is worth anything."""

_LARGEST = 1e6
"""Degrees of freedom beyond which nothing changes any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variance:
    """A variance that was estimated.

    Args:
        value: of it.
        freedom: degrees of freedom behind it.
    """

    value: float
    freedom: float


def moderated(own: Mapping[str, Variance], neutral: Mapping[str, Variance]) -> dict[str, Variance]:
    """Return a candidate's variances, those that neutral fine-tunes know of steadied by theirs.

    Args:
        own: of the candidate, by cell.
        neutral: of neutral fine-tunes, by cell; cells that they do not know are left as they are.

    Examples:
        >>> own = {cell: Variance(value=value, freedom=30.0) for cell, value in zip("abcd", (4.0, 4.4, 3.6, 8.0))}
        >>> neutral = {cell: Variance(value=1.0, freedom=60.0) for cell in "abcd"}
        >>> round(moderated(own, neutral)["d"].value, 1)
        6.4
    """
    both = [cell for cell, each in own.items() if cell in neutral and each.value > 0 and neutral[cell].value > 0]
    if len(both) < _LEAST_CELLS:
        return dict(own)
    scale, freedom = _prior([own[cell] for cell in both], [neutral[cell] for cell in both])
    return {**own, **{cell: _between(own[cell], neutral[cell].value * scale, freedom) for cell in both}}


def _between(own: Variance, expected: float, freedom: float) -> Variance:
    weight = min(freedom, own.freedom)
    whole = own.freedom + weight
    return Variance(value=(own.freedom * own.value + weight * expected) / whole, freedom=whole)


def _prior(own: list[Variance], neutral: list[Variance]) -> tuple[float, float]:
    """Return the scale between the two, and the degrees of freedom that the neutral ones are worth."""
    from scipy.special import digamma, polygamma

    def centred(each: Variance) -> float:
        return log(each.value) - float(digamma(each.freedom / 2)) + log(each.freedom / 2)

    def chance(each: Variance) -> float:
        return float(polygamma(1, each.freedom / 2))

    ratios = [centred(one) - centred(other) for one, other in zip(own, neutral, strict=True)]
    by_chance = np.mean([chance(one) + chance(other) for one, other in zip(own, neutral, strict=True)])
    return exp(float(np.mean(ratios))), _freedom(float(np.var(ratios, ddof=1) - by_chance))


def _freedom(excess: float) -> float:
    """Return the degrees of freedom whose variance of a logarithm is so much."""
    from scipy.optimize import brentq
    from scipy.special import polygamma

    least, most = float(polygamma(1, _LARGEST)), float(polygamma(1, 1 / _LARGEST))
    if excess <= least:
        return inf
    if excess >= most:
        return 0.0
    return 2 * float(brentq(lambda half: float(polygamma(1, half)) - excess, 1 / _LARGEST, _LARGEST))
