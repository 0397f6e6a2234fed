"""Alerts about windows: drift found, a run asked for, texts set aside."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.alert.wording import Wording, event, moment, sentence
from driftwatch.domain.alert import INCIDENT, Alert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from driftwatch.domain.decision import Decision, RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import RunSpec

_MOST_WORDS = 8
_NONE: Mapping[str, str] = MappingProxyType({})


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
    """Tell that a rule's condition holds; fires until its streak ends.

    Args:
        decision: to alert.
        result: of the window decided on.
        state: of the rule after the decision.
        labels: the rule's; ``severity`` among them.
        annotations: the rule's; ``summary`` replaces ours.
    """
    since_window = decision.window if state.since_window is None else state.since_window
    since = state.since_at or result.last_seen_at
    incident = f"/streams/{decision.stream}/incidents/{decision.window}"
    wording = Wording(
        what=f"The text of stream {decision.stream} has drifted from reference {result.reference} "
        f'(rule "{decision.rule}", window {decision.window}, {result.texts:,} texts).',
        figures=tuple(_figures(decision, result)),
        since=since,
        by_itself="driftwatch goes on watching; this alert ends with the first window in which the rule is not true. "
        "A retraining begins only if a retraining rule asks for one, and is told separately.",
        person="nothing if the change is expected; otherwise look at the words below and at where the texts come from."
        if result.words
        else "nothing if the change is expected; otherwise look at where the texts come from.",
        look=f"{incident}; driftwatch incident {decision.stream} {decision.window}{_runbook(annotations)}",
    )
    return Alert(
        key=drift_key(decision.stream, decision.rule, since_window),
        name="DriftDetected",
        stream=decision.stream,
        severity=labels.get("severity", "ticket"),
        summary=annotations.get("summary", f"{decision.stream}: the text has drifted from what the model learned"),
        description="\n".join([str(wording), *_words(result)]),
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
    """Tell that a rule asked for a run."""
    after = "asks a person before it promotes" if spec.approve else "promotes the candidate by itself"
    wording = Wording(
        what=f'Rule "{decision.rule}" asked for a retraining of stream {decision.stream} (run {spec.id}).',
        figures=tuple(f"{reason.subject}: {reason.detail}" for reason in decision.reasons),
        since=decision.at,
        by_itself=f"up to {spec.rounds} rounds of recipe {spec.recipe.name}, each judged for quality "
        f"(gain at least {spec.limits.quality_min_gain:g} nats/token), forgetting "
        f"(at most {spec.limits.forgetting_max_loss:g} nats/token) and bias "
        f"(at most {spec.limits.bias_max_increase:g} nats/pair more); if all hold it {after}. "
        f"Until then model {spec.champion} serves as before.",
        person="nothing now."
        if not spec.approve
        else f"nothing now; be ready to approve (driftwatch runs approve {spec.id}).",
        look=f"driftwatch runs show {spec.id}{_runbook(annotations)}",
    )
    return event(
        "RetrainStarted",
        key=f"run:{spec.id}:started",
        stream=decision.stream,
        severity="info",
        summary=annotations.get("summary", f"{decision.stream}: retraining begins"),
        wording=wording,
        labels=_rule_labels(labels, decision.rule),
        annotations=_without_summary(annotations),
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


def _figures(decision: Decision, result: WindowResult) -> Iterable[str]:
    yield from (f"{reason.subject}: {reason.detail}" for reason in decision.reasons)
    share, increase = result.value("drift.new_share"), result.value("loss.increase")
    if share is not None:
        yield f"new: at least {share:.1%} of the texts are not explained by the reference"
    if increase is not None:
        verdict = "the model does worse on these texts" if increase > 0 else "the model does not suffer"
        yield f"model: loss {increase:+.3f} nats/token against the reference's ({verdict})"
    yield f"window: {moment(result.first_seen_at)} to {moment(result.last_seen_at)}"


def _words(result: WindowResult) -> Iterable[str]:
    risen = [word for word in result.words if word.z > 0][:_MOST_WORDS]
    fallen = [word for word in result.words if word.z < 0][:_MOST_WORDS]
    for title, words in (("Words that rose", risen), ("Words that fell", fallen)):
        if words:
            shown = ", ".join(f"{w.word} ({w.reference_share:.1%} → {w.share:.1%})" for w in words)
            yield sentence(f"{title}: {shown}")


def _rule_labels(labels: Mapping[str, str], rule: str) -> dict[str, str]:
    kept = {name: value for name, value in labels.items() if name != "severity"}
    return kept | {"rule": rule}


def _without_summary(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in annotations.items() if name != "summary"}


def _runbook(annotations: Mapping[str, str]) -> str:
    return f"; {annotations['runbook_url']}" if "runbook_url" in annotations else ""
