"""Runs the detector over streams and counts what it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.settings import EvidenceSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.drift import Reference, Window
    from driftwatch.drift.evidence.monitor import EvidenceMonitor

SEED = 7
Dependence = str | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm.

    Args:
        text: number of the text that raised it, 1 for the stream's first.
        onset: number of the text that the onset was estimated at.
        bank: that led.
    """

    text: int
    onset: int
    bank: str


def fitted(reference: Reference, dependence: Dependence) -> EvidenceMonitor:
    """Return the detector fitted to a reference."""
    settings = EvidenceSettings(dependence=dependence)
    return EvidenceDetector(settings).fit(reference, seed=SEED)


def alarms(monitor: EvidenceMonitor, stream: Iterable[Window]) -> list[Alarm]:
    """Return every time that evidence reached its threshold; it starts anew after each."""
    found = []
    seen = 0
    for window in stream:
        monitor.update(window)
        if monitor.peak.height >= 0 and monitor.alarm is not None:
            alarm = monitor.alarm
            bank = alarm.channels[0].bank
            found.append(Alarm(text=seen + monitor.peak.texts, onset=alarm.onset.seq, bank=bank))
        seen += len(window.texts)
    return found


def first_alarm(monitor: EvidenceMonitor, stream: Iterable[Window]) -> Alarm | None:
    """Return the first alarm, and stop there."""
    seen = 0
    for window in stream:
        monitor.update(window)
        if monitor.peak.height >= 0 and monitor.alarm is not None:
            alarm = monitor.alarm
            return Alarm(text=seen + monitor.peak.texts, onset=alarm.onset.seq, bank=alarm.channels[0].bank)
        seen += len(window.texts)
    return None
