"""Run lengths and delays from traces, at a level that makes the measured run lengths of all methods equal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.methods import first_alarm

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.peers.exchange import Trials

    Traces = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """How soon a method alarms.

    Args:
        median: texts from the onset to the alarm; infinite where at least half of the streams end without.
        missed: share of the streams that end without.
        streams: that were counted; those with an alarm before the onset are not.
    """

    median: float
    missed: float
    streams: int


def run_length(quiet: Traces, level: float) -> float:
    """Return texts seen over alarms raised on quiet streams, each followed to its first alarm.

    Source: the maximum-likelihood mean of a geometric run length under censoring.
    """
    seen = alarms = 0
    for trace in quiet:
        known = trace[~np.isnan(trace)]
        place = first_alarm(known, level)
        seen += len(known) if place is None else place + 1
        alarms += place is not None
    return seen / alarms if alarms else float("inf")


def tuned(quiet: Traces, target: float) -> float:
    """Return the lowest level at which the measured run length is at least the target."""
    values = np.unique(np.fmax.accumulate(quiet, axis=1)[~np.isnan(quiet)])
    values = values[np.isfinite(values)]
    if not len(values):
        return float("inf")
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if run_length(quiet, values[middle]) >= target:
            high = middle
        else:
            low = middle + 1
    return float(values[low]) if low < len(values) else float(np.nextafter(values[-1], np.inf))


def delay(traces: Traces, onset: int, level: float) -> Delay:
    """Return the delay over streams of one case."""
    found = []
    for trace in traces:
        known = trace[~np.isnan(trace)]
        place = first_alarm(known, level)
        if place is None or place >= onset:
            found.append(np.inf if place is None else place - onset + 1)
    if not found:
        return Delay(median=float("nan"), missed=float("nan"), streams=0)
    return Delay(median=float(np.median(found)), missed=float(np.mean(np.isinf(found))), streams=len(found))


def of_case(traces: Traces, trials: Trials, done: tuple[int, ...], case: str) -> Traces:
    """Return the traces of a case that were done."""
    chosen = [trial for trial in done if trials.cases[trials.case[trial]] == case]
    return traces[chosen]
