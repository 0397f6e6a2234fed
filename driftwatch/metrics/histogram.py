"""Counts what happens in classes of size or duration, in memory, for rates and quantiles."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemplar:
    """One thing that was counted, so that somebody can look at it.

    Args:
        label: what kind of thing, such as ``run``.
        id: which.
        value: that it was counted with.
        at: when, in Unix seconds; None where it is not known.
    """

    label: str
    id: str
    value: float
    at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramFigures:
    """Where a histogram stands.

    Args:
        bounds: upper ends of its classes, ascending; one more class holds what is above them all.
        counts: of each class alone, one more than bounds.
        total: sum of all values.
        exemplars: the newest of each class that has one, by its place.
    """

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float = 0.0
    exemplars: tuple[Exemplar | None, ...] = ()


class Histogram:
    """Counts values by class; several threads may use it.

    Args:
        bounds: upper ends of the classes, ascending.
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(bounds) + 1)
        self._exemplars: list[Exemplar | None] = [None] * (len(bounds) + 1)
        self._total = 0.0
        self._guard = threading.Lock()

    def observe(self, values: Iterable[float], *, exemplar: Exemplar | None = None) -> None:
        """Count values; the exemplar takes its class's place."""
        with self._guard:
            for value in values:
                self._counts[bisect_left(self._bounds, value)] += 1
                self._total += value
            if exemplar is not None:
                self._exemplars[bisect_left(self._bounds, exemplar.value)] = exemplar

    def figures(self) -> HistogramFigures:
        """Return where it stands."""
        with self._guard:
            return HistogramFigures(
                bounds=self._bounds,
                counts=tuple(self._counts),
                total=self._total,
                exemplars=tuple(self._exemplars),
            )
