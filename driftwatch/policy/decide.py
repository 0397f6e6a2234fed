"""What the rules decide on one window, and why: a pure function of window, facts and memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action, Decision, Reason, RuleState, RunFact
from driftwatch.domain.drift import Outcome, WindowResult
from driftwatch.domain.run import Probation
from driftwatch.policy import reasons
from driftwatch.policy.variables import Facts, observe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from driftwatch.domain.run import GateLimits
    from driftwatch.policy.ruleset import Policy, Rule
    from driftwatch.policy.variables import Value

__all__ = ["Decided", "Facts", "RetrainRequest", "decide"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainRequest:
    """A run that a rule asks for; the caller gives it an id and the order of its texts.

    Args:
        rule: who asks.
        recipe: name of the hyperparameters.
        limits: of the gates.
        rounds: most rounds.
        approve: whether a person must approve the promotion.
        since_window: the window that the fresh texts begin with.
        window: the window decided on, which they end with.
        worth: least gain that a probe must predict, nats per token; None for no probe.
        max_hours: most hours of training; None for no limit.
        probation: how the promoted model is watched.
    """

    rule: str
    recipe: str
    limits: GateLimits
    rounds: int
    approve: bool
    since_window: int
    window: int
    worth: float | None = None
    max_hours: float | None = None
    probation: Probation = Probation()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """Everything that one window led to.

    Args:
        decisions: one per rule, in the order of the rules.
        states: what the rules remember from now on, those of removed rules cleared.
        requests: runs asked for, at most one.
        ended: states before this window whose streak had acted and is now over; their alerts are to be resolved.
    """

    decisions: tuple[Decision, ...]
    states: tuple[RuleState, ...]
    requests: tuple[RetrainRequest, ...]
    ended: tuple[RuleState, ...]


def decide(
    policy: Policy,
    *,
    stream: str,
    result: WindowResult,
    facts: Facts,
    states: Mapping[str, RuleState],
    now: datetime,
) -> Decided:
    """Judge a window by every rule of its stream; never raises, whatever was or was not measured.

    Args:
        policy: the rules in force.
        stream: whose window.
        result: what was measured.
        facts: what else counts.
        states: what the rules remember, by name.
        now: time of the decision.
    """
    decisions: list[Decision] = []
    kept: list[RuleState] = []
    requests: list[RetrainRequest] = []
    values = observe(result, facts, now=now)
    for rule in policy.of(stream):
        before = _begin(rule, result, states.get(rule.name))
        found, after = _judge(rule, result, values, facts, before, now)
        found += reasons.paused(facts, rule.name, now)
        action = rule.action if found and all(reason.met for reason in found) else Action.HOLD
        if action is not Action.HOLD:
            after = replace(after, fired_at=now, acted=True)
        if action is Action.RETRAIN:
            requests.append(_request(rule, result, after))
            asked = RunFact(rule=rule.name, began_at=now, ended_at=None, training_hours=0.0)
            facts = replace(facts, runs=(*facts.runs, asked))
        decisions.append(_decision(policy, rule, result, action, found, now))
        kept.append(after)
    kept += _cleared(policy, stream, states)
    ended = tuple(states[state.rule] for state in kept if _is_over(states.get(state.rule), state))
    return Decided(decisions=tuple(decisions), states=tuple(kept), requests=tuple(requests), ended=ended)


def _begin(rule: Rule, result: WindowResult, state: RuleState | None) -> RuleState:
    """Return what the rule remembers; a changed rule or another reference begins a new streak, not a new cooldown."""
    fingerprint = f"{rule.fingerprint}@{result.reference}"
    if state is not None and state.fingerprint == fingerprint:
        return state
    return RuleState(rule=rule.name, fingerprint=fingerprint, fired_at=state.fired_at if state else None)


def _judge(
    rule: Rule,
    result: WindowResult,
    values: Mapping[str, Value],
    facts: Facts,
    state: RuleState,
    now: datetime,
) -> tuple[list[Reason], RuleState]:
    """Return everything looked at and the state after it; a window that cannot be judged leaves the streak as it is."""
    if result.outcome is Outcome.TOO_LITTLE_DATA and not _sees_the_window_only(rule):
        return [reasons.too_little_data(result)], state
    evaluation = rule.when.evaluate(values)
    found = [reasons.condition(evaluation, nats=result.loss_unit)]
    if evaluation.value is None:
        return found, state
    if not evaluation.value:
        return found, replace(state, since_window=None, since_at=None, acted=False)
    if state.since_window is None:
        state = replace(state, since_window=result.index, since_at=result.last_seen_at, acted=False)
    found.append(reasons.held(rule.hold, result, state))
    if rule.retraining is None:
        found.append(reasons.first_of_streak(state))
        found += reasons.cooldown(rule.cooldown, now, state.fired_at)
    else:
        found += _retrain_reasons(rule, result, facts, state, now)
    return found, state


def _sees_the_window_only(rule: Rule) -> bool:
    """Say whether a rule tells of the window itself, such as a flood of copies, which leaves little data to measure."""
    names = rule.when.variables
    return rule.retraining is None and bool(names) and all(name.startswith("window.") for name in names)


def _retrain_reasons(rule: Rule, result: WindowResult, facts: Facts, state: RuleState, now: datetime) -> list[Reason]:
    retraining = rule.retraining
    if retraining is None or state.since_window is None:
        return []
    return [
        reasons.champion(result),
        reasons.running(facts),
        reasons.fresh_texts(facts.fresh_texts(state.since_window), retraining.fresh_texts, state.since_window),
        *reasons.cooldown(rule.cooldown, now, state.fired_at, facts.last_run_at),
    ]


def _request(rule: Rule, result: WindowResult, state: RuleState) -> RetrainRequest:
    retraining = rule.retraining
    if retraining is None or state.since_window is None:  # pragma: no cover - a rule that acts has both
        raise AssertionError(rule.name)
    return RetrainRequest(
        rule=rule.name,
        recipe=retraining.recipe,
        limits=retraining.limits,
        rounds=retraining.rounds,
        approve=retraining.approve,
        since_window=state.since_window,
        window=result.index,
        worth=retraining.worth,
        max_hours=retraining.max_hours,
        probation=retraining.probation,
    )


def _decision(
    policy: Policy, rule: Rule, result: WindowResult, action: Action, found: list[Reason], now: datetime
) -> Decision:
    return Decision(
        stream=result.stream,
        window=result.index,
        rule=rule.name,
        action=action,
        reasons=tuple(found),
        at=now,
        policy=policy.hash,
    )


def _cleared(policy: Policy, stream: str, states: Mapping[str, RuleState]) -> list[RuleState]:
    """Return fresh states for rules that are gone but still remembered a streak."""
    names = {rule.name for rule in policy.of(stream)}
    gone = (state for name, state in states.items() if name not in names and state.since_window is not None)
    return [RuleState(rule=state.rule, fingerprint="", fired_at=state.fired_at) for state in gone]


def _is_over(before: RuleState | None, after: RuleState) -> bool:
    return before is not None and before.acted and before.since_window not in (None, after.since_window)
