"""Slices of the traffic, texts with one value of one label, that carry the drift."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import SliceShift
from driftwatch.drift.bounds import lower_bound, upper_bound
from driftwatch.drift.discriminant import beyond
from driftwatch.drift.evalues import MORE, discoveries, log_e_values
from driftwatch.drift.share import Sets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.domain.drift import Reference, Window
    from driftwatch.domain.text import Text
    from driftwatch.drift.bumps import Half
    from driftwatch.drift.discriminant import Discriminant

FALSE_DISCOVERY = 0.01
MOST_VALUES = 20
MOST = 10
_LEAST_LABELLED = 0.5
_LEAST_TEXTS = 20
_LEAST_REFERENCE = 100
_CONFIDENCE = 0.99
_WEIGHTS = (0.5, 0.25, 0.25)
Rows = npt.NDArray[np.int64]
Hits = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Slice:
    """A slice of a window.

    Args:
        label: name of the label.
        value: of the label.
        inside: bool [n], which texts of the window.
        same: bool [m], which texts of CAL it is held against; None for all of them, its hits being a part of the
            window's.
    """

    label: str
    value: str
    inside: Mask
    same: Mask | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Region:
    """Some sets with the texts that they were not chosen on.

    Args:
        here: bool [n, sets], the window's texts that are new.
        there: bool [m, sets], CAL's.
        counted: bool [n], which of the window's count.
    """

    here: Hits
    there: Hits
    counted: Mask

    def log_e(self, each: _Slice) -> float:
        """Return the log of the slice's e-value: the mean over the sets."""
        inside, rest = each.inside & self.counted, ~each.inside & self.counted
        hits = self.here[inside].sum(0)
        n, trials = int(inside.sum()), int((inside if each.same is not None else self.counted).sum())
        known = self.there if each.same is None else self.there[each.same]
        new = log_e_values(hits, trials, known.sum(0), len(known), odds=MORE)
        more = log_e_values(hits, n, self.here[rest].sum(0), int(rest.sum()), odds=MORE)
        return float(np.logaddexp.reduce(np.minimum(new, more)) - np.log(len(hits)))

    def new_share(self, each: _Slice, *, error: float) -> float:
        """Return a lower bound of the share of the slice that the reference does not explain.

        A slice held against all of the reference may hold as much of every set as its whole window may.
        """
        inside = each.inside & self.counted
        n = int(inside.sum())
        if not n:
            return 0.0
        trials = n if each.same is not None else int(self.counted.sum())
        known = self.there if each.same is None else self.there[each.same]
        each_error = error / 2 / self.here.shape[1]
        lower = lower_bound(self.here[inside].sum(0), n, each_error)
        upper = upper_bound(known.sum(0), len(known), each_error) * trials / n
        return float(np.maximum(lower - upper, 0.0).max())


class Slices:
    r"""Which slices hold texts that the reference does not explain, more than the rest of the window does?

    Sets of texts come from two places: "near a centre" and "far from every text" as in the detector ``share``, fixed
    on TRAIN; and from one half of the window, counted on the other, each half in turn: its bumps, and the far end of
    the direction in which its part of the slice differs from TRAIN. For each set two bets on growth are made (see
    :func:`~driftwatch.drift.evalues.log_e_values`): the slice against the reference, and the slice against the rest of
    the window. The smaller of the two is an e-value for "this slice holds nothing new, or no more of it than the
    rest", and so is the weighted mean over all sets. Without drift the first bet has mean 1 at most, so nothing is
    named; where all slices drift alike the second has, so none is said to carry it.

    Where the reference has at least 100 texts of the same slice, the slice is held against these. Elsewhere it may
    always have been particular, which is no drift: then the slice's hits are taken as a part of the whole window's
    and held against the whole reference's. A slice whose hits alone exceed what all of the reference has is new.

    Args:
        reference: TRAIN fixes the sets, CAL is counted.
        cal_rows: which of CAL's texts count: one of each group.
        centres: float32 [k, d], unit rows, chosen on TRAIN.
        discriminant: fitted to TRAIN.
    """

    def __init__(self, reference: Reference, *, cal_rows: Rows, centres: Matrix, discriminant: Discriminant) -> None:
        train = reference.train.features.embeddings.values
        half = len(train) // 2
        self._sets = Sets(centres, train[:half], train[half:])
        self._cal = reference.cal.features.embeddings.values[cal_rows]
        self._hits = self._sets.hits(self._cal)
        self._labels = [reference.cal.texts[row].labels for row in cal_rows]
        self._discriminant = discriminant

    def shifts(self, window: Window, rows: Rows, new: Mask, halves: Sequence[Half]) -> tuple[SliceShift, ...]:
        """Return the slices that carry the drift, strongest first.

        Args:
            window: to explain.
            rows: its texts that count: distinct, one of each group.
            new: bool [n], which of these the reference doesn't hold word for word; the others are no evidence.
            halves: of these texts, with the bumps found on each.
        """
        slices = list(self._slices([window.texts[row] for row in rows]))
        if not slices:
            return ()
        values = window.features.embeddings.values[rows]
        fixed = _Region(
            here=self._sets.hits(values) & new[:, None], there=self._hits, counted=np.ones(len(rows), dtype=bool)
        )
        learnt = [self._learn(values, new, half, slices) for half in halves]
        regions = [(fixed, *(half[number] for half in learnt)) for number in range(len(slices))]
        evidence = np.array([_evidence(each, sets) for each, sets in zip(slices, regions, strict=True)])
        named = discoveries(evidence, tests=len(slices), level=FALSE_DISCOVERY)
        order = [int(number) for number in np.argsort(-evidence, kind="stable") if named[number]]
        return tuple(_shift(slices[number], regions[number], float(evidence[number])) for number in order[:MOST])

    def _learn(self, values: Matrix, new: Mask, half: Half, slices: Sequence[_Slice]) -> list[_Region]:
        """Return for each slice the sets that one half of the window suggests."""
        parts = [values[half.chosen & each.inside] for each in slices]
        directions, limits = self._discriminant.directions(parts)
        here, there = (beyond(side, directions, limits) for side in (values, self._cal))
        bumps_here, bumps_there = (
            np.array([bump.holds(side) for bump in half.bumps], dtype=bool).reshape(-1, len(side)).T
            for side in (values, self._cal)
        )
        return [
            _Region(
                here=np.concatenate([bumps_here, here[:, number]], axis=1) & new[:, None],
                there=np.concatenate([bumps_there, there[:, number]], axis=1),
                counted=~half.chosen,
            )
            for number in range(len(parts))
        ]

    def _slices(self, texts: Sequence[Text]) -> Iterator[_Slice]:
        """Return the slices by labels of few values that most texts have."""
        for label in sorted({label for text in texts for label in text.labels}):
            values = [text.labels.get(label) for text in texts]
            counts = Counter(value for value in values if value is not None)
            if counts.total() < _LEAST_LABELLED * len(texts) or not 1 < len(counts) <= MOST_VALUES:
                continue
            for value in sorted(value for value, count in counts.items() if count >= _LEAST_TEXTS):
                same = np.array([labels.get(label) == value for labels in self._labels], dtype=bool)
                yield _Slice(
                    label=label,
                    value=value,
                    inside=np.array([each == value for each in values], dtype=bool),
                    same=same if same.sum() >= _LEAST_REFERENCE else None,
                )


def _evidence(each: _Slice, regions: Sequence[_Region]) -> float:
    """Return the log e-value of a slice over all sets."""
    found = [region.log_e(each) + np.log(weight) for region, weight in zip(regions, _WEIGHTS, strict=True)]
    return float(np.logaddexp.reduce(found))


def _shift(each: _Slice, regions: Sequence[_Region], evidence: float) -> SliceShift:
    error = (1 - _CONFIDENCE) / len(regions)
    return SliceShift(
        label=each.label,
        value=each.value,
        texts=int(each.inside.sum()),
        share=float(each.inside.mean()),
        log10_e=float(evidence / np.log(10)),
        new_share=max(region.new_share(each, error=error) for region in regions),
    )
