"""The reasons of a decision, each a sentence with its figures and its limit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action, Reason, RuleState
from driftwatch.domain.units import format_duration
from driftwatch.policy.variables import VARIABLES, Facts, Kind, Value

if TYPE_CHECKING:
    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.expressions import Comparison, Evaluation
    from driftwatch.policy.ruleset import Hold


def too_little_data(result: WindowResult) -> Reason:
    """Say that the window says nothing, neither drift nor none."""
    detail = f"too little data: {result.texts:,} texts, {result.distinct:,} of them distinct"
    return Reason(subject="window", met=False, detail=detail)


def condition(evaluation: Evaluation, *, nats: str) -> Reason:
    """Say what the condition came to, with the figures of each comparison.

    Args:
        evaluation: of the condition.
        nats: what the window's losses are in, such as ``nats/token``.
    """
    parts = "; ".join(_comparison(comparison, nats) for comparison in evaluation.comparisons)
    if evaluation.value is None:
        detail = f"neither true nor false, so nothing is done: {evaluation.problem}" + (f" ({parts})" if parts else "")
    else:
        detail = parts or ("always true" if evaluation.value else "always false")
    return Reason(subject="when", met=evaluation.value is True, detail=detail)


def held(hold: Hold, result: WindowResult, state: RuleState) -> Reason:
    """Say how long the condition has held, and how long it must."""
    since_window = result.index if state.since_window is None else state.since_window
    since_at = state.since_at or result.last_seen_at
    windows = result.index - since_window + 1
    lasted = max(result.last_seen_at - since_at, timedelta(0))
    met = windows >= hold.windows if hold.duration is None else lasted >= hold.duration
    shown = f"{windows:,} window{'' if windows == 1 else 's'}" if hold.duration is None else format_duration(lasted)
    detail = f"true for {shown} since window {since_window} ({_moment(since_at)}), {hold} needed"
    return Reason(subject="for", met=met, detail=detail)


def quiet(clear: Hold, result: WindowResult, state: RuleState) -> tuple[Reason, bool]:
    """Say how long the condition has been false, and whether that ends the streak."""
    since_at = state.quiet_at or result.last_seen_at
    windows = result.index - (result.index if state.quiet_window is None else state.quiet_window) + 1
    lasted = max(result.last_seen_at - since_at, timedelta(0))
    over = windows >= clear.windows if clear.duration is None else lasted >= clear.duration
    shown = f"{windows:,} window{'' if windows == 1 else 's'}" if clear.duration is None else format_duration(lasted)
    return _streak(f"false for {shown}, {clear} needed", state, over=over), over


def cleared(evaluation: Evaluation, state: RuleState, *, nats: str) -> tuple[Reason, bool]:
    """Say whether what clears the streak is true, and whether that ends it."""
    over = evaluation.value is True
    return _streak(condition(evaluation, nats=nats).detail, state, over=over), over


def _streak(said: str, state: RuleState, *, over: bool) -> Reason:
    goes = "is over" if over else "goes on"
    return Reason(subject="clear", met=False, detail=f"{said}; the streak since window {state.since_window} {goes}")


def first_of_streak(state: RuleState, action: Action) -> Reason:
    """Say whether the rule has already acted in the streak."""
    done = "alerted" if action is Action.ALERT else "reported"
    if state.acted:
        when = f" at {_moment(state.fired_at)}" if state.fired_at else ""
        return Reason(subject="streak", met=False, detail=f"already {done}{when}; once a streak is enough")
    return Reason(subject="streak", met=True, detail=f"not {done} yet in this streak")


def champion(result: WindowResult) -> Reason:
    """Say whether there is a model to retrain."""
    if result.champion is None:
        return Reason(subject="champion", met=False, detail="the stream has no model to retrain")
    return Reason(subject="champion", met=True, detail=f"model {result.champion} serves")


def paused(facts: Facts, rule: str, now: datetime) -> list[Reason]:
    """Say on whose word the rule does nothing; nothing where no pause holds."""
    return [
        Reason(
            subject="paused", met=False, detail=f"paused until {_moment(pause.until)} by {pause.who}: {pause.because}"
        )
        for pause in facts.paused
        if pause.covers(rule) and pause.holds(now)
    ]


def running(facts: Facts) -> Reason:
    """Say whether a run is under way."""
    if facts.running:
        return Reason(subject="running", met=False, detail="a run of this stream is under way")
    return Reason(subject="running", met=True, detail="no run of this stream is under way")


def fresh_texts(found: int, needed: int, since_window: int) -> Reason:
    """Say how many fresh texts there are."""
    detail = f"{found:,} texts since window {since_window}, {needed:,} needed"
    return Reason(subject="need.fresh_texts", met=found >= needed, detail=detail)


def unless(state: RuleState) -> Reason:
    """Say whether a rule that has precedence is in force."""
    if state.in_force and state.since_window is not None:
        detail = f'rule "{state.rule}" is in force since window {state.since_window}'
        return Reason(subject="unless", met=False, detail=detail)
    return Reason(subject="unless", met=True, detail=f'rule "{state.rule}" is not in force')


def _comparison(comparison: Comparison, nats: str) -> str:
    says = {True: "holds", False: "does not hold", None: "unknown"}[comparison.holds]
    figures = ", ".join(f"{name} = {figure(name, value, nats)}" for name, value in comparison.figures.items())
    return f"{comparison.text} {says}" + (f" ({figures})" if figures else "")


def figure(name: str, value: Value, nats: str) -> str:
    """Return a variable's value as people read it, with its unit."""
    if isinstance(value, str):
        return value
    if VARIABLES[name].kind is Kind.TRUTH:
        return "true" if value else "false"
    unit = VARIABLES[name].unit.replace("nats", nats)
    if unit == "s":
        return format_duration(timedelta(seconds=max(value, 0.0))) if value < _LONGEST else "no such moment yet"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}" + (f" {unit}" if unit else "")


_LONGEST = 1e10


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")
