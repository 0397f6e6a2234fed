"""How near a text lies to the nearest known text: most texts are near one of a few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
_STAGES = (64, 128, 256)
"""So many of the known texts that most others are near to are asked first, then more, then all."""
_AT_ONCE = 1_000


class Nearest:
    """The cosine to the nearest known text, where it is small; elsewhere that to some known text near enough.

    Only texts with no known text within a cosine ``enough`` are told apart by it. So every text is first held against
    the few known texts that most others are near to, and those that found none near enough against more, in stages.
    What is returned is at least ``enough`` exactly where the nearest cosine is, and the nearest cosine elsewhere.

    Args:
        known: float32 [m, d], unit rows.
        enough: cosine from which on a text is not told apart from nearer ones.
        others: float32 [k, d], texts to choose the few for.
    """

    def __init__(self, known: Matrix, enough: float, others: Matrix) -> None:
        self._enough = np.float32(enough)
        first = _widest(others @ known.T >= self._enough)
        order = np.concatenate([first, np.delete(np.arange(len(known)), first)])
        lots = np.split(known[order], [stage for stage in _STAGES if stage < len(known)])
        self._stages = [np.ascontiguousarray(lot.T) for lot in lots]

    def __call__(self, values: Matrix) -> Vector:
        """Return the cosines, float32 [n], of texts [n, d]."""
        found = highest(values, self._stages[0])
        for columns in self._stages[1:]:
            undecided = np.flatnonzero(found < self._enough)
            found[undecided] = np.maximum(found[undecided], highest(values[undecided], columns))
        return found


def highest(values: Matrix, columns: Matrix) -> Vector:
    """Return the greatest product of each row [n, d] with any of the columns [d, m], float32 [n]."""
    parts = [(values[at : at + _AT_ONCE] @ columns).max(1) for at in range(0, max(len(values), 1), _AT_ONCE)]
    return np.concatenate(parts)


def _widest(near: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return known texts in an order such that the first are near to as many others as few can be, greedily.

    Args:
        near: bool [others, known].
    """
    order: list[int] = []
    left = near
    counts = left.sum(0)
    while len(order) < min(_STAGES[-1], near.shape[1]):
        best = int(counts.argmax())
        order.append(best)
        gone = left[:, best]
        counts -= left[gone].sum(0)
        counts[best] = -1
        left = left[~gone]
    return np.asarray(order, dtype=np.int64)
