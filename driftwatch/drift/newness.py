"""How much more the champion loses where the texts are new: short new texts hardly move a window's loss per token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.rows import independent, one_of_each
from driftwatch.drift.share import Learnt

if TYPE_CHECKING:
    from driftwatch.domain.drift import ReferencePart, Window
    from driftwatch.domain.features import TextLosses
    from driftwatch.drift.evidence.known import Known

LEAST_TEXTS = 40
"""Fewest texts of a window, half of which show where the texts are new and half of which are counted there."""
_NORMAL = 1.959964
Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rise:
    """A rise of the mean loss, in nats per token, with its 95% interval."""

    value: float
    low: float
    high: float


class Newness:
    """Counts the rise of the loss that comes from where a window's texts are new, every text alike.

    One half of the window shows where that is: the half-space along Fisher's discriminant that it fills most beyond
    TRAIN. The other half and the baseline are counted there, each half in turn (cross-fitting). With l a text's loss
    per token, m the baseline's mean of it and R the half-space, the rise is the window's mean of 1[R]·(l − m) less the
    baseline's. Its expectation is 0 where nothing has drifted, whatever texts lie in R; where texts have come that the
    model reads as well as others; and it is the whole rise of the mean loss where all that is new lies in R. Texts
    outside R, most of the window's noise, are not counted.

    Texts that the reference knows word for word are not new, wherever they lie, and held-out texts hold none of them:
    only unknown texts are compared with the baseline, and the rise is weighted by their share of the window.

    Args:
        train: float32 [n, d], embeddings of TRAIN.
        baseline: texts that the model never saw, with losses.
        known: the reference's bodies.
        seed: of every draw.
    """

    def __init__(self, train: Matrix, baseline: ReferencePart, *, known: Known, seed: int) -> None:
        self._learnt = Learnt(train)
        self._known = known
        self._seed = seed
        rows = one_of_each(baseline.texts, seed=seed)
        rows, losses = _scored(baseline.features.losses, rows)
        self._values = baseline.features.embeddings.values[rows]
        self._mean = float(losses.mean()) if len(losses) else 0.0
        self._beyond = losses - self._mean

    def rise(self, window: Window) -> Rise | None:
        """Return the rise; None where too few texts of window (unknown ones) or baseline have a loss."""
        rows, losses = _scored(window.features.losses, independent(window, seed=self._seed))
        new = self._known.new_of(window, rows)
        rows, losses, share = rows[new], losses[new], float(new.mean()) if len(new) else 0.0
        if min(len(rows), len(self._beyond)) < LEAST_TEXTS:
            return None
        values, beyond = window.features.embeddings.values[rows], losses - self._mean
        order = np.random.default_rng([self._seed, 16, window.index]).permutation(len(rows))
        halves = order[: len(rows) // 2], order[len(rows) // 2 :]
        counted, known = np.zeros(len(rows)), np.zeros(len(self._beyond))
        for shown, other in (halves, halves[::-1]):
            direction, threshold = self._learnt.half_space(values[shown])
            counted[other] = np.where(values[other] @ direction > threshold, beyond[other], 0.0)
            known += np.where(self._values @ direction > threshold, self._beyond, 0.0) / 2
        value = share * float(counted.mean() - known.mean())
        margin = share * _NORMAL * float(np.sqrt(counted.var(ddof=1) / len(counted) + known.var(ddof=1) / len(known)))
        return Rise(value=value, low=value - margin, high=value + margin)


def _scored(losses: TextLosses | None, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], Floats]:
    """Return those of the rows on which something was predicted, and each one's loss per token."""
    if losses is None:
        return rows[:0], np.empty(0)
    kept = rows[losses.tokens[rows] > 0]
    return kept, losses.nats[kept] / losses.tokens[kept]
