"""Detector ``length``: have the texts become longer or shorter?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.evidence.known import Known, known_of
from driftwatch.drift.evidence.sets import lengths
from driftwatch.drift.rows import LEAST_UNKNOWN, few_recur, independent, one_of_each, unknown

Lengths = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LengthDetector:
    """Measures the median length in tokens, with an interval that assumes nothing of the lengths' distribution.

    Source: the sign test's interval between order statistics (Thompson 1936, Annals of Mathematical Statistics 7). The
    null band is where the medians of equally large windows of CAL lie, by the same order statistics. Texts that the
    reference knows word for word are left out (:func:`~driftwatch.drift.rows.unknown`), and
    there is no null band where many of its bodies recur.
    """

    @property
    def name(self) -> str:
        """Name in results."""
        return "length"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> LengthMonitor:
        """Sort CAL's lengths, one text of each group; there is no state to restart from."""
        del state
        rows = one_of_each(reference.cal.texts, seed=seed)
        cal = np.sort(lengths(reference.cal.features)[rows])
        return LengthMonitor(cal, known=known_of(reference), seed=seed)


class LengthMonitor:
    """Holds CAL's lengths, ascending, and the bodies that the reference knows."""

    def __init__(self, cal: Lengths, *, known: Known, seed: int) -> None:
        self._cal = cal
        self._known = known
        self._seed = seed

    def update(self, window: Window) -> DriftResult:
        """Measure the window's unknown distinct texts, one of each group; nothing where there are too few."""
        rows = unknown(window, independent(window, seed=self._seed), self._known)
        if len(rows) < LEAST_UNKNOWN:
            return DriftResult(detector="length", measures=())
        found = np.sort(lengths(window.features)[rows])
        low, high = _ranks(len(found), 0.05)
        null_low, null_high = self._band(len(found)) if few_recur(window, self._known) else (None, None)
        return DriftResult(
            detector="length",
            measures=(
                Measure(
                    name="text.length",
                    value=float(np.median(found)),
                    low=float(found[low]),
                    high=float(found[high]),
                    null_low=null_low,
                    null_high=null_high,
                ),
            ),
        )

    def _band(self, count: int) -> tuple[float, float]:
        """Return where the median of ``count`` texts like CAL's lies; CAL's own is known as badly as its size says."""
        last = len(self._cal) - 1
        certain = max(int(count * len(self._cal) / (count + len(self._cal))), 1)
        low, high = _ranks(certain, 0.01)
        ends = int(np.floor(low / certain * last)), int(np.ceil((high + 1) / certain * last))
        return float(self._cal[ends[0]]), float(self._cal[min(ends[1], last)])

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""


def _ranks(count: int, error: float) -> tuple[int, int]:
    """Return the places, from 0, of the order statistics that hold the median between them but for the error."""
    from scipy.stats import binom

    low = max(int(binom.ppf(error / 2, count, 0.5)) - 1, 0)
    return low, count - 1 - low
