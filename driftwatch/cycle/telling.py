"""What people are told of what was decided on a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.alert import messages
from driftwatch.domain.decision import Action
from driftwatch.policy.announcing import Words, announce

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.domain.alert import Alert
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import RunSpec
    from driftwatch.policy.decide import Decided
    from driftwatch.policy.ruleset import Policy
    from driftwatch.policy.variables import Value


def said_of(decided: Decided, *, result: WindowResult, policy: Policy, values: Mapping[str, Value]) -> dict[str, Words]:
    """Return what the rules that act say of the window, by rule.

    Args:
        decided: on the window.
        result: of the window.
        policy: with the rules.
        values: of the variables that their words may name.
    """
    states = {state.rule: state for state in decided.states}
    acting = (policy.rule(result.stream, each.rule) for each in decided.decisions if each.action is not Action.HOLD)
    return {
        rule.name: announce(rule, result=result, state=states[rule.name], values=values)
        for rule in acting
        if rule is not None
    }


def alerts_of(
    decided: Decided, *, result: WindowResult, runs: Sequence[RunSpec], said: Mapping[str, Words]
) -> tuple[Alert, ...]:
    """Return the alerts that begin with the window.

    Args:
        decided: on the window.
        result: of the window.
        runs: that begin with it.
        said: what the rules that act say of it, by rule.
    """
    states = {state.rule: state for state in decided.states}
    specs = {spec.rule: spec for spec in runs}
    alerts = []
    for decision in (each for each in decided.decisions if each.rule in said):
        rule = decision.rule
        words = {"labels": said[rule].labels, "annotations": said[rule].annotations}
        if decision.action is Action.ALERT:
            alerts.append(messages.drift_detected(decision, result=result, state=states[rule], **words))
        elif decision.action is Action.REPORT:
            alerts.append(messages.report_asked(decision, result=result, **words))
        elif rule in specs:
            alerts.append(messages.retrain_started(decision, spec=specs[rule], **words))
    return tuple(alerts)


def resolved_by(decided: Decided, *, stream: str) -> tuple[str, ...]:
    """Return the keys of alerts whose condition is over."""
    return tuple(
        messages.drift_key(stream, state.rule, state.since_window)
        for state in decided.ended
        if state.since_window is not None
    )
