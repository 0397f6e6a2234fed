"""How long a condition has held: streaks begin, come into force after ``for``, and end at once or after ``clear``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Reason, RuleState
from driftwatch.domain.drift import Outcome
from driftwatch.policy import reasons
from driftwatch.policy.ruleset import Hold

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Rule
    from driftwatch.policy.variables import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a window says of a rule's condition.

    Args:
        rule: judged.
        found: what was looked at.
        state: of the rule after it.
        holds: whether the condition is true of this window, so that the rule may act.
    """

    rule: Rule
    found: tuple[Reason, ...]
    state: RuleState
    holds: bool


def judge(rule: Rule, result: WindowResult, values: Mapping[str, Value], before: RuleState | None) -> Judged:
    """Judge a window by a rule's condition; one that cannot be judged leaves the streak as it is.

    Args:
        rule: whose condition.
        result: of the window.
        values: of the variables.
        before: what the rule remembers; None for a new one.
    """
    state = _begin(rule, result, before)
    if result.outcome is Outcome.TOO_LITTLE_DATA and not _sees_the_window_only(rule):
        return Judged(rule=rule, found=(reasons.too_little_data(result),), state=state, holds=False)
    evaluation = rule.when.evaluate(values)
    when = reasons.condition(evaluation, nats=result.loss_unit)
    if evaluation.value is None:
        unjudged = replace(state, unjudged=state.unjudged + 1)
        return Judged(rule=rule, found=(when,), state=unjudged, holds=False)
    if not evaluation.value:
        found, state = _false(rule, result, values, state)
        return Judged(rule=rule, found=(when, *found), state=state, holds=False)
    held, state = _true(rule, result, state)
    return Judged(rule=rule, found=(when, held), state=state, holds=True)


def _begin(rule: Rule, result: WindowResult, state: RuleState | None) -> RuleState:
    """Return what the rule remembers; a changed rule or another reference begins a new streak, not a new cooldown."""
    fingerprint = f"{rule.fingerprint}@{result.reference}"
    if state is not None and state.fingerprint == fingerprint:
        return state
    return anew(state, fingerprint) if state is not None else RuleState(rule=rule.name, fingerprint=fingerprint)


def anew(state: RuleState, fingerprint: str) -> RuleState:
    """Return what a rule remembers when its streak is forgotten: when it last acted, and its count."""
    return RuleState(rule=state.rule, fingerprint=fingerprint, fired_at=state.fired_at, unjudged=state.unjudged)


def _true(rule: Rule, result: WindowResult, state: RuleState) -> tuple[Reason, RuleState]:
    if state.since_window is None:
        state = replace(state, since_window=result.index, since_at=result.last_seen_at, acted=False)
    held = reasons.held(rule.hold, result, state)
    if state.quiet_window is not None or (held.met and not state.in_force):
        state = replace(state, in_force=state.in_force or held.met, quiet_window=None, quiet_at=None)
    return held, state


def _false(
    rule: Rule, result: WindowResult, values: Mapping[str, Value], state: RuleState
) -> tuple[tuple[Reason, ...], RuleState]:
    """End the streak, or let one in force go on until it is clear that it is over."""
    if state.since_window is None or rule.clear is None or not state.in_force:
        return (), _over(state)
    if state.quiet_window is None:
        state = replace(state, quiet_window=result.index, quiet_at=result.last_seen_at)
    if isinstance(rule.clear, Hold):
        reason, over = reasons.quiet(rule.clear, result, state)
    else:
        reason, over = reasons.cleared(rule.clear.evaluate(values), state, nats=result.loss_unit)
    return (reason,), _over(state) if over else state


def _over(state: RuleState) -> RuleState:
    if state.since_window is None:
        return state
    return replace(
        state, since_window=None, since_at=None, acted=False, in_force=False, quiet_window=None, quiet_at=None
    )


def _sees_the_window_only(rule: Rule) -> bool:
    """Say whether a rule tells of the window itself, such as a flood of copies, which leaves little data to measure."""
    names = rule.when.variables
    return rule.retraining is None and bool(names) and all(name.startswith("window.") for name in names)
