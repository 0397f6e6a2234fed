"""How far do a stream's texts depend on each other? Measured on a burn-in, it gives the length of blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

LENGTHS = (8, 16, 32, 64, 128)
_BEYOND = 256
_STRETCH = 250
_STRETCHES = 4
_MEDIAN = 1.25
LEAST_TEXTS = 100
_SIGNIFICANT = 4.0
_RELEVANT = 0.05
_EARLIER = 0.6
_UNEXPLAINED = 2.0
_LONGER = 4


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
        confirmed: whether neither the earlier nor the later part of the burn-in alone asks for longer blocks.
        beyond: whether texts depend on each other as far apart as can be measured; blocks are 256 long then.
        wavering: whether parts of the burn-in differ by more than that, so that it goes on.
    """

    length: int
    texts: int
    settled: bool
    bands: tuple[Band, ...]
    confirmed: bool
    beyond: bool
    wavering: bool = False

    @property
    def sentence(self) -> str:
        """Return it in words."""
        if self.texts < LEAST_TEXTS:
            return f"blocks of {self.length}: only {self.texts} texts measured so far"
        stage = "" if self.settled else " so far"
        if self.wavering:
            return (
                f"blocks of {self.length} so far: parts of the {self.texts:,} texts measured differ by more than "
                "dependence within them explains, so the burn-in goes on, and nothing is bet with learnt scores yet"
            )
        if self.beyond:
            return (
                f"blocks of {self.length}: texts depend on each other {self.bands[-1].first} apart and farther "
                f"({self.texts:,} texts measured{stage}; a longer burn_in measures farther), so nothing is bet with "
                "learnt scores"
            )
        doubt = "" if self.confirmed else "; parts of them ask for longer blocks, so look at what groups texts"
        return f"blocks of {self.length}: no dependence found beyond ({self.texts:,} texts measured{stage}{doubt})"


def judge(values: npt.NDArray[np.float32], *, burn_in: int) -> Dependence:
    """Return what the burn-in shows so far; it is over after its texts, or after four times as many where they waver.

    While they waver blocks are as long as they show so far, for a drift that begins now must be seen.

    Args:
        values: float32 [n, d], embeddings in the stream's order, one of each group.
        burn_in: texts wanted.
    """
    wavering = burn_in <= len(values) < _LONGER * burn_in and wavers(values)
    found = measure(values, settled=len(values) >= burn_in and not wavering)
    return replace(found, confirmed=False, wavering=True) if wavering else found


def measure(values: npt.NDArray[np.float32], *, settled: bool) -> Dependence:
    """Choose the shortest block beyond which texts don't depend on each other.

    Chosen on all of them; confirmed where neither the first 60% nor the rest alone ask for more.

    Args:
        values: float32 [n, d], embeddings in the stream's order, one of each group.
        settled: whether this is the whole burn-in.
    """
    if len(values) < LEAST_TEXTS:
        return Dependence(
            length=LENGTHS[0], texts=len(values), settled=settled, bands=(), confirmed=False, beyond=False
        )
    cut = int(len(values) * _EARLIER)
    whole = bands(values)
    length, earlier, later = _length(whole), _length(bands(values[:cut])), _length(bands(values[cut:]))
    return Dependence(
        length=length or _BEYOND,
        texts=len(values),
        settled=settled,
        bands=whole,
        confirmed=None not in (length, earlier, later) and max(earlier or 0, later or 0) <= (length or 0),
        beyond=length is None,
    )


def bands(values: npt.NDArray[np.float32]) -> tuple[Band, ...]:
    """Return serial correlations at lags 1, 2–3, 4–7, … as far as half of a stretch reaches.

    They are measured within at most four stretches of 250 texts or more, each around its own mean, and the median over
    the stretches is taken: a drift during the burn-in shifts means from stretch to stretch, and is no dependence
    between texts. A burn-in of 1,000 texts shows lags up to 63, one of 2,100 up to 255.

    Args:
        values: float32 [n, d], in the stream's order.
    """
    count = min(max(len(values) // _STRETCH, 1), _STRETCHES)
    stretches = [_Stretch(part) for part in np.array_split(values, count)]
    found: list[Band] = []
    first = 1
    while first * 4 <= min(stretch.texts for stretch in stretches) and first < 2 * LENGTHS[-1]:
        last = 2 * first - 1
        measured = [stretch.correlation(first, last, alike=_alike(found)) for stretch in stretches]
        correlation = float(np.median([each for each, _ in measured]))
        error = float(np.mean([each for _, each in measured])) / np.sqrt(len(measured))
        error *= _MEDIAN if len(measured) > 2 else 1.0  # noqa: PLR2004 - of two the median is the mean
        found.append(Band(first=first, last=last, correlation=correlation, z=float(correlation / error)))
        first *= 2
    return tuple(found)


def wavers(values: npt.NDArray[np.float32]) -> bool:
    """Say whether the stretches' means lie farther apart than the dependence found within stretches explains.

    Then the text changed during the burn-in, or it comes in bursts as long as a stretch, which look like no dependence
    at all where a stretch lies within one: only a longer burn-in tells.

    Args:
        values: float32 [n, d], in the stream's order.
    """
    count = min(len(values) // _STRETCH, _STRETCHES)
    if count < 2:  # noqa: PLR2004 - to compare
        return False
    parts = np.array_split(values, count)
    size, stretches = len(parts[-1]), [_Stretch(part) for part in parts]
    means = np.stack([part.mean(0) for part in parts]).astype(np.float64)
    within = float(np.mean([stretch.size for stretch in stretches]))
    spread = float(((means - means.mean(0)) ** 2).sum()) / (count - 1) * size / within
    explained = _alike(bands(values))
    error = float(np.mean([stretch.spread for stretch in stretches])) * np.sqrt(2 / (count - 1))
    return bool(spread > _UNEXPLAINED * explained * (1.0 + _SIGNIFICANT * error))


class _Stretch:
    """Some texts in order, around their own mean."""

    def __init__(self, values: npt.NDArray[np.float32]) -> None:
        self.texts = len(values)
        self._centred = (values - values.mean(0)).astype(np.float64)
        self.size = float((self._centred * self._centred).sum(1).mean()) or 1.0
        scatter = self._centred.T @ self._centred / self.texts
        self.spread = float(np.sqrt((scatter * scatter).sum())) / self.size
        self._sums = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(self._centred, axis=0)])

    def correlation(self, first: int, last: int, *, alike: float) -> tuple[float, float]:
        """Return the mean correlation at these lags, freed of the bias of the own mean, and its standard error.

        Args:
            first: smallest lag.
            last: largest lag.
            alike: texts that one text stands for, by the dependence at smaller lags. The own mean is as uncertain as
                that of so many times fewer texts, and takes its variance out of the correlation at every lag: with
                four bursts in a stretch nothing would be left of that between texts half a burst apart. The error
                grows with it as that of so many times fewer pairs.
        """
        starts = np.arange(self.texts - first)
        ends = np.minimum(starts + last + 1, self.texts)
        ahead = self._sums[ends] - self._sums[starts + first]
        pairs = int((ends - starts - first).sum())
        found = float((self._centred[starts] * ahead).sum()) / pairs / self.size
        return found + alike / (self.texts - 1), self.spread * float(np.sqrt(alike / pairs))


def _alike(found: Sequence[Band]) -> float:
    """Return how many times the variance of a mean is that of as many independent texts, by the bands that matter."""
    return 1.0 + 2.0 * sum(band.correlation * (band.last - band.first + 1) for band in found if band.matters)


def _length(found: tuple[Band, ...]) -> int | None:
    """Return the shortest length with bands at or beyond it of which none matters; None where there is no such length.

    Where even the farthest band matters, nothing says that the dependence ends there.
    """
    for length in LENGTHS:
        farther = [band for band in found if band.first >= length]
        if farther and not any(band.matters for band in farther):
            return length
    return None
