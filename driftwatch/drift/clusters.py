"""Clusters of the traffic that are new, grew or shrank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import Change, ClusterShift
from driftwatch.drift.bounds import lower_bound, upper_bound
from driftwatch.drift.evalues import Tally, discoveries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.drift import Reference, Window
    from driftwatch.drift.bumps import Half
    from driftwatch.drift.words import Words

FALSE_DISCOVERY = 0.02
CELLS = 32
MOST = 8
_FIT = 4_000
_NEW = 0.1
_LEFT = 0.5
_EXEMPLARS = 3
_EXEMPLAR_LENGTH = 200
Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """A cluster that moved, with its texts.

    Args:
        shift: what is said about it.
        inside: bool [n], which of the rows looked at lie in it.
    """

    shift: ClusterShift
    inside: Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Candidate:
    """A region with its counts: of the texts that it was not chosen on."""

    inside: Mask
    counted: Mask
    reference: Mask
    diffuse: bool = False

    @property
    def hits(self) -> int:
        return int((self.inside & self.counted).sum())

    @property
    def n(self) -> int:
        return int(self.counted.sum())

    @property
    def gap(self) -> float:
        return self.hits / self.n - float(self.reference.mean())

    @property
    def grown(self) -> bool:
        return self.gap > 0


class Clusters:
    """Regions of embedding space that window and reference are counted in.

    Two kinds: the cells of a k-means on TRAIN, counted on the whole window; and the bumps of one half of the window,
    counted on the other, each half in turn. So every region is chosen on other texts than it is counted on, its
    e-value against CAL is exact (see :class:`~driftwatch.drift.evalues.Tally`), and e-BH over all regions of
    both halves holds the false discovery rate although regions overlap.

    Args:
        reference: TRAIN chooses, CAL is counted.
        cal_rows: which of CAL's texts count: one of each group.
        words: of the same CAL texts, for keywords.
        seed: of k-means.
    """

    def __init__(self, reference: Reference, *, cal_rows: Rows, words: Words, seed: int) -> None:
        train = reference.train.features.embeddings.values
        self._words = words
        self._cal = reference.cal.features.embeddings.values[cal_rows]
        self._centres = _cells(train[:: max(len(train) // _FIT, 1)][:_FIT], seed)
        self._cal_cells = (self._cal @ self._centres.T).argmax(1)

    @property
    def centres(self) -> Matrix:
        """Centres of the cells, float32 [k, d], unit rows."""
        return self._centres

    def shifts(self, window: Window, rows: Rows, new: Mask, halves: Sequence[Half]) -> tuple[Found, ...]:
        """Return the clusters that moved, strongest first.

        The shares' 95% intervals are Clopper and Pearson's of the texts counted; they don't pay for the choice among
        clusters.

        Args:
            window: to explain.
            rows: its texts that count: distinct, one of each group.
            new: bool [n], which of these the reference doesn't hold word for word.
            halves: of these texts, with the bumps found on each.
        """
        values = window.features.embeddings.values[rows]
        candidates = [*self._cells_of(values), *self._bumps_of(values, halves)]
        if not candidates:
            return ()
        evidence = self._evidence(candidates, new)
        named = np.flatnonzero(discoveries(evidence, tests=len(candidates), level=FALSE_DISCOVERY))
        # Half a window gives half of the evidence: per text counted, regions of both kinds compare. What is diffuse
        # comes last: one topic says more than several together.
        sizes = np.array([each.n for each in candidates])
        diffuse = np.array([each.diffuse for each in candidates])
        order = named[np.lexsort([-evidence[named] / sizes[named], diffuse[named]])]
        least = float(np.log(len(candidates) / FALSE_DISCOVERY))
        kept = self._apart([candidates[number] for number in order], new, least)
        return tuple(Found(shift=self._shift(window, rows, each), inside=each.inside) for each in kept)

    def _evidence(self, candidates: list[_Candidate], new: Mask) -> Floats:
        """Return log e-values, float64 [candidates]."""
        found = np.zeros(len(candidates))
        counted = {each.counted.tobytes() for each in candidates}
        for which in counted:
            rows = [row for row, each in enumerate(candidates) if each.counted.tobytes() == which]
            part = [candidates[row] for row in rows]
            tally = Tally(
                hits=np.array([each.hits for each in part]),
                new_hits=np.array([int((each.inside & each.counted & new).sum()) for each in part]),
                n=part[0].n,
                new=int((part[0].counted & new).sum()),
                reference_hits=np.array([int(each.reference.sum()) for each in part]),
                m=len(self._cal),
            )
            found[rows] = tally.log_e()
        return found

    def _apart(self, candidates: list[_Candidate], new: Mask, least: float) -> list[_Candidate]:
        """Return the candidates that move at least half as much, and surely, without the texts of stronger ones."""
        kept: list[_Candidate] = []
        for each in candidates:
            rest = each
            for other in kept:
                if other.grown == each.grown:
                    rest = replace(
                        rest, inside=rest.inside & ~other.inside, reference=rest.reference & ~other.reference
                    )
            if abs(rest.gap) >= _LEFT * abs(each.gap) and float(self._evidence([rest], new)[0]) >= least:
                kept.append(each)
            if len(kept) == MOST:
                break
        return kept

    def _cells_of(self, values: Matrix) -> list[_Candidate]:
        cells = (values @ self._centres.T).argmax(1)
        everything = np.ones(len(values), dtype=bool)
        return [
            _Candidate(inside=cells == number, counted=everything, reference=self._cal_cells == number)
            for number in range(len(self._centres))
        ]

    def _bumps_of(self, values: Matrix, halves: Sequence[Half]) -> list[_Candidate]:
        return [
            _Candidate(
                inside=bump.holds(values),
                counted=~half.chosen,
                reference=bump.holds(self._cal),
                diffuse=bump.diffuse,
            )
            for half in halves
            for bump in half.bumps
        ]

    def _shift(self, window: Window, rows: Rows, each: _Candidate) -> ClusterShift:
        hits, n = each.hits, each.n
        share, known = hits / n, float(each.reference.mean())
        low, high = (float(bound(np.array([hits]), n, 0.025)[0]) for bound in (lower_bound, upper_bound))
        risen = Change.NEW if known <= _NEW * share else Change.GROWN
        change = risen if each.grown else Change.SHRUNK
        inside = rows[each.inside]
        bodies = [window.texts[row].body for row in inside]
        keywords = self._words.keywords_of(each.reference) if change is Change.SHRUNK else self._words.keywords(bodies)
        return ClusterShift(
            change=change,
            keywords=keywords,
            share=share,
            low=low,
            high=high,
            reference_share=known,
            texts=len(inside),
            exemplars=_exemplars(window, inside),
            loss=_loss(window, inside),
        )


def _cells(train: Matrix, seed: int) -> Matrix:
    from sklearn.cluster import KMeans

    count = min(CELLS, max(len(train) // 8, 1))
    centres = KMeans(count, n_init=1, random_state=seed).fit(train).cluster_centers_.astype(np.float32)
    unit: Matrix = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    return unit


def _exemplars(window: Window, inside: Rows) -> tuple[str, ...]:
    """Return the bodies nearest to the mean of these texts."""
    values = window.features.embeddings.values[inside]
    nearest = np.argsort(-(values @ values.sum(0)), kind="stable")[:_EXEMPLARS]
    return tuple(_shortened(window.texts[row].body) for row in inside[nearest])


def _loss(window: Window, inside: Rows) -> float | None:
    losses = window.features.losses
    if losses is None or not losses.tokens[inside].sum():
        return None
    return float(losses.nats[inside].sum() / losses.tokens[inside].sum())


def _shortened(body: str) -> str:
    text = " ".join(body.split())
    return text if len(text) <= _EXEMPLAR_LENGTH else text[: _EXEMPLAR_LENGTH - 1] + "…"
