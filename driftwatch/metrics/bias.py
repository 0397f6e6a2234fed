"""What the bias gate last said of a stream's candidates, and the data check of its new texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.run import DATA, SPOKEN_ILL
from driftwatch.metrics.snapshot import AssociationFigures, BiasFigures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.run import GateMeasure, Run

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


def associations(runs: Iterable[Run]) -> dict[tuple[str, str], AssociationFigures]:
    """Return what the newest data check measured, by (group, lexicon); what rose first, where there is too much.

    Args:
        runs: of one stream, newest first.
    """
    looked = (verdict for run in runs for verdict in run.verdicts if verdict.gate == DATA)
    verdict = next(looked, None)
    measures = [each for each in verdict.measures if each.name != SPOKEN_ILL] if verdict is not None else []
    return {_group(each.name): _association(each) for each in measures[: 2 * MOST_CATEGORIES]}


def _group(measure: str) -> tuple[str, str]:
    group, _, lexicon = measure.removeprefix(f"{DATA}.").rpartition(".")
    return group, lexicon


def _association(measure: GateMeasure) -> AssociationFigures:
    return AssociationFigures(change=measure.value, low=measure.low, high=measure.high)
