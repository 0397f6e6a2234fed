"""What the daemon sees while it runs and the store does not keep: lengths of texts, durations of assessments."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from driftwatch.metrics.histogram import Exemplar, Histogram
from driftwatch.metrics.snapshot import ObservedFigures

if TYPE_CHECKING:
    from collections.abc import Iterable

LENGTHS = (16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0)
"""Characters: a few words, a sentence, a paragraph, a page, several, a chapter."""

DURATIONS = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds: a window of 500 short texts takes about one, one of thousands of long ones minutes."""

RESULTS = ("assessed", "failed", "set-aside")
"""How an attempt to assess a window ends."""


class _Stream:
    def __init__(self) -> None:
        self.lengths = Histogram(LENGTHS)
        self.durations = Histogram(DURATIONS)
        self.results = dict.fromkeys(RESULTS, 0)


class Observations:
    """Gathers them by stream, from the daemon's start on; several threads may use it.

    Args:
        streams: names of all of them.
    """

    def __init__(self, streams: Iterable[str]) -> None:
        self._streams = {name: _Stream() for name in streams}
        self._guard = threading.Lock()

    def texts(self, stream: str, lengths: Iterable[int]) -> None:
        """Note the lengths, in characters, of texts that were taken in."""
        self._streams[stream].lengths.observe(lengths)

    def attempt(self, stream: str, result: str, *, seconds: float, window: int, at: float) -> None:
        """Note how an attempt to assess a window ended.

        Args:
            stream: whose window.
            result: one of ``RESULTS``.
            seconds: that it took.
            window: its number.
            at: when it ended, in Unix seconds.
        """
        seen = self._streams[stream]
        with self._guard:
            seen.results[result] += 1
        seen.durations.observe([seconds], exemplar=Exemplar(label="window", id=str(window), value=seconds, at=at))

    def of(self, stream: str) -> ObservedFigures:
        """Return what was seen of a stream; zeros for one that is not known."""
        seen = self._streams.get(stream) or _Stream()
        with self._guard:
            results = dict(seen.results)
        return ObservedFigures(results=results, lengths=seen.lengths.figures(), durations=seen.durations.figures())
