"""A stream of made-up windows that a policy decides on, one after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from driftwatch.domain.drift import DriftState, Measure, Outcome, WindowResult
from driftwatch.policy.decide import Decided, Facts, decide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.decision import RuleState
    from driftwatch.policy.ruleset import Policy

START = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def window(index: int, **measures: float) -> WindowResult:
    """Return a window of 500 texts, one an hour."""
    return WindowResult(
        stream="s",
        index=index,
        first_seq=index * 500,
        last_seq=index * 500 + 499,
        texts=500,
        distinct=450,
        first_seen_at=START + index * HOUR,
        last_seen_at=START + (index + 1) * HOUR,
        reference="r1",
        champion="v1",
        outcome=Outcome.ASSESSED,
        measures=tuple(Measure(name=name.replace("__", "."), value=value) for name, value in measures.items()),
        words=(),
        state=_state(measures),
    )


def _state(measures: Mapping[str, float]) -> DriftState | None:
    if "drift__alarm" not in measures:
        return None
    suffers = measures.get("loss__increase", 0.0) > 0.05
    if measures["drift__alarm"]:
        suffers = suffers or measures.get("loss__where_new", 0.0) > 0.05
        return DriftState.HARMFUL_DRIFT if suffers else DriftState.BENIGN_DRIFT
    return DriftState.SILENT_DECAY if suffers else DriftState.STABLE


@dataclass(slots=True)
class Stream:
    """Decides window after window, as the daemon does."""

    policy: Policy
    facts: Facts = field(default_factory=lambda: Facts(fresh_texts=lambda _since: 10_000))
    states: dict[str, RuleState] = field(default_factory=dict)

    def see(self, result: WindowResult, facts: Facts | None = None) -> Decided:
        now = result.last_seen_at + timedelta(minutes=1)
        decided = decide(self.policy, stream="s", result=result, facts=facts or self.facts, states=self.states, now=now)
        self.states = {state.rule: state for state in decided.states}
        return decided

    def actions(self, *results: WindowResult) -> list[str]:
        return ["+".join(d.action for d in self.see(result).decisions) for result in results]
