"""driftwatch's sequential evidence as a method of streams: the one place that knows how the product builds it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from benchmarks.peers.methods import Answer, NotThereError, first_alarm

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.peers.methods import Rows
    from driftwatch.domain.drift import Reference, Window
    from driftwatch.domain.protocols import Detector

    Dependence = Literal["auto", "independent"]

BLOCK = 8
"""Texts given to the detector at once: the trace rises in such steps, so delays are rounded up to them."""


class Windows(Protocol):
    """Gives rows of a corpus as the product's windows."""

    def window(self, rows: Rows, groups: Rows | None = None, *, index: int = 0) -> Window:
        """Return a window of these rows."""
        ...


def detector(dependence: Dependence) -> Detector:
    """Return the product's detector ``evidence``.

    Raises:
        NotThereError: this version has none.
    """
    try:
        from driftwatch.drift.evidence.detector import EvidenceDetector
        from driftwatch.drift.evidence.settings import EvidenceSettings
    except ImportError as error:
        raise NotThereError(f"this version has no sequential evidence: {error}") from error
    return EvidenceDetector(EvidenceSettings(dependence=dependence))


class Evidence:
    """The detector on streams.

    Args:
        corpus: gives windows.
        reference: it is fitted to.
        average_run_length: least number of texts to a false alarm.
        seed: of its random choices.
        dependence: ``independent`` where texts are drawn one by one, else what the product finds out itself.
    """

    level = 0.0
    """``drift.evidence`` is log10 of the detector over its threshold."""

    def __init__(
        self,
        corpus: Windows,
        reference: Reference,
        *,
        average_run_length: float,
        seed: int,
        dependence: Dependence = "independent",
    ) -> None:
        self._corpus = corpus
        self._average_run_length = average_run_length
        self._fresh = detector(dependence).fit(reference, seed=seed)

    def trace(self, rows: Rows, groups: Rows | None = None) -> npt.NDArray[np.float64]:
        """Return ``drift.evidence`` after each text, from a monitor that has seen nothing yet.

        The detector starts anew after an alarm of its own, so the trace holds for levels up to its own.
        """
        monitor = deepcopy(self._fresh)
        found = np.full(len(rows), -np.inf)
        for index, start in enumerate(range(0, len(rows), BLOCK)):
            some = slice(start, start + BLOCK)
            window = self._corpus.window(rows[some], None if groups is None else groups[some], index=index)
            result = monitor.update(replace(window, arl_texts=self._average_run_length))
            measures = {each.name: each.value for each in result.measures}
            found[min(start + BLOCK, len(rows)) - 1] = measures.get("drift.evidence", -np.inf)
        return found


class EvidenceWindows:
    """The detector on windows by themselves: does it alarm within this one, begun with it?

    Args:
        evidence: at a budget for which P(false alarm within a window) is at most the level.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Follow the window text by text; sessions come one after the other, as they do in their windows."""
        trace = self._evidence.trace(rows, groups)
        return Answer(alarm=first_alarm(trace, self._evidence.level) is not None, value=float(trace.max()))
