"""Detector ``evidence``: an alarm that keeps a false-alarm budget, looked at after every window for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.drift.evidence.settings import EvidenceSettings

if TYPE_CHECKING:
    from driftwatch.domain.drift import Reference
    from driftwatch.drift.evidence.monitor import EvidenceMonitor


@dataclass(frozen=True, slots=True)
class EvidenceDetector:
    """Bets against "the texts are like the reference's" and alarms when the bets have won too much.

    Half of the budget goes to fixed sets (:mod:`fixed`), half to witnesses learnt from the stream (:mod:`witnesses`);
    each keeps its half, so the detector keeps the whole.

    Args:
        settings: how texts are treated.
    """

    settings: EvidenceSettings = EvidenceSettings()

    @property
    def name(self) -> str:
        """Name in results."""
        return "evidence"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> EvidenceMonitor:
        """Choose the sets on TRAIN, count CAL in them, go on from the state."""
        from driftwatch.drift.evidence.monitor import EvidenceMonitor

        return EvidenceMonitor(reference, self.settings, seed=seed, state=state)
