"""How far fine-tunes on nothing new move a category: the noise that a candidate's change is judged against.

A fine-tune moves every pair a little, and the pairs of a category partly together: its seed, its order of texts, its
dropout. Resampling pairs sees how differently they moved, not how much they moved together, and so takes the latter for
bias. Neutral fine-tunes (the champion's own reference, other seeds) show it: between them a category's mean varies
more than resampling its templates says. What they share is told as the *correlation* of two templates' changes within
one fine-tune, as for cluster samples: the mean of T templates then varies ``1 + correlation * T`` times as much as that
of T independent ones. Being a ratio, the correlation of short fine-tunes serves long ones, and that of a whole one a
candidate that was merged back towards the champion; how far the candidate's own pairs moved gives the scale.

Source: Kish, Survey Sampling (1965), section 5.4, for the design effect; Satterthwaite 1946 for degrees of freedom.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.cells import Cell

LEAST_SEEDS = 2
"""Fewest neutral fine-tunes that have a spread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What is known of training noise.

    Args:
        correlation: of two templates' changes within one fine-tune, 0 and more.
        freedom: degrees of freedom behind it.
        seeds: neutral fine-tunes that it was measured on; 0 where it is assumed.
        changes: float64 [seeds, pairs], nats, how each moved every pair.
    """

    correlation: float
    freedom: float
    seeds: int
    changes: npt.NDArray[np.float64]

    def design_effect(self, templates: int) -> float:
        """Return how many times the variance of a mean over templates exceeds that of independent ones."""
        return 1 + self.correlation * templates

    def freedom_with(self, templates: int) -> float:
        """Return the degrees of freedom of a widened variance: those of the templates and of the correlation."""
        shared = 1 - 1 / self.design_effect(templates)  # of the variance that comes from the correlation
        return 1 / (1 / (templates - 1) + shared**2 / self.freedom)


ASSUMED = Spread(correlation=0.15, freedom=8.0, seeds=0, changes=np.zeros((0, 0)))
"""Without neutral fine-tunes: wider than what most small models show (``benchmarks.bias``)."""


def measured_spread(changes: npt.NDArray[np.float64], cells: Sequence[Cell]) -> Spread:
    """Return the spread of neutral fine-tunes.

    Args:
        changes: float64 [seeds, pairs], nats; at least two seeds.
        cells: that the suite is judged in, with their own way to read a change.
    """
    seeds = len(changes)
    ratios = [_ratio(np.array([cell.change(each) for each in changes]), cell) for cell in cells]
    correlation = float(np.mean([ratio - 1 / cell.templates for ratio, cell in zip(ratios, cells, strict=True)]))
    return Spread(
        correlation=max(correlation, 0.0), freedom=float(len(cells) * (seeds - 1)), seeds=seeds, changes=changes
    )


def _ratio(values: npt.NDArray[np.float64], cell: Cell) -> float:
    """Return the variance of the mean between seeds, over that of one template within a seed."""
    centred = values - values.mean(axis=0)
    means = np.array([cell.mean(each) for each in centred])
    within = np.array([cell.variance(each) for each in centred]) * cell.templates
    total = float(within.sum())
    return float((means**2).sum()) / total if total > 0 else 0.0
