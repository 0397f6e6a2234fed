"""The figures that must hold, as rows of driftwatch against the peer it is held against."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.methods import BY_NAME, LEVEL
from benchmarks.peers.report import YARDSTICK, cost
from benchmarks.table import Row, at_least, at_most

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from benchmarks.peers.exchange import Outcome
    from benchmarks.peers.report import Pace, Rates

TIMES_FASTER = 10
SETUP_TIMES = 100
_POWER = ("5%", "10%", "20%")
_CHANCE = 0.01
"""A rate counts as right unless so many alarms or more have less than this chance at the level asked for."""


def of_rates(lots: Mapping[str, Sequence[Rates]]) -> Iterable[Row]:
    """Return our false positives, and our power against the peer that leads us most, on the windows that both judged.

    Only peers count whose false positives are right and that judged at least half as many windows.
    """
    for name, lot in lots.items():
        done = [each for each in lot if each.outcome.trials]
        peers = [each for each in done if not each.outcome.job.method.startswith("own.") and _right(each)]
        for each in done:
            if not each.outcome.job.method.startswith("own."):
                continue
            label = BY_NAME[each.outcome.job.method].label
            most = _most_alarms(each.windows[0])
            yield at_most(f"{name}: false positives in {each.windows[0]}, {label}", each.alarms[0], most)
            for case in _POWER:
                most_judged = [rival for rival in peers if _judged(rival, case) >= _judged(each, case) / 2]
                pairs = [(*each.beside(rival, case), BY_NAME[rival.outcome.job.method].label) for rival in most_judged]
                pairs = [pair for pair in pairs if not np.isnan(pair[0])]
                if pairs:
                    ours, theirs, rival = min(pairs, key=lambda pair: (pair[0] - pair[1], -pair[1]))
                    yield at_least(f"{name}: power at {case}, {label}, peer {rival}", ours, theirs, peer=theirs)


def of_dependence(lots: Mapping[str, Sequence[Rates]]) -> Iterable[Row]:
    """Return our most false alarms over the cases of dependent texts, against alibi-detect's MMD."""
    for name, lot in lots.items():
        peer = next((each for each in lot if each.outcome.job.method == "alibi.mmd" and each.outcome.trials), None)
        for each in lot:
            if each.outcome.job.method.startswith("own.") and each.outcome.trials:
                yield at_most(
                    f"{name}: most false positives of any case in {max(each.windows)}, "
                    f"{BY_NAME[each.outcome.job.method].label}",
                    max(each.alarms),
                    _most_alarms(max(each.windows)),
                    peer=float(max(peer.alarms)) if peer else None,
                )


def of_paces(lots: Mapping[str, Sequence[Pace]]) -> Iterable[Row]:
    """Return our delays and set-up against alibi-detect's online MMD, at equal measured run lengths."""
    for name, lot in lots.items():
        peer = next((each for each in lot if each.outcome.job.method == YARDSTICK and each.outcome.trials), None)
        for each in lot:
            if peer is None or not each.outcome.job.method.startswith("own.") or not each.outcome.trials:
                continue
            label = BY_NAME[each.outcome.job.method].label
            for case, ours, theirs in zip(each.cases, each.median, peer.median, strict=True):
                if np.isnan(ours) or np.isnan(theirs):
                    continue
                yield at_most(f"{name}: median delay at {case}, texts, {label}", ours, theirs, peer=theirs)
            setup, other = np.mean(each.outcome.setup_s), float(np.mean(peer.outcome.setup_s))
            yield at_most(f"{name}: set-up, CPU-s, {label}", float(setup), other / SETUP_TIMES, peer=other)


def of_costs(outcomes: Sequence[Outcome]) -> Iterable[Row]:
    """Return what 1,000 permutations cost against each peer."""
    ours = next((cost(each) for each in outcomes if each.job.method == "own.mmd"), float("nan"))
    for each in outcomes:
        if each.job.method != "own.mmd" and each.trials:
            label = BY_NAME[each.job.method].label
            what = f"MMD of 1,000 against 1,000, {each.job.permutations:,} permutations, CPU-s, peer {label}"
            yield at_most(what, ours, cost(each) / TIMES_FASTER, peer=cost(each))


def _right(each: Rates) -> bool:
    return each.windows[0] > 0 and each.alarms[0] <= _most_alarms(each.windows[0])


def _judged(each: Rates, case: str) -> int:
    return each.windows[each.cases.index(case)]


def _most_alarms(windows: int) -> int:
    """Return the most alarms that still are no surprise where each window alarms with probability 0.05."""
    from scipy.stats import binom

    return int(binom.ppf(1 - _CHANCE, windows, LEVEL))
