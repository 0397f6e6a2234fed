"""How far do a stream's texts depend on each other? Measured on a burn-in, it gives the length of blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LENGTHS = (8, 16, 32, 64, 128, 256, 512)
LEAST_TEXTS = 100
_SIGNIFICANT = 4.0
_RELEVANT = 0.05
_EARLIER = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Serial correlation of the embeddings at some lags.

    Args:
        first: smallest lag.
        last: largest lag.
        correlation: mean over the lags, 1 for equal texts and 0 for independent ones.
        z: it over its standard error without dependence.
    """

    first: int
    last: int
    correlation: float
    z: float

    @property
    def matters(self) -> bool:
        """Whether it is both beyond chance and large enough to widen a block's spread."""
        width = self.last - self.first + 1
        return self.z > _SIGNIFICANT and self.correlation * width > _RELEVANT


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependence:
    """What the burn-in showed.

    Args:
        length: groups in a block.
        texts: measured on.
        settled: whether the burn-in is over.
        bands: serial correlation by lag.
        confirmed: whether the later part of the burn-in shows no dependence beyond the length chosen on the earlier.
        beyond: whether texts depend on each other even farther apart than the longest block.
    """

    length: int
    texts: int
    settled: bool
    bands: tuple[Band, ...]
    confirmed: bool
    beyond: bool


def measure(values: npt.NDArray[np.float32], *, settled: bool) -> Dependence:
    """Choose the shortest block beyond which texts don't depend on each other.

    Chosen on the first 60% and checked on the rest; where the rest shows more, the longer of the two lengths is taken.

    Args:
        values: float32 [n, d], embeddings in the stream's order, one of each group.
        settled: whether this is the whole burn-in.
    """
    if len(values) < LEAST_TEXTS:
        return Dependence(
            length=LENGTHS[0], texts=len(values), settled=settled, bands=(), confirmed=False, beyond=False
        )
    cut = int(len(values) * _EARLIER)
    earlier, later = _length(bands(values[:cut])), _length(bands(values[cut:]))
    whole = bands(values)
    length = max(earlier or LENGTHS[-1], later or LENGTHS[-1], _length(whole) or LENGTHS[-1])
    return Dependence(
        length=length,
        texts=len(values),
        settled=settled,
        bands=whole,
        confirmed=earlier is not None and later is not None and later <= earlier,
        beyond=None in (earlier, later, _length(whole)),
    )


def bands(values: npt.NDArray[np.float32]) -> tuple[Band, ...]:
    """Return serial correlations at lags 1, 2–3, 4–7, … as far as half of the texts reach."""
    centred = (values - values.mean(0)).astype(np.float64)
    size = float((centred * centred).sum(1).mean()) or 1.0
    scatter = centred.T @ centred / len(centred)
    spread = float(np.sqrt((scatter * scatter).sum())) / size
    sums = np.concatenate([np.zeros((1, centred.shape[1])), np.cumsum(centred, axis=0)])
    found = []
    first = 1
    while first * 2 < len(centred) // 2 and first < 2 * LENGTHS[-1]:
        last = 2 * first - 1
        starts = np.arange(len(centred) - first)
        ends = np.minimum(starts + last + 1, len(centred))
        ahead = sums[ends] - sums[starts + first]
        pairs = int((ends - starts - first).sum())
        correlation = float((centred[starts] * ahead).sum()) / pairs / size
        found.append(
            Band(first=first, last=last, correlation=correlation, z=float(correlation * np.sqrt(pairs) / spread))
        )
        first *= 2
    return tuple(found)


def _length(found: tuple[Band, ...]) -> int | None:
    """Return the shortest length with no band that matters at or beyond it; None where even the longest has one."""
    for length in LENGTHS:
        if not any(band.matters for band in found if band.first >= length):
            return length
    return None
