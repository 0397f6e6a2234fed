"""Texts on a plane: the reference's and the window's, close where alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftMap

if TYPE_CHECKING:
    from collections.abc import Sequence

POINTS = 300
_EDGE = 0.01
_DIGITS = 4
Matrix = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def draw_map(reference: Matrix, window: Matrix, inside: Sequence[Mask], *, seed: int) -> DriftMap:
    """Return at most 300 texts of each side on the two axes along which all of them differ most.

    Principal components of both sides' points in equal numbers. The farthest hundredth of either end of an axis is
    drawn at its edge, so that single texts don't press all others together.

    Args:
        reference: float32 [m, d], embeddings.
        window: float32 [n, d].
        inside: of each cluster, bool [n]; a text in several belongs to the first.
        seed: of the choice of points.
    """
    random = np.random.default_rng([seed, 17])
    there, here = (np.sort(random.permutation(len(each))[:POINTS]) for each in (reference, window))
    points = _flat(np.concatenate([reference[there], window[here]]))
    belongs = np.full(len(window), -1)
    for place, mask in reversed(list(enumerate(inside))):
        belongs[mask] = place
    placed = [(round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in points]
    return DriftMap(
        reference=tuple(placed[: len(there)]),
        window=tuple(placed[len(there) :]),
        clusters=tuple(int(place) for place in belongs[here]),
    )


def _flat(values: Matrix) -> npt.NDArray[np.float64]:
    """Return the points' places on their first two principal axes, float64 [n, 2], within 0 and 1."""
    centred = (values - values.mean(0)).astype(np.float64)
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axes = vectors[:, -2:][:, ::-1]
    # An axis has no sign of its own: its largest weight points upwards, so that equal texts give equal maps.
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), range(axes.shape[1])])
    points = centred @ axes
    low, high = np.quantile(points, [_EDGE, 1 - _EDGE], axis=0)
    placed: npt.NDArray[np.float64] = np.clip((points - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    return placed
