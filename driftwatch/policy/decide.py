"""What the rules decide on one window, and why: a pure function of window, facts and memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action, Decision, Reason, RuleState, RunFact
from driftwatch.domain.run import Probation
from driftwatch.policy import limits, reasons
from driftwatch.policy.streaks import Judged, anew, judge
from driftwatch.policy.variables import Facts, observe

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import GateLimits
    from driftwatch.policy.ruleset import Policy, Rule

__all__ = ["Decided", "Facts", "RetrainRequest", "decide", "request_of"]


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
    rules = policy.of(stream)
    values = observe(result, facts, now=now)
    judged = [judge(rule, result, values, states.get(rule.name)) for rule in rules]
    in_force = {each.rule.name: each.state for each in judged}
    acts: dict[str, _Act] = {}
    requests: list[RetrainRequest] = []
    for each in sorted(judged, key=lambda one: -one.rule.priority):
        act = _act(each, result, facts, in_force, now)
        acts[each.rule.name] = act
        if act.action is Action.RETRAIN:
            requests.append(request_of(each.rule, result, act.state, facts, now))
            asked = RunFact(rule=each.rule.name, began_at=now, ended_at=None, training_hours=0.0)
            facts = replace(facts, runs=(*facts.runs, asked))
    kept = [*(acts[rule.name].state for rule in rules), *_cleared(policy, stream, states)]
    return Decided(
        decisions=tuple(_decision(policy, rule, result, acts[rule.name], now) for rule in rules),
        states=tuple(kept),
        requests=tuple(requests),
        ended=tuple(states[state.rule] for state in kept if _is_over(states.get(state.rule), state)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Act:
    action: Action
    found: tuple[Reason, ...]
    state: RuleState


def _act(judged: Judged, result: WindowResult, facts: Facts, others: Mapping[str, RuleState], now: datetime) -> _Act:
    """Return what a rule does: all it looks at must speak for acting."""
    rule, state = judged.rule, judged.state
    paused = reasons.paused(facts, rule.name, now)
    if not judged.holds:
        return _Act(action=Action.HOLD, found=(*judged.found, *paused), state=state)
    found = [*judged.found, *paused, *(reasons.unless(others[name]) for name in rule.unless if name in others)]
    if rule.retraining is None:
        found.append(reasons.first_of_streak(state, rule.action))
        found += limits.of_action(rule.limits, now, state.fired_at)
    else:
        found += _retrain_reasons(rule, result, facts, state, now)
    if not all(reason.met for reason in found):
        return _Act(action=Action.HOLD, found=tuple(found), state=state)
    return _Act(action=rule.action, found=tuple(found), state=replace(state, fired_at=now, acted=True))


def _retrain_reasons(rule: Rule, result: WindowResult, facts: Facts, state: RuleState, now: datetime) -> list[Reason]:
    retraining = rule.retraining
    if retraining is None or state.since_window is None:
        return []
    return [
        reasons.champion(result),
        reasons.running(facts),
        reasons.fresh_texts(facts.fresh_texts(state.since_window), retraining.fresh_texts, state.since_window),
        *limits.of_action(rule.limits, now, state.fired_at, facts.last_run_at),
        *limits.of_run(rule.limits, facts, now, most_hours=retraining.max_hours),
    ]


def request_of(rule: Rule, result: WindowResult, state: RuleState, facts: Facts, now: datetime) -> RetrainRequest:
    """Return the run that a rule asks for, over the texts since its streak began."""
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
        max_hours=retraining.max_hours if retraining.max_hours is not None else rule.limits.hours_left(facts, now),
        probation=retraining.probation,
    )


def _decision(policy: Policy, rule: Rule, result: WindowResult, act: _Act, now: datetime) -> Decision:
    return Decision(
        stream=result.stream,
        window=result.index,
        rule=rule.name,
        action=act.action,
        reasons=act.found,
        at=now,
        policy=policy.hash,
    )


def _cleared(policy: Policy, stream: str, states: Mapping[str, RuleState]) -> list[RuleState]:
    """Return fresh states for rules that are gone but still remembered a streak."""
    names = {rule.name for rule in policy.of(stream)}
    gone = (state for name, state in states.items() if name not in names and state.since_window is not None)
    return [anew(state, "") for state in gone]


def _is_over(before: RuleState | None, after: RuleState) -> bool:
    return before is not None and before.acted and before.since_window not in (None, after.since_window)
