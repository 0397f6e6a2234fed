"""How many series the endpoint can have: a bound that follows from the configuration, not from the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from driftwatch.domain.alert import DeliveryState
from driftwatch.domain.decision import Action
from driftwatch.domain.drift import DriftState, Outcome
from driftwatch.domain.run import RunState, VerdictOutcome
from driftwatch.metrics.bias import MOST_CATEGORIES
from driftwatch.metrics.detectors import DETECTORS
from driftwatch.metrics.exposition import FAMILIES
from driftwatch.metrics.family import HistogramFamily
from driftwatch.metrics.gates import GATES
from driftwatch.metrics.gates import MEASURES as GATE_MEASURES
from driftwatch.metrics.observations import DURATIONS, LENGTHS, RESULTS
from driftwatch.metrics.reading import BANKS, FEEDBACK_OUTCOMES, MOST_MEASURES, MOST_WORDS, TEXT_OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.metrics.family import Family

_OUTCOMES = {
    "driftwatch_texts_total": len(TEXT_OUTCOMES) + 1,
    "driftwatch_feedback_total": len(FEEDBACK_OUTCOMES),
    "driftwatch_windows_total": len(Outcome),
    "driftwatch_assessments_total": len(RESULTS),
    "driftwatch_gate_outcome": len(VerdictOutcome),
    "driftwatch_policy_loads_total": 3,
}
_STATES = {"driftwatch_drift_state": len(DriftState), "driftwatch_outbox_deliveries": len(DeliveryState)}
_WAYS = 4
"""In which a load of the policies is asked for: at the start, by a signal, over HTTP, by files that changed."""
_CLASSES = max(len(LENGTHS), len(DURATIONS)) + 3
"""Series of a histogram: its bounds, one class above them, the sum and the count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a stream has by its configuration and policies.

    Args:
        sources: of texts, the assessment that sets texts aside counted as one.
        rules: that look at it.
        drills: that it is put through.
        categories: of the bias suites that its candidates were judged by.
    """

    sources: int = 2
    rules: int = 1
    drills: int = 0
    categories: int = MOST_CATEGORIES


def most_series(streams: Sequence[Shape], *, loops: int, receivers: int) -> int:
    """Return the most series that the endpoint can have, those of the process itself left out.

    Args:
        streams: what each has.
        loops: of the daemon.
        receivers: of alerts.
    """
    once = [family for family in FAMILIES if "stream" not in family.labels]
    each = [family for family in FAMILIES if "stream" in family.labels]
    return sum(
        _most(family, {"loop": loops, "receiver": receivers, "version": 1, "asked": _WAYS}) for family in once
    ) + sum(_most(family, _values(shape)) for shape in streams for family in each)


def _values(shape: Shape) -> Mapping[str, int]:
    """Return how many values each label has within a stream."""
    return {
        "stream": 1,
        "source": shape.sources,
        "rule": shape.rules + 1,  # and all of them, of a pause
        "drill": shape.drills,
        "category": shape.categories,
        "action": len(Action),
        "bank": len(BANKS),
        "detector": len(DETECTORS),
        "direction": 2,
        "gate": len(GATES),
        "group": MOST_CATEGORIES,
        "lexicon": 2,
        "rank": MOST_WORDS,
    }


def _most(family: Family | HistogramFamily, values: Mapping[str, int]) -> int:
    own = {
        **values,
        "outcome": _OUTCOMES.get(family.name, 0),
        "state": _STATES.get(family.name, len(RunState)),
        "measure": len(GATE_MEASURES) if "gate" in family.labels else MOST_MEASURES,
    }
    classes = _CLASSES if isinstance(family, HistogramFamily) else 1
    return classes * prod(own[label] for label in family.labels)
