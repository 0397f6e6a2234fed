"""Detector ``share``: at least which share of the traffic does the reference not explain?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.bounds import lower_bound, upper_bound
from driftwatch.drift.discriminant import Discriminant
from driftwatch.drift.evidence.known import Known, known_of
from driftwatch.drift.rows import independent

CENTRES = 64
LEVELS = (1 / 8, 1 / 64, 1 / 500)
CONFIDENCE = 0.99
_TAILS = (1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64)
_LEAST_HALVED = 40
Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ShareDetector:
    """Bounds the share of new texts from below by the sets that the window fills more than the reference does.

    All sets are fixed on TRAIN: near each of 64 k-means centres, and far from every TRAIN text, each at three
    quantiles. For a set that the reference fills with probability q and the window with p, a mixture of the
    reference and anything else has a new share of at least p − q. Both are bounded by Clopper and Pearson
    (1934), Bonferroni over the sets. Two more sets are learnt from the window itself, each on one half and counted on
    the other (cross-fitting): the half-space along Fisher's discriminant between the half and TRAIN that the half fills
    most beyond TRAIN. They have half of the error together, so that the bound holds for the largest difference with 99%
    probability. It needs independent texts, so one text a group counts.

    A text that the reference knows word for word is in no set, for it is not new; but it is one of the window's texts.
    So bodies that come again and again are not taken for new ones, whatever part of the window they are (see
    :mod:`~driftwatch.drift.evidence.known`).
    """

    centres: int = CENTRES

    @property
    def name(self) -> str:
        """Name in results."""
        return "share"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> ShareMonitor:
        """Choose the sets on TRAIN, count CAL in them; there is no state to restart from."""
        del state
        from sklearn.cluster import KMeans

        train = reference.train.features.embeddings.values
        count = min(self.centres, max(len(train) // 4, 1))
        means = KMeans(count, n_init=1, random_state=seed).fit(train).cluster_centers_.astype(np.float32)
        half = len(train) // 2
        sets = Sets(means, train[:half], train[half:])
        return ShareMonitor(
            sets, Learnt(train), reference.cal.features.embeddings.values, known=known_of(reference), seed=seed
        )


class Sets:
    """Regions of embedding space, fixed on TRAIN.

    Args:
        means: float32 [k, d], k-means centres.
        known: float32 [n, d], texts that novelty is measured from.
        rest: float32 [m, d], the texts that the thresholds are quantiles of.
    """

    def __init__(self, means: Matrix, known: Matrix, rest: Matrix) -> None:
        self._means = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
        self._known = known
        scores = self._scores(rest)
        self._thresholds = np.quantile(scores, [1 - level for level in LEVELS], axis=0).T

    def hits(self, values: Matrix) -> npt.NDArray[np.bool_]:
        """Return bool [n, sets]: which texts fall into which set."""
        return (self._scores(values)[:, :, None] > self._thresholds[None]).reshape(len(values), -1)

    def _scores(self, values: Matrix) -> npt.NDArray[np.float32]:
        nearest = np.concatenate(
            [(values[at : at + 1_000] @ self._known.T).max(1) for at in range(0, len(values), 1_000)]
        )
        scores: npt.NDArray[np.float32] = np.concatenate([values @ self._means.T, -nearest[:, None]], axis=1)
        return scores


class Learnt:
    """Half-spaces learnt from a window's half.

    Args:
        train: float32 [n, d].
    """

    def __init__(self, train: Matrix) -> None:
        self._train = train
        self._discriminant = Discriminant(train)

    def half_space(self, values: Matrix) -> tuple[Matrix, float]:
        """Return the direction, float32 [d], and the threshold that these texts exceed most beyond TRAIN."""
        direction = self._discriminant.between(self._train, values)
        thresholds = np.quantile(self._train @ direction, [1 - tail for tail in _TAILS])
        shares = ((values @ direction)[:, None] > thresholds).mean(0)
        return direction, float(thresholds[int(np.argmax(shares - np.array(_TAILS)))])


class ShareMonitor:
    """Holds the sets, the reference's texts and their upper bounds.

    Args:
        sets: fixed on TRAIN.
        learnt: learns sets from windows.
        cal: float32 [m, d], the texts counted.
        known: the reference's bodies.
        seed: of every draw.
    """

    def __init__(self, sets: Sets, learnt: Learnt, cal: Matrix, *, known: Known, seed: int) -> None:
        self._sets = sets
        self._learnt = learnt
        self._cal = cal
        self._known = known
        self._seed = seed
        hits = sets.hits(cal)
        self._error = (1 - CONFIDENCE) / 2 / (2 * hits.shape[1])
        self._upper = upper_bound(hits.sum(0), len(hits), self._error)

    def update(self, window: Window) -> DriftResult:
        """Measure the window's distinct texts, one of each group."""
        rows = independent(window, seed=self._seed)
        values = window.features.embeddings.values[rows]
        new = self._known.new_of(window, rows)
        hits = self._sets.hits(values) & new[:, None]
        lower = lower_bound(hits.sum(0), len(rows), self._error)
        share = max(float(np.maximum(lower - self._upper, 0.0).max()), self._crossed(values, new, window.index))
        return DriftResult(detector="share", measures=(Measure(name="drift.new_share", value=share),))

    def _crossed(self, values: Matrix, new: npt.NDArray[np.bool_], index: int) -> float:
        """Return the bound by the sets learnt on the new texts of one half and counted on the other."""
        if len(values) < _LEAST_HALVED:
            return 0.0
        order = np.random.default_rng([self._seed, 15, index]).permutation(len(values))
        halves = order[: len(values) // 2], order[len(values) // 2 :]
        error, found = (1 - CONFIDENCE) / 8, 0.0
        for learnt, counted in (halves, halves[::-1]):
            if not new[learnt].any():
                continue
            direction, threshold = self._learnt.half_space(values[learnt[new[learnt]]])
            here, old = (values[counted] @ direction > threshold), (self._cal @ direction > threshold)
            lower = lower_bound(np.array([(here & new[counted]).sum()]), len(here), error)
            found = max(found, float(lower[0] - upper_bound(np.array([old.sum()]), len(old), error)[0]))
        return found

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""
