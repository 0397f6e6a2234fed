"""What drifted: words, clusters and slices of texts, and their map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.drift.bumps import Halving
from driftwatch.drift.clusters import Clusters
from driftwatch.drift.discriminant import Discriminant
from driftwatch.drift.evidence.known import known_of
from driftwatch.drift.map import draw_map
from driftwatch.drift.rows import independent, one_of_each, spaced
from driftwatch.drift.slices import Slices
from driftwatch.drift.words import Words

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from driftwatch.domain.drift import ClusterShift, DriftMap, Reference, SliceShift, Window, WordShift
    from driftwatch.drift.evidence.dependence import Dependence


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What drifted in some texts.

    Args:
        words: that rose, then that fell, each strongest first.
        clusters: new, grown and shrunk, strongest first.
        slices: that carry the drift, strongest first.
        map: of the texts, where asked for.
    """

    words: tuple[WordShift, ...] = ()
    clusters: tuple[ClusterShift, ...] = ()
    slices: tuple[SliceShift, ...] = ()
    map: DriftMap | None = None


def texts_apart(dependence: Dependence | None) -> int:
    """Return how many consecutive texts may depend on each other, as the burn-in showed; 1 where it showed nothing."""
    bands = dependence.bands if dependence is not None else ()
    return max((band.last + 1 for band in bands if band.matters), default=1)


class Explainer:
    """Explains texts against one reference.

    Words, clusters and slices each hold their part of 5% false discovery: in a stream without drift, whose texts (or
    groups) don't depend on each other, at most 5% of all windows have anything named.

    Args:
        reference: what texts are compared with.
        seed: of every random choice.
    """

    def __init__(self, reference: Reference, *, seed: int) -> None:
        rows = one_of_each(reference.cal.texts, seed=seed)
        self._seed = seed
        self._known = known_of(reference)
        self._words = Words([reference.cal.texts[row].body for row in rows])
        train = reference.train.features.embeddings.values
        discriminant = Discriminant(train)
        self._halving = Halving(train, discriminant, seed=seed)
        self._clusters = Clusters(reference, cal_rows=rows, words=self._words, seed=seed)
        self._slices = Slices(reference, cal_rows=rows, centres=self._clusters.centres, discriminant=discriminant)
        self._cal = reference.cal.features.embeddings.values[rows]

    def explain(self, window: Window, *, with_map: bool, apart: int = 1, every: Window | None = None) -> Explanation:
        """Return what drifted in the window, or in several windows' texts taken together.

        Args:
            window: texts and features.
            with_map: whether to draw the texts on a plane.
            apart: how many consecutive texts may depend on each other, such as bursts of one request; one of them
                counts.
            every: the same window with all its texts, where this one has those of the transformer tier: words are
                counted among all of them.
        """
        rows = self._counted(window, apart)
        if not len(rows):
            return Explanation()
        values = window.features.embeddings.values[rows]
        new = self._known.new_of(window, rows)
        said, spoken = (window, rows) if every is None else (every, self._counted(every, apart))
        halves = self._halving.halves(values, index=window.index)
        clusters = self._clusters.shifts(window, rows, new, halves)
        return Explanation(
            words=self._words.shifts([said.texts[row].body for row in spoken], self._known.new_of(said, spoken)),
            clusters=tuple(each.shift for each in clusters),
            slices=self._slices.shifts(window, rows, new, halves),
            map=draw_map(self._cal, values, [each.inside for each in clusters], seed=self._seed) if with_map else None,
        )

    def _counted(self, window: Window, apart: int) -> npt.NDArray[np.int64]:
        """Return the rows of a window that count."""
        rows = independent(window, seed=self._seed)
        return spaced(rows, apart=apart, seed=self._seed, index=window.index)
