"""Alerts about windows: drift found, a run asked for, texts set aside."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.alert.account import account, words
from driftwatch.alert.links import incident_path, run_path
from driftwatch.alert.wording import Wording, event, sentence
from driftwatch.domain.alert import INCIDENT, RUN, Alert
from driftwatch.domain.drift import DriftState
from driftwatch.domain.explanation import told

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from driftwatch.domain.decision import Decision, RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import RunSpec

_NONE: Mapping[str, str] = MappingProxyType({})
_TITLES: Mapping[DriftState | None, tuple[str, str]] = MappingProxyType(
    {
        DriftState.SILENT_DECAY: ("SilentDecay", "the model does worse on text that has not drifted"),
        DriftState.STABLE: ("RuleHolds", "a rule is true, and no drift alarm is in force"),
    }
)
_DRIFTED = ("DriftDetected", "the text has drifted from what the model learned")


def drift_key(stream: str, rule: str, since_window: int) -> str:
    """Return the key of a rule's alert about one streak, by which it is resolved when the streak ends."""
    return f"drift:{stream}:{rule}:{since_window}"


def drift_detected(
    decision: Decision,
    *,
    result: WindowResult,
    state: RuleState,
    labels: Mapping[str, str] = _NONE,
    annotations: Mapping[str, str] = _NONE,
) -> Alert:
    """Tell that a rule's condition holds: what changed, since when, how much, who is affected and how the model fares.

    It fires until the rule's streak ends. It is named by the window's state: ``DriftDetected``, ``SilentDecay``, or
    ``RuleHolds`` where neither is the case.

    Args:
        decision: to alert.
        result: of the window decided on.
        state: of the rule after the decision.
        labels: the rule's; ``severity`` among them.
        annotations: the rule's; ``summary`` replaces ours.
    """
    since_window = decision.window if state.since_window is None else state.since_window
    since = state.since_at or result.last_seen_at
    incident = incident_path(decision.stream, decision.window)
    name, title = _TITLES.get(result.state, _DRIFTED)
    wording = Wording(
        what=_what(decision, result),
        figures=(*told(decision.reasons), *account(result)),
        since=since,
        by_itself="driftwatch goes on watching; this alert ends with the first window in which the rule is not true. "
        "A retraining begins only if a retraining rule asks for one, and is told separately.",
        person=sentence(_person(result)),
        look=f"{incident}; driftwatch incident {decision.stream} {decision.window}{_runbook(annotations)}",
    )
    return Alert(
        key=drift_key(decision.stream, decision.rule, since_window),
        name=name,
        stream=decision.stream,
        severity=labels.get("severity", "ticket"),
        summary=annotations.get("summary", f"{decision.stream}: {title}"),
        description="\n".join([str(wording), *words(result)]),
        starts_at=since,
        labels=_rule_labels(labels, decision.rule),
        annotations=_without_summary(annotations) | {INCIDENT: incident},
    )


def retrain_started(
    decision: Decision,
    *,
    spec: RunSpec,
    labels: Mapping[str, str] = _NONE,
    annotations: Mapping[str, str] = _NONE,
) -> Alert:
    """Tell that a rule asked for a run, or a person by hand."""
    after = "asks a person before it promotes" if spec.approve else "promotes the candidate by itself"
    wording = Wording(
        what=_who_asked(decision, spec),
        figures=told(decision.reasons),
        since=decision.at,
        by_itself=f"up to {spec.rounds} rounds of recipe {spec.recipe.name}, each judged for quality "
        f"(gain at least {spec.limits.quality_min_gain:g} nats), forgetting "
        f"(at most {spec.limits.forgetting_max_loss:g} nats) and bias "
        f"(at most {spec.limits.bias_max_increase:g} nats/pair more); if all hold it {after}. "
        f"Until then model {spec.champion} serves as before.",
        person="nothing now."
        if not spec.approve
        else f"nothing now; be ready to approve (driftwatch runs approve {spec.id}).",
        look=f"{run_path(spec.id)}; driftwatch runs show {spec.id}{_runbook(annotations)}",
    )
    return event(
        "RetrainStarted",
        key=f"run:{spec.id}:started",
        stream=decision.stream,
        severity="info",
        summary=annotations.get("summary", f"{decision.stream}: retraining begins"),
        wording=wording,
        labels=_rule_labels(labels, decision.rule),
        annotations=_without_summary(annotations) | {RUN: run_path(spec.id)},
    )


def _who_asked(decision: Decision, spec: RunSpec) -> str:
    if decision.by is None:
        return f'Rule "{decision.rule}" asked for a retraining of stream {decision.stream} (run {spec.id}).'
    return (
        f"{decision.by} asked by hand for a retraining of stream {decision.stream}, by the settings of rule "
        f'"{decision.rule}" (run {spec.id}).'
    )


def worker_quarantine(stream: str, *, first_seq: int, last_seq: int, texts: int, deaths: int, at: datetime) -> Alert:
    """Tell that texts were set aside because the analysis worker died on them.

    Args:
        stream: whose texts.
        first_seq: store order of the first of them.
        last_seq: store order of the last of them.
        texts: how many.
        deaths: of the worker, on these texts.
        at: when they were set aside.
    """
    wording = Wording(
        what=f"The analysis worker died {deaths} times on the same {texts:,} texts of stream {stream}; "
        "they are set aside and count in no window.",
        figures=(
            f"texts {first_seq:,} to {last_seq:,} in the store's order",
            f"{deaths} deaths, {deaths} are the limit",
        ),
        since=at,
        by_itself="the stream goes on with the texts that follow; those set aside are not tried again.",
        person="find out why: most often memory ran out. Give the service more of it, or take smaller windows.",
        look="driftwatch status; journalctl -u driftwatch",
    )
    return event(
        "WorkerQuarantine",
        key=f"quarantine:{stream}:{first_seq}-{last_seq}",
        stream=stream,
        severity="ticket",
        summary=f"{stream}: {texts:,} texts were set aside, the analysis worker died on them",
        wording=wording,
    )


def _what(decision: Decision, result: WindowResult) -> str:
    text, rule = f"The text of stream {decision.stream}", f'rule "{decision.rule}", window {decision.window}'
    seen = f"({rule}, {result.texts:,} texts)"
    match result.state:
        case DriftState.SILENT_DECAY:
            return f"{text} looks as it did in reference {result.reference}, but the model does worse on it {seen}."
        case DriftState.STABLE:
            return (
                f'Rule "{decision.rule}" is true of stream {decision.stream} in window {decision.window} '
                f"({result.texts:,} texts); no drift alarm is in force against reference {result.reference}."
            )
        case _:
            return f"{text} has drifted from reference {result.reference} {seen}."


def _person(result: WindowResult) -> str:
    where = "at the words below and at where the texts come from" if result.words else "at where the texts come from"
    match result.state:
        case DriftState.BENIGN_DRIFT:
            copes = "" if result.unscored_drift else "no retraining is needed so far: the model copes with it. "
            return f"{copes}Nothing if the change is expected; otherwise look {where}."
        case DriftState.SILENT_DECAY:
            return "look whether the model that is watched is the one that serves, and what its answers are used for."
        case DriftState.STABLE:
            return f"nothing if this is expected; otherwise look {where}."
        case _:
            return f"nothing if the change is expected; otherwise look {where}."


def _rule_labels(labels: Mapping[str, str], rule: str) -> dict[str, str]:
    kept = {name: value for name, value in labels.items() if name != "severity"}
    return kept | {"rule": rule}


def _without_summary(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in annotations.items() if name != "summary"}


def _runbook(annotations: Mapping[str, str]) -> str:
    return f"; {annotations['runbook_url']}" if "runbook_url" in annotations else ""
