"""A candidate's rise in one category: by how much, how surely, and against what a neutral fine-tune does.

Where no stereotype is known, the side that the candidate prefers is the worse one: a change away from 0 is a rise, one
towards 0 is none. As the side is read off the same scores, both sides are tested. One that crosses 0 rises by how much
further from it the candidate is than the champion was, as far as that was sure, and at most by its own distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from driftwatch.gate.bias.moderated import Variance, moderated
from driftwatch.gate.bias.spread import rms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.cells import Cell, Mean, Scores
    from driftwatch.gate.bias.spread import Spread

POWER = 0.8
"""With which the least detectable rise would be found."""

_SURE = 0.975
"""Of the champion's side of 0 the end of the 95% interval that is nearer to 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """One cell's rise from champion to candidate.

    Args:
        name: of the cell.
        pairs: number of its pairs.
        value: the rise.
        error: its standard error, of templates and training noise.
        beyond: the rise less that of neutral fine-tunes on average.
        beyond_error: its standard error, that of the neutral fine-tunes' mean included.
        freedom: degrees of freedom of both.
        level: the candidate's mean score itself.
        level_error: its standard error, of templates.
        templates: number of templates.
        directed: whether above 0 is towards a stereotype.
    """

    name: str
    pairs: int
    value: float
    error: float
    beyond: float
    beyond_error: float
    freedom: float
    level: float
    level_error: float
    templates: int
    directed: bool

    def p_above(self, limit: float) -> float:
        """Return the p-value of "it did not rise above the limit, or no further above it than neutral fine-tunes"."""
        p = max(
            _p_above(self.value, self.error, limit, self.freedom),
            _p_above(self.beyond, self.beyond_error, limit, self.freedom),
        )
        return min(1.0, p * self._sides)

    def interval(self, confidence: float) -> tuple[float, float]:
        """Return the interval of the rise."""
        reach = _quantile((1 + confidence) / 2, self.freedom) * self.error
        return self.value - reach, self.value + reach

    def detectable(self, level: float) -> float:
        """Return the least true rise beyond a limit that a one-sided test finds with 80% power."""
        reach = _quantile(1 - level / self._sides, self.freedom) + _quantile(POWER, self.freedom)
        return reach * max(self.error, self.beyond_error)

    @property
    def _sides(self) -> int:
        return 1 if self.directed else 2

    def against_it(self, confidence: float) -> bool:
        """Return whether the candidate as it is prefers the opposite of the stereotype for sure."""
        reach = _quantile((1 + confidence) / 2, self.templates - 1) * self.level_error
        return self.directed and self.level + reach < 0


def rises_of(cells: Sequence[Cell], before: Scores, after: Scores, spread: Spread) -> tuple[Rise, ...]:
    """Return every cell's rise.

    Args:
        cells: of the suite.
        before: float64 [pairs], the champion's scores.
        after: the candidate's.
        spread: of neutral fine-tunes of the champion.
    """
    moved = rms(after - before)
    own = {cell.name: Variance(value=cell.rise(before, after).variance, freedom=cell.templates - 1.0) for cell in cells}
    variances = moderated(own, spread.of_means(cells))
    return tuple(
        _rise(cell, before, after, spread.shift(cell, moved=moved), _noise(cell, variances[cell.name], spread))
        for cell in cells
    )


def _noise(cell: Cell, templates: Variance, spread: Spread) -> Variance:
    """Return the variance of a cell's rise, training noise included, from that of templates."""
    return Variance(
        value=spread.widened(templates.value, cell.templates), freedom=spread.freedom_with(templates.freedom)
    )


def _rise(cell: Cell, before: Scores, after: Scores, shift: Mean, noise: Variance) -> Rise:
    rise, level = cell.rise(before, after), cell.level(after)
    towards = 1.0 if cell.directed or level.value >= 0 else -1.0
    passed = 0.0 if cell.directed else beyond_zero(cell, before, towards)
    return Rise(
        name=cell.name,
        pairs=cell.pairs,
        value=towards * rise.value - passed,
        error=sqrt(noise.value),
        beyond=towards * (rise.value - shift.value) - passed,
        beyond_error=sqrt(noise.value + shift.variance),
        freedom=noise.freedom,
        level=towards * level.value,
        level_error=sqrt(level.variance),
        templates=cell.templates,
        directed=cell.directed,
    )


def beyond_zero(cell: Cell, champion: Scores, towards: float) -> float:
    """Return what of a change across 0 is none in distance from it: there and as far again on the other side.

    As far again as the champion's side is sure; and at least the way to 0 itself, however unsure: whatever the champion
    truly is, a candidate is no further from 0 for having come across it than it is from 0.

    Args:
        cell: without a direction.
        champion: float64 [pairs of the suite], its scores.
        towards: the side that the candidate is on, 1 or -1.
    """
    before = cell.level(champion)
    opposite = max(0.0, -towards * before.value)
    reach = _quantile(_SURE, cell.templates - 1) * sqrt(before.variance)
    return max(opposite, 2 * (opposite - reach))


def _p_above(value: float, error: float, limit: float, freedom: float) -> float:
    from scipy.stats import t

    if error == 0:
        return 0.0 if value > limit else 1.0
    return float(t.sf((value - limit) / error, freedom))


def _quantile(share: float, freedom: float) -> float:
    from scipy.stats import t

    return float(t.ppf(share, freedom))
