"""driftwatch's sequential evidence as a method of streams: the one place that knows how the product builds it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

import numpy as np

from benchmarks.peers.methods import Answer, NotThereError, first_alarm

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.peers.methods import Rows
    from driftwatch.domain.drift import Reference, Window
    from driftwatch.domain.protocols import Detector, Monitor

BLOCK = 8
"""Texts given to the detector at once: the trace rises in such steps, so delays are rounded up to them."""
_PACKAGE = "driftwatch.drift.evidence"


class Windows(Protocol):
    """Gives rows of a corpus as the product's windows."""

    def window(self, rows: Rows, groups: Rows | None = None, *, index: int = 0) -> Window:
        """Return a window of these rows."""
        ...


def detector(average_run_length: float) -> Detector:
    """Return the product's detector ``evidence`` for a budget.

    Raises:
        NotThereError: this version has none.
    """
    if find_spec(_PACKAGE) is None:
        raise NotThereError(f"{_PACKAGE} does not exist in this version")
    kind = getattr(import_module(_PACKAGE), "EvidenceDetector", None)
    if kind is None:
        raise NotThereError(f"{_PACKAGE} has no EvidenceDetector in this version")
    made: Detector = kind(average_run_length=average_run_length)
    return made


class Evidence:
    """The detector on streams.

    Args:
        corpus: gives windows.
        reference: it is fitted to.
        average_run_length: least number of texts to a false alarm.
        seed: of its random choices.
    """

    level = 0.0
    """``drift.evidence`` is log10 of the detector over its threshold."""

    def __init__(self, corpus: Windows, reference: Reference, *, average_run_length: float, seed: int) -> None:
        self._corpus = corpus
        self._reference = reference
        self._seed = seed
        self._detector = detector(average_run_length)
        self._fresh: Monitor | None = self._detector.fit(reference, seed=seed)
        self._begin = self._fresh.state()

    def trace(self, rows: Rows, groups: Rows | None = None) -> npt.NDArray[np.float64]:
        """Return ``drift.evidence`` after each text, from a monitor that has seen nothing yet."""
        monitor, self._fresh = self._fresh or self._restarted(), None
        found = np.full(len(rows), -np.inf)
        for index, start in enumerate(range(0, len(rows), BLOCK)):
            some = slice(start, start + BLOCK)
            window = self._corpus.window(rows[some], None if groups is None else groups[some], index=index)
            measures = {each.name: each.value for each in monitor.update(window).measures}
            found[min(start + BLOCK, len(rows)) - 1] = measures.get("drift.evidence", -np.inf)
        return found

    def _restarted(self) -> Monitor:
        return self._detector.fit(self._reference, seed=self._seed, state=self._begin)


class EvidenceWindows:
    """The detector on windows by themselves: does it alarm within this one, begun with it?

    Args:
        corpus: gives windows.
        reference: it is fitted to.
        average_run_length: for which P(false alarm within a window) is at most the level: window / level.
        seed: of its random choices.
    """

    def __init__(self, corpus: Windows, reference: Reference, *, average_run_length: float, seed: int) -> None:
        self._evidence = Evidence(corpus, reference, average_run_length=average_run_length, seed=seed)

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Follow the window text by text."""
        trace = self._evidence.trace(rows, groups)
        return Answer(alarm=first_alarm(trace, self._evidence.level) is not None, value=float(trace.max()))
