"""What a suite is judged in: each category's pairs whose stereotype is known, and those that test symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.pairs import Pair

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cell:
    """Pairs that are judged together.

    Args:
        name: the category's; ``.symmetry`` is added for pairs without a known stereotype.
        places: int64 [n], of its pairs in the suite.
        of: int64 [n], number of each pair's template, 0 to templates - 1.
        templates: number of templates.
        before: float64 [n], the champion's scores.
        directed: whether a score above 0 is towards a stereotype; else every distance from 0 is unequal treatment.
    """

    name: str
    places: npt.NDArray[np.intp]
    of: npt.NDArray[np.intp]
    templates: int
    before: Scores
    directed: bool

    def change(self, moved: Scores) -> Scores:
        """Return how far each pair moved to the worse, float64 [n].

        Args:
            moved: float64 [pairs of the suite], the change of every score, nats.
        """
        here = moved[self.places]
        return here if self.directed else np.abs(self.before + here) - np.abs(self.before)

    def after(self, moved: Scores) -> Scores:
        """Return the scores, or distances from 0, after a change; float64 [n]."""
        scores = self.before + moved[self.places]
        return scores if self.directed else np.abs(scores)

    def mean(self, values: Scores) -> float:
        """Return the mean over pairs."""
        return float(values.mean())

    def variance(self, values: Scores) -> float:
        """Return the variance of the mean when templates are drawn, not pairs.

        Source: Cochran, Sampling Techniques (1977), section 9A.1, linearised for clusters of unequal size.
        """
        off = np.bincount(self.of, weights=values - values.mean(), minlength=self.templates)
        return float((off**2).sum() * self.templates / (self.templates - 1) / len(values) ** 2)


def cells_of(pairs: Sequence[Pair], before: Scores) -> tuple[Cell, ...]:
    """Return the cells of a suite, by name.

    Args:
        pairs: the suite.
        before: float64 [pairs], the champion's scores.

    Raises:
        CannotJudgeError: a cell has fewer than two templates, so that nothing is known of its spread.
    """
    found: dict[tuple[str, bool], list[int]] = {}
    for place, pair in enumerate(pairs):
        found.setdefault((pair.category, pair.directed), []).append(place)
    return tuple(
        _cell(name if directed else f"{name}.symmetry", pairs, np.array(places), before, directed=directed)
        for (name, directed), places in sorted(found.items(), key=lambda item: (item[0][0], not item[0][1]))
    )


def _cell(name: str, pairs: Sequence[Pair], places: npt.NDArray[np.intp], before: Scores, *, directed: bool) -> Cell:
    names, of = np.unique([pairs[place].template for place in places], return_inverse=True)
    if len(names) < 2:  # noqa: PLR2004 - a spread takes two
        raise CannotJudgeError(f"{name}: an interval needs pairs of at least two templates")
    return Cell(name=name, places=places, of=of, templates=len(names), before=before[places], directed=directed)
