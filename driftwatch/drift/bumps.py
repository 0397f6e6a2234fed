"""Where texts lie denser than others: regions found on one half of a window, to be counted on the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from driftwatch.drift.discriminant import Discriminant

Matrix = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

MOST = 8
_SIZES = (4, 8, 16, 32, 64, 128, 256)
_LEAST_SCORE = 4.0
_MOST_HALF = 750
_MOST_KNOWN = 2_500


@dataclass(frozen=True, slots=True, eq=False)
class Bump:
    """A cap of the sphere of embeddings.

    Args:
        centre: float32 [d].
        least: product with the centre beyond which a text is inside.
        diffuse: whether it is the far end of a direction, which may hold several topics.
    """

    centre: Matrix
    least: float
    diffuse: bool = False

    def holds(self, values: Matrix) -> npt.NDArray[np.bool_]:
        """Return bool [n]: which texts are inside."""
        inside: npt.NDArray[np.bool_] = values @ self.centre >= self.least
        return inside


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """One half of a window and the bumps found on it: dense spots, and the far end of where it differs from TRAIN.

    Args:
        chosen: bool [n], the texts of this half.
        bumps: found on them; the other half's texts count.
    """

    chosen: npt.NDArray[np.bool_]
    bumps: tuple[Bump, ...]


class Halving:
    """Cuts windows into halves by chance and finds the bumps of each.

    Args:
        train: float32 [m, d], embeddings of TRAIN.
        discriminant: fitted to TRAIN.
        seed: of the halves.
    """

    def __init__(self, train: Matrix, discriminant: Discriminant, *, seed: int) -> None:
        self._discriminant = discriminant
        self._known = train[:: max(len(train) // _MOST_KNOWN, 1)][:_MOST_KNOWN]
        self._seed = seed

    def halves(self, values: Matrix, *, index: int) -> tuple[Half, Half]:
        """Return both halves of a window.

        Args:
            values: float32 [n, d], embeddings of its texts that count.
            index: the window's number.
        """
        order = np.random.default_rng([self._seed, 11, index]).permutation(len(values))
        first = np.zeros(len(values), dtype=bool)
        first[order[: len(order) // 2]] = True
        return self._half(values, first), self._half(values, ~first)

    def _half(self, values: Matrix, chosen: npt.NDArray[np.bool_]) -> Half:
        part = values[chosen]
        directions, limits = self._discriminant.directions([part])
        diffuse = [Bump(centre=directions[:, 0], least=float(limit), diffuse=True) for limit in limits[0]]
        return Half(chosen=chosen, bumps=(*find_bumps(part[:_MOST_HALF], self._known), *diffuse))


def find_bumps(values: Matrix, known: Matrix) -> list[Bump]:
    """Return up to eight caps that hold many of the texts and few of the known ones, densest first.

    A scan in the manner of bump hunting: every text with its nearest neighbours is a candidate; the one that is
    the least likely at the known texts' rate is kept, drawn anew around the mean of its texts, and its texts are
    taken away. Nothing is claimed here: what is found must be counted on other texts.

    Source: Friedman and Fisher 1999 (Statistics and Computing 9) for hunting bumps by peeling them off.

    Args:
        values: float32 [n, d], unit rows, one half of a window.
        known: float32 [m, d], unit rows of TRAIN.
    """
    found: list[Bump] = []
    n, left = len(values), values
    while len(left) > _SIZES[0] and len(found) < MOST:
        bump, score = _densest(left, known, n)
        inside = bump.holds(left)
        if score < _LEAST_SCORE or not inside.any():
            break
        found.append(bump)
        left = left[~inside]
    return found


def _densest(values: Matrix, known: Matrix, n: int) -> tuple[Bump, float]:
    near = np.sort(values @ values.T, axis=1)[:, ::-1]
    sizes = [size for size in _SIZES if size <= len(values)]
    far = values @ known.T
    best, best_score = (0, sizes[0]), -np.inf
    for size in sizes:
        outside = (far >= near[:, size - 1 : size]).sum(1)
        scores = _scores(np.full(len(values), size), n, outside, len(known))
        row = int(scores.argmax())
        if scores[row] > best_score:
            best, best_score = (row, size), float(scores[row])
    row, size = best
    members = values[values @ values[row] >= near[row, size - 1]]
    return _around(members.mean(0), values, known, n)


def _around(mean: Matrix, values: Matrix, known: Matrix, n: int) -> tuple[Bump, float]:
    """Return the best cap around a mean, and its score."""
    centre = mean / max(float(np.linalg.norm(mean)), 1e-12)
    inside = np.sort(values @ centre)[::-1]
    near = np.sort(known @ centre)
    outside = len(near) - np.searchsorted(near, inside, side="left")
    scores = _scores(np.arange(1, len(inside) + 1), n, outside, len(near))
    scores[: _SIZES[0] - 1] = -np.inf
    best = int(scores.argmax())
    # The border lies half-way to the next text: other texts of the same kind lie a little beyond the farthest seen.
    beyond = [*inside[best + 1 : best + 2], *near[: len(near) - outside[best]][-1:], -1.0]
    return Bump(centre=centre, least=float(inside[best] + max(beyond)) / 2), float(scores[best])


def _scores(here: npt.NDArray[np.int64], n: int, there: npt.NDArray[np.int64], m: int) -> Floats:
    """Return the log likelihood ratio of the count against the known texts' rate (Poisson), 0 where it is lower."""
    expected = n * (there + 0.5) / (m + 1)
    found: Floats = np.where(here > expected, here * np.log(here / expected) - (here - expected), 0.0)
    return found
