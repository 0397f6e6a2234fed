"""driftwatch's sequential evidence as a method of streams: the one place that knows how the product builds it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from benchmarks.peers.methods import Answer, NotThereError, first_alarm
from benchmarks.peers.trials import ONSET

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.peers.methods import Rows
    from driftwatch.domain.drift import Reference, Window
    from driftwatch.domain.protocols import Detector

    Dependence = Literal["auto", "independent"]

BLOCK = 8
"""Texts given to the detector at once: the trace rises in such steps, so delays are rounded up to them."""
SINGLY = range(ONSET, ONSET + 10 * BLOCK)
"""Places of streams at which texts are given one by one, so that short delays are not rounded; of quiet ones too."""


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

    def trace(self, rows: Rows, groups: Rows | None = None, *, singly: range = SINGLY) -> npt.NDArray[np.float64]:
        """Return ``drift.evidence`` after each text, from a monitor that has seen nothing yet.

        The detector starts anew after an alarm of its own, so the trace holds for levels up to its own.

        Args:
            rows: of the corpus.
            groups: sessions of these, −1 for none.
            singly: places at which texts are given one by one.
        """
        monitor = deepcopy(self._fresh)
        found = np.full(len(rows), -np.inf)
        starts = [place for place in range(len(rows)) if place in singly or place % BLOCK == 0 or place == singly.stop]
        for index, (start, end) in enumerate(zip(starts, [*starts[1:], len(rows)], strict=True)):
            some = slice(start, end)
            window = self._corpus.window(rows[some], None if groups is None else groups[some], index=index)
            seqs = tuple(range(start + 1, end + 1))
            result = monitor.update(replace(window, seqs=seqs, arl_texts=self._average_run_length))
            measures = {each.name: each.value for each in result.measures}
            found[end - 1] = measures.get("drift.evidence", -np.inf)
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
        trace = self._evidence.trace(rows, groups, singly=range(0))
        return Answer(alarm=first_alarm(trace, self._evidence.level) is not None, value=float(trace.max()))
