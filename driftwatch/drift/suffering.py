"""Two questions kept apart: has the text drifted, and does the model suffer?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.drift import DriftState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.drift import Measure

LEAST_INCREASE = 0.05
"""Nats per token over the baseline below which a champion is not called suffering."""
_WIDENING = 3.29 / 1.96
"""From a 95% interval to one of 99.9%: the question is asked of every window."""


def state_of(measures: Sequence[Measure]) -> DriftState | None:
    """Return which of the four states a window shows; None where no evidence was gathered.

    The model suffers where the loss over its baseline is above 0.05 nats per token with 99.9% confidence; while an
    alarm is in force also where the rise that comes from what is new is at least 0.05 and above 0 with that
    confidence. Without a model nothing suffers, so drift is benign as far as can be told.

    Args:
        measures: the window's.
    """
    by_name = {measure.name: measure for measure in measures}
    if "drift.alarm" not in by_name:
        return None
    drifted = by_name["drift.alarm"].value > 0
    suffers = _surely(by_name.get("loss.increase"), above=LEAST_INCREASE)
    if drifted:
        new = by_name.get("loss.where_new")
        suffers = suffers or (_surely(new, above=0.0) and new is not None and new.value >= LEAST_INCREASE)
        return DriftState.HARMFUL_DRIFT if suffers else DriftState.BENIGN_DRIFT
    return DriftState.SILENT_DECAY if suffers else DriftState.STABLE


def _surely(increase: Measure | None, *, above: float) -> bool:
    if increase is None or increase.low is None:
        return False
    return increase.value - _WIDENING * (increase.value - increase.low) > above
