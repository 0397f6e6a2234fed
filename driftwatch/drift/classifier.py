"""Detector ``classifier``: how well can somebody tell the window's texts from the reference's?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.discriminant import Discriminant
from driftwatch.drift.evidence.known import Known, known_of
from driftwatch.drift.rows import LEAST_UNKNOWN, few_recur, independent, one_of_each, unknown

Matrix = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
FOLDS = 5
MOST_TEXTS = 4_000
"""Texts of each side that are told apart."""
_NORMAL = 1.959964
_BAND = 2.575829


@dataclass(frozen=True, slots=True)
class ClassifierDetector:
    """Measures the area under the ROC curve of a classifier "window or reference?" on texts it did not learn from.

    The classifier is Fisher's linear discriminant, its covariance fixed on TRAIN, learnt on four fifths of window and
    CAL and judged on the last, in turn. The interval is that of DeLong, DeLong and Clarke-Pearson 1988 (Biometrics
    44); the null band adds what the folds' shared texts bring, by the variance of the Mann–Whitney statistic. Texts
    that the reference knows word for word are left out (:func:`~driftwatch.drift.rows.unknown`), and
    there is no null band where many of its bodies recur.
    """

    folds: int = FOLDS

    @property
    def name(self) -> str:
        """Name in results."""
        return "classifier"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> ClassifierMonitor:
        """Take the covariance from TRAIN, one text of each group from CAL; there is no state to restart from."""
        del state
        rows = one_of_each(reference.cal.texts, seed=seed)
        rows = np.random.default_rng([seed, 13]).permutation(rows)[:MOST_TEXTS]
        return ClassifierMonitor(
            Discriminant(reference.train.features.embeddings.values),
            reference.cal.features.embeddings.values[rows],
            known=known_of(reference),
            folds=self.folds,
            seed=seed,
        )


class ClassifierMonitor:
    """Holds the covariance, the reference's texts in random order, and the bodies that it knows."""

    def __init__(self, discriminant: Discriminant, cal: Matrix, *, known: Known, folds: int, seed: int) -> None:
        self._discriminant = discriminant
        self._cal = cal
        self._known = known
        self._folds = folds
        self._seed = seed

    def update(self, window: Window) -> DriftResult:
        """Measure the window's unknown distinct texts, one of each group; nothing where there are too few."""
        rows = unknown(window, independent(window, seed=self._seed), self._known)
        rows = np.random.default_rng([self._seed, 14, window.index]).permutation(rows)[:MOST_TEXTS]
        m, n = len(self._cal), len(rows)
        if min(m, n) < LEAST_UNKNOWN:
            return DriftResult(detector="classifier", measures=())
        fresh = window.features.embeddings.values[rows]
        beaten, beating = self._placements(fresh)
        area = float(beaten.mean())
        margin = _NORMAL * float(np.sqrt(beaten.var(ddof=1) / n + beating.var(ddof=1) / m))
        usual = few_recur(window, self._known)
        band = _BAND * float(np.sqrt((m + n + 1) / (12 * m * n) * self._folds / (self._folds - 1)))
        return DriftResult(
            detector="classifier",
            measures=(
                Measure(
                    name="embedding.auc",
                    value=area,
                    low=max(area - margin, 0.0),
                    high=min(area + margin, 1.0),
                    null_low=0.5 - band if usual else None,
                    null_high=0.5 + band if usual else None,
                ),
            ),
        )

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""

    def _placements(self, fresh: Matrix) -> tuple[Values, Values]:
        """Return the share of reference texts each window text beats, and of window texts that beat each of them."""
        beaten, beating = np.empty(len(fresh)), np.empty(len(self._cal))
        for fold in range(self._folds):
            new = np.arange(len(fresh)) % self._folds == fold
            old = np.arange(len(self._cal)) % self._folds == fold
            direction = self._discriminant.between(self._cal[~old], fresh[~new])
            high, low = fresh[new] @ direction, self._cal[old] @ direction
            beaten[new] = _above(high, low)
            beating[old] = 1.0 - _above(low, high)
        return beaten, beating


def _above(scores: Matrix, others: Matrix) -> Values:
    """Return the share of the others that each score lies above; ties count half."""
    ordered = np.sort(others)
    places = np.searchsorted(ordered, scores, side="left") + np.searchsorted(ordered, scores, side="right")
    shares: Values = places / (2.0 * len(others))
    return shares
