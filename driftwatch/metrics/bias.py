"""What the bias gate last said of a stream's candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.metrics.snapshot import BiasFigures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.run import Run

_GATE, _PREFIX = "bias", "bias."
MOST_CATEGORIES = 32
"""Of a user's suites there may be any number; more are left out, so the label stays bounded."""


def bias(runs: Iterable[Run]) -> dict[str, BiasFigures]:
    """Return what was measured in the newest verdict that measured anything, by category.

    Args:
        runs: of one stream, newest first.
    """
    for run in runs:
        spoken = [verdict for verdict in run.verdicts if verdict.gate == _GATE]
        for verdict in sorted(spoken, key=lambda each: each.round, reverse=True):
            measures = [each for each in verdict.measures if each.name.startswith(_PREFIX)]
            if measures:
                return {
                    each.name.removeprefix(_PREFIX): BiasFigures(
                        change=each.value, low=each.low, high=each.high, limit=each.limit
                    )
                    for each in measures[:MOST_CATEGORIES]
                }
    return {}
