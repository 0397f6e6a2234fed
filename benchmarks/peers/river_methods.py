"""river's detectors on each text's cosine distance to the reference's centroid."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from benchmarks.peers.methods import Fit, Rows, SequentialFit, WindowedFit

CONFIDENCES = tuple(10.0**-power for power in (0.001, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 2.7, 4, 6, 10))
"""ADWIN's δ that are run side by side; it has no statistic that could be compared with another level afterwards."""
WARM_UP = 1_000
"""Both learn what is normal from the stream itself; they see the reference's texts first."""


class Centroid:
    """Distances to the reference's centroid."""

    def __init__(self, fit: Fit) -> None:
        centre = fit.embeddings.mean(0)
        self._centre = centre / np.linalg.norm(centre)
        self._embeddings = fit.texts.embeddings
        self.known = 1.0 - fit.embeddings[:WARM_UP] @ self._centre

    def of(self, rows: Rows) -> npt.NDArray[np.float32]:
        """Return the distances of these texts."""
        found: npt.NDArray[np.float32] = 1.0 - self._embeddings[rows] @ self._centre
        return found


class Adwin:
    """One ADWIN a δ; the trace is the largest −log10 δ of those that have alarmed so far."""

    level = float(-np.log10(0.002))

    def __init__(self, fit: Fit) -> None:
        self._kind = import_module("river.drift").ADWIN
        self._centroid = Centroid(fit)

    def trace(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return it after each text, −∞ before any alarm."""
        found = np.full(len(rows), -np.inf)
        for delta in CONFIDENCES:
            detector = self._kind(delta=delta)
            for distance in self._centroid.known:
                detector.update(float(distance))
            for place, distance in enumerate(self._centroid.of(rows)):
                detector.update(float(distance))
                if detector.drift_detected:
                    found[place:] = np.maximum(found[place:], -np.log10(delta))
                    break
        return found


class PageHinkley:
    """Page and Hinkley's sum in units of river's own threshold, 50."""

    level = 1.0

    def __init__(self, fit: Fit) -> None:
        self._kind = import_module("river.drift").PageHinkley
        self._own = float(self._kind().threshold)
        self._centroid = Centroid(fit)

    def trace(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return the larger of both sums after each text."""
        detector = self._kind(threshold=np.inf)
        for distance in self._centroid.known:
            detector.update(float(distance))
        found = np.empty(len(rows))
        for place, distance in enumerate(self._centroid.of(rows)):
            detector.update(float(distance))
            rise = detector._sum_increase - detector._min_increase  # noqa: SLF001 - it gives no statistic
            fall = detector._max_decrease - detector._sum_decrease  # noqa: SLF001
            found[place] = max(rise, fall) / self._own
        return found


PACKAGES = ("river.drift",)
WINDOWED: Mapping[str, WindowedFit] = {}
SEQUENTIAL: Mapping[str, SequentialFit] = {"river.adwin": Adwin, "river.page-hinkley": PageHinkley}
