"""What the gates last said of a stream's candidates, beside the bias gate's categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.run import CANARIES, PROBATION, PROBE
from driftwatch.metrics.snapshot import GateFigures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.run import Run

GATES = (PROBE, "quality", "forgetting", "bias", CANARIES, PROBATION)
"""Whoever speaks on a candidate, in the order of a run."""

MEASURES = ("gain", "loss", "accuracy", "accuracy.change")
"""What is exported of them: slices' and clusters' measures are named by labels and words, which are no labels here."""


def gates(runs: Iterable[Run]) -> dict[str, GateFigures]:
    """Return the newest word of every gate, an empty one of those that have not spoken.

    Args:
        runs: of one stream, newest first.
    """
    found: dict[str, GateFigures] = {}
    for run in runs:
        for verdict in sorted(run.verdicts, key=lambda each: each.round, reverse=True):
            if verdict.gate in GATES and verdict.gate not in found:
                measures = {each.name: each for each in verdict.measures if each.name in MEASURES}
                found[verdict.gate] = GateFigures(outcome=verdict.outcome.value, measures=measures)
    return {gate: found.get(gate, GateFigures()) for gate in GATES}
