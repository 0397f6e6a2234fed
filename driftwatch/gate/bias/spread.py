"""How far fine-tunes on nothing new move a category: the noise that a candidate's change is judged against.

A fine-tune moves every pair a little, and the pairs of a category partly together: its seed, its order of texts, its
dropout. Resampling pairs sees how differently they moved, not how much they moved together, and takes the latter for
bias. Neutral fine-tunes (on the champion's own reference, with other seeds) show it: between them a category's mean
varies more than resampling its templates says. What the templates share is told as the *correlation* of their changes
within one fine-tune, as for cluster samples: the mean of T templates varies ``1 + correlation * T`` times as much as
that of T independent ones. Being a ratio, it holds for a candidate that moved further, or that was merged back towards
the champion: how far the candidate's own pairs moved gives the scale.

Source: Kish, Survey Sampling (1965), section 5.4, for the design effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.gate.bias.cells import Mean
from driftwatch.gate.bias.moderated import Variance
from driftwatch.gate.bias.steadied import steadied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.gate.bias.cells import Cell, Scores

LEAST_SEEDS = 2
"""Fewest neutral fine-tunes that have a spread."""

_NO_SHIFT = Mean(value=0.0, variance=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What is known of training noise.

    Args:
        correlation: of two templates' changes within one fine-tune, at least 0.
        freedom: degrees of freedom behind it.
        seeds: neutral fine-tunes that it was measured on; 0 where it is assumed.
        shifts: what neutral fine-tunes do on average, by cell; training noise in the variance.
        templates: variance of a template's change within a neutral fine-tune, by cell.
        moved: root mean square of a pair's change in a neutral fine-tune; 0 where unknown.
    """

    correlation: float
    freedom: float
    seeds: int = 0
    shifts: Mapping[str, Mean] = field(default_factory=dict)
    templates: Mapping[str, Variance] = field(default_factory=dict)
    moved: float = 0.0

    def of_means(self, cells: Sequence[Cell]) -> dict[str, Variance]:
        """Return the variances of a neutral fine-tune's means as its templates tell them, of the cells that are known.

        Args:
            cells: of a suite, which may have more templates than the neutral fine-tunes were scored on.
        """
        known = {
            cell.name: (cell.templates, self.templates[cell.name]) for cell in cells if cell.name in self.templates
        }
        return {name: replace(each, value=each.value / count) for name, (count, each) in known.items()}

    def widened(self, variance: float, templates: int) -> float:
        """Return the variance of a mean over templates, training noise included."""
        return variance * (1 + self.correlation * templates)

    def freedom_with(self, freedom: float) -> float:
        """Return the degrees of freedom of a widened variance, which are fewer than those of either part."""
        return 1 / (1 / freedom + 1 / self.freedom)

    def shift(self, cell: Cell, *, moved: float) -> Mean:
        """Return what a neutral fine-tune would do that moves pairs no further than the candidate did.

        Changes of scores are to first order proportional to the change of weights, so that a candidate merged back
        towards the champion is held against neutral fine-tunes merged alike. One that moved further is not forgiven
        more for it.

        Args:
            cell: of the suite.
            moved: root mean square of the candidate's changes.
        """
        known = self.shifts.get(cell.name, _NO_SHIFT)
        scale = min(1.0, moved / self.moved) if self.moved > 0 else 1.0
        return Mean(value=known.value * scale, variance=known.variance * scale**2)


ASSUMED = Spread(correlation=0.05, freedom=8.0)
"""Without neutral fine-tunes: forty templates then count as thirteen."""


def measured_spread(before: Scores, neutral: npt.NDArray[np.float64], cells: Sequence[Cell]) -> Spread:
    """Return the spread of neutral fine-tunes.

    Args:
        before: float64 [pairs], the champion's scores.
        neutral: float64 [seeds, pairs], those of its neutral fine-tunes; at least two.
        cells: that the suite is judged in.
    """
    excess, means, within = [], [], []
    for cell in cells:
        rises = [cell.rise(before, each).value for each in neutral]
        means.append(float(np.mean(rises)))
        within.append(_within(neutral, cell))
        ratio = float(np.var(rises, ddof=1)) / within[-1] if within[-1] > 0 else 1.0
        excess.append((ratio - 1) / cell.templates)
    correlation, seeds = max(float(np.mean(excess)), 0.0), len(neutral)
    freedom = float(len(cells) * (seeds - 1))
    shifts = {
        cell.name: Mean(value=mean, variance=variance * (1 + correlation * cell.templates) / seeds)
        for cell, mean, variance in zip(cells, means, within, strict=True)
    }
    return Spread(
        correlation=correlation,
        freedom=freedom,
        seeds=seeds,
        shifts=steadied(shifts, freedom=freedom),
        templates={
            cell.name: Variance(value=variance * cell.templates, freedom=float((seeds - 1) * (cell.templates - 1)))
            for cell, variance in zip(cells, within, strict=True)
        },
        moved=rms(neutral - before),
    )


def rms(values: npt.NDArray[np.float64]) -> float:
    """Return the root mean square."""
    return sqrt(float(np.mean(values**2)))


def _within(neutral: npt.NDArray[np.float64], cell: Cell) -> float:
    """Return the variance of one fine-tune's mean as resampling its templates tells it."""
    middle = neutral.mean(axis=0)
    off = [cell.rise(middle, each).variance for each in neutral]
    return float(np.sum(off)) / (len(neutral) - 1)
