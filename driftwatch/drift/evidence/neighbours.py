"""How near a text lies to its nearest neighbours among others, in a whitened space of few dimensions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
NEAREST = 8
"""Neighbours whose mean similarity counts."""
_DIMENSIONS = 96
_GROUPS = 96
_AT_ONCE = 256
_ROUNDS = 4
"""Texts of each group that are compared with at once: their similarities stay in the processor's cache."""


class Space:
    """TRAIN's principal components, those of less variance stretched, on the unit sphere.

    Similarities there tell topics apart that share the embedding's common directions; 96 dimensions lose nothing
    against all 256 and cost a third.

    Args:
        mean: float32 [d], of TRAIN.
        covariance: float64 [d, d], of TRAIN.
        ridge: added to the variances before their square roots divide.
    """

    def __init__(self, mean: npt.NDArray[np.float32], covariance: npt.NDArray[np.float64], ridge: float) -> None:
        variances, axes = np.linalg.eigh(covariance)
        kept = slice(max(len(variances) - _DIMENSIONS, 0), None)
        stretch = 1.0 / np.sqrt(np.maximum(variances[kept], 0.0) + ridge)
        self._mean = mean
        self._axes: Matrix = np.ascontiguousarray((axes[:, kept] * stretch).astype(np.float32))

    def __call__(self, values: Matrix) -> Matrix:
        """Return the texts' places, float32 [n, p], unit rows, from their embeddings [n, d]."""
        places: Matrix = np.asarray((values - self._mean) @ self._axes, dtype=np.float32)
        places /= np.maximum(np.linalg.norm(places, axis=1, keepdims=True), np.float32(1e-9))
        return places


def nearest(places: Matrix, others: Matrix, *, own: bool = False) -> Matrix:
    """Return each text's similarities to its nearest neighbours among the others, float32 [n, k], k at most 8.

    Others are put into at most 96 groups by their place in the list, and only the nearest of each group counts: the
    maxima cost far less than an exact selection, and two of the eight nearest seldom share a group.

    Args:
        places: float32 [n, p], unit rows.
        others: float32 [m, p], unit rows; at least 2.
        own: whether the texts are among the others themselves, and must not speak for themselves.
    """
    parts = [_nearest(places[at : at + _AT_ONCE], others, int(own)) for at in range(0, len(places), _AT_ONCE)]
    return np.concatenate(parts) if parts else np.zeros((0, min(NEAREST, len(others))), dtype=np.float32)


def _nearest(places: Matrix, others: Matrix, skipped: int) -> Matrix:
    groups = min(len(others), _GROUPS)
    columns = np.ascontiguousarray(places.T)
    # A row for each group: maxima over whole rows cost a tenth of those within short stretches of rows.
    highest = others[:groups] @ columns
    for first in range(groups, len(others), _ROUNDS * groups):
        similar = others[first : first + _ROUNDS * groups] @ columns
        for start in range(0, len(similar), groups):
            some = similar[start : start + groups]
            np.maximum(highest[: len(some)], some, out=highest[: len(some)])
    best = np.ascontiguousarray(highest.T)
    count = min(NEAREST + skipped, groups)
    # So few are sorted in less time than they are parted.
    best.sort(axis=1)
    return np.ascontiguousarray(best[:, groups - count : groups - skipped])


def mean_of_nearest(found: list[Matrix]) -> npt.NDArray[np.float32]:
    """Return the mean similarity to the nearest neighbours among several lots, float32 [n].

    Args:
        found: float32 [n, k] each, by ``nearest``.
    """
    together = found[0]
    if len(found) > 1:
        together = np.concatenate(found, axis=1)
        count = min(NEAREST, together.shape[1])
        together.sort(axis=1)
        together = together[:, -count:]
    if together.shape[1] != NEAREST:
        return np.asarray(together.mean(1), dtype=np.float32)
    # Pairs are added up in the order in which numpy adds eight numbers, but for all texts at once.
    while together.shape[1] > 1:
        together = together[:, ::2] + together[:, 1::2]
    mean: npt.NDArray[np.float32] = together[:, 0] / np.float32(NEAREST)
    return mean
