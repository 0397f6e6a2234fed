"""Rates of texts that depend on each other: what they count for, and what two of them differ by.

Texts of one author are alike, so a thousand of them say less than a thousand of as many authors. Counts are divided by
the design effect, the variance between authors over that of independent texts, before any interval is taken.

Source: Kish 1965, Survey Sampling; Korn and Graubard 1998, Confidence intervals for proportions with small expected
number of positive counts estimated from survey data.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Counts = npt.NDArray[np.int64]

Z = 1.959964
"""Of a 95% interval."""


@dataclass(frozen=True, slots=True, eq=False)
class ByAuthor:
    """Counts of each author.

    Args:
        of: int64 [authors], units such as texts or words; each at least 1.
        hits: int64 [authors], of those, units with what is looked for.
    """

    of: Counts
    hits: Counts

    @property
    def rate(self) -> float:
        """Hits over units; 0 without units."""
        total = int(self.of.sum())
        return float(self.hits.sum() / total) if total else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """As many independent units as the counts are worth."""

    hits: float
    of: float

    @property
    def rate(self) -> float:
        """Hits over units."""
        return self.hits / self.of if self.of else 0.0


def by_author(authors: npt.NDArray[np.uint64], of: Counts, hits: Counts) -> ByAuthor:
    """Return each author's sums; rows without units are left out."""
    some = of > 0
    _, which = np.unique(authors[some], return_inverse=True)
    sums = (np.bincount(which, weights=each[some]).astype(np.int64) for each in (of, hits))
    return ByAuthor(*sums)


def effective(sides: Sequence[ByAuthor]) -> list[Effective]:
    """Return what each side's counts are worth.

    A side without hits, or with few, shows no dependence although it may have it: the sides' common design effect is a
    lower bound of each one's.
    """
    spreads = [_spread(side) for side in sides]
    shown = [spread for spread, side in zip(spreads, sides, strict=True) if len(side.of) > 1]
    plain_of_all = sum(plain for _, plain in shown)
    common = sum(clustered for clustered, _ in shown) / plain_of_all if plain_of_all else 1.0
    found = []
    for side, (clustered, plain) in zip(sides, spreads, strict=True):
        own = clustered / plain if plain else 1.0
        design = max(1.0, own, common)
        found.append(Effective(hits=float(side.hits.sum()) / design, of=float(side.of.sum()) / design))
    return found


def _spread(side: ByAuthor) -> tuple[float, float]:
    """Return the variance of the hits as the authors show it, and as it were if units did not depend on each other."""
    authors, total, rate = len(side.of), float(side.of.sum()), side.rate
    plain = total * rate * (1 - rate)
    if authors < 2:  # noqa: PLR2004 - one author shows no spread; its units count as one
        return plain * total, plain
    residuals = side.hits - rate * side.of
    return float(authors / (authors - 1) * (residuals**2).sum()), plain


def wilson(counts: Effective) -> tuple[float, float]:
    """Return the 95% interval of a rate (Wilson 1927).

    Examples:
        >>> tuple(round(end, 3) for end in wilson(Effective(hits=0, of=100)))
        (0.0, 0.037)
    """
    if counts.of <= 0:
        return 0.0, 1.0
    n, rate = counts.of, counts.rate
    middle = (rate + Z**2 / (2 * n)) / (1 + Z**2 / n)
    half = Z * sqrt(rate * (1 - rate) / n + Z**2 / (4 * n**2)) / (1 + Z**2 / n)
    return max(middle - half, 0.0), min(middle + half, 1.0)


def difference(new: Effective, reference: Effective) -> tuple[float, float]:
    """Return the 95% interval of the difference of two rates (Newcombe 1998, method 10)."""
    (new_low, new_high), (old_low, old_high) = wilson(new), wilson(reference)
    change = new.rate - reference.rate
    low = change - sqrt((new.rate - new_low) ** 2 + (old_high - reference.rate) ** 2)
    high = change + sqrt((new_high - new.rate) ** 2 + (reference.rate - old_low) ** 2)
    return low, high


def p_of_difference(new: Effective, reference: Effective) -> float:
    """Return the two-sided p-value of "the rates are the same": Fisher's exact test on the effective counts."""
    from scipy.stats import fisher_exact

    rows = [(round(each.hits), max(round(each.of), round(each.hits))) for each in (new, reference)]
    return float(fisher_exact([[hits, of - hits] for hits, of in rows]).pvalue)
