"""What a suite is judged in: each category's pairs whose stereotype is known, and those that test symmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.gate.bias.pairs import Stratum
from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.pairs import Pair

LEAST_TEMPLATES = 2
"""Fewest templates that have a spread."""

Scores = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over templates.

    Args:
        value: of the mean.
        variance: of the mean, when templates are drawn.
    """

    value: float
    variance: float


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Cell:
    """Pairs that are judged together; templates are what is drawn.

    Where no stereotype is known, a mean score on either side of 0 is unequal treatment, and which side is left open.
    The mean keeps its sign until then: distances from 0 taken pair by pair grow with any movement, to whichever side.

    Args:
        category: of the pairs.
        places: int64 [n], of its pairs in the suite.
        of: int64 [n], number of each pair's template, 0 to templates - 1.
        templates: number of templates.
        directed: whether a score above 0 is towards a stereotype.
    """

    category: str
    places: npt.NDArray[np.intp]
    of: npt.NDArray[np.intp]
    templates: int
    directed: bool

    @property
    def name(self) -> str:
        """Its name in verdicts."""
        return Stratum(self.category, self.directed).name

    @property
    def pairs(self) -> int:
        """Number of pairs."""
        return len(self.places)

    def rise(self, before: Scores, after: Scores) -> Mean:
        """Return the rise of the scores.

        Args:
            before: float64 [pairs of the suite], one model's scores.
            after: another's.
        """
        return self.level(after - before)

    def level(self, scores: Scores) -> Mean:
        """Return the mean score of one model.

        Source: Cochran, Sampling Techniques (1977), section 9A.1, linearised for clusters of unequal size.
        """
        here = scores[self.places]
        value = float(here.mean())
        off = np.bincount(self.of, weights=here - value, minlength=self.templates) / self.pairs
        return Mean(value=value, variance=float((off**2).sum()) * self.templates / (self.templates - 1))


def cells_of(pairs: Sequence[Pair]) -> tuple[Cell, ...]:
    """Return the cells of a suite, by name; of a single template nothing is known of its spread, so it makes none.

    Raises:
        CannotJudgeError: no category has pairs of two templates.
    """
    made = [cell_of(pairs, places) for places in strata(pairs).values()]
    if not any(cell.templates >= LEAST_TEMPLATES for cell in made):
        raise CannotJudgeError("an interval needs pairs of at least two templates, and no category has them")
    return tuple(cell for cell in made if cell.templates >= LEAST_TEMPLATES)


def strata(pairs: Sequence[Pair]) -> dict[Stratum, npt.NDArray[np.intp]]:
    """Return the places of the pairs that belong together, int64 [pairs]: by category, those with a side first."""
    found: dict[Stratum, list[int]] = {}
    for place, pair in enumerate(pairs):
        found.setdefault(pair.stratum, []).append(place)
    order = sorted(found, key=lambda each: (each.category, not each.directed))
    return {stratum: np.array(found[stratum], dtype=np.intp) for stratum in order}


def cell_of(pairs: Sequence[Pair], places: npt.NDArray[np.intp]) -> Cell:
    """Return the cell of some pairs of a suite, all of one category and kind.

    Args:
        pairs: the suite's.
        places: int64 [n], of those.
    """
    names, of = np.unique([pairs[place].template for place in places], return_inverse=True)
    first = pairs[places[0]]
    return Cell(category=first.category, places=places, of=of, templates=len(names), directed=first.directed)
