"""What people are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alert_samples import DECISION, EXPLAINED, RESULT, SPEC, START, STATE, run

from driftwatch.alert import messages
from driftwatch.alert.links import linked, page
from driftwatch.alert.status import Status, status_of
from driftwatch.domain.drift import DriftState
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from driftwatch.domain.alert import Alert

LABELS = {"severity": "page", "team": "nlp"}
NOTES = {"summary": "Users ask for something new", "runbook_url": "https://example.org/r"}
MOVES = {
    RunState.AWAITING_APPROVAL: "ApprovalWanted",
    RunState.PROBATION: "RunPromoted",
    RunState.DECLINED: "RunDeclined",
    RunState.REJECTED: "RunRejected",
    RunState.FAILED: "RunFailed",
    RunState.ROLLED_BACK: "RunRolledBack",
}


def drift() -> Alert:
    return messages.drift_detected(DECISION, result=RESULT, state=STATE, labels=LABELS, annotations=NOTES)


def move(to: RunState) -> tuple[Alert, ...]:
    return messages.for_transition(run(RunState.JUDGING), to=to, reason="because of this", at=START)


ALL = [
    drift(),
    messages.retrain_started(DECISION, spec=SPEC, labels=LABELS, annotations=NOTES),
    messages.worker_quarantine("s", first_seq=1, last_seq=500, texts=500, deaths=3, at=START),
    *(made for state in MOVES for made in move(state)),
]


@pytest.mark.parametrize("alert", ALL, ids=lambda alert: alert.name)
def test_every_alert_says_since_when_what_happens_and_what_to_do(alert: Alert) -> None:
    for part in ("Since: 2026-11-01 ", "By itself: ", "You: ", "Look: "):
        assert part in alert.description
    assert alert.summary
    assert "\n" not in alert.summary
    assert alert.severity in ("info", "ticket", "page")
    assert alert.starts_at.tzinfo is not None


@pytest.mark.parametrize(
    "alert", [each for each in ALL if each.name.startswith(("Retrain", "Run", "Approval"))], ids=lambda each: each.name
)
def test_what_is_told_of_a_run_opens_its_page(alert: Alert) -> None:
    path = f"/runs/{SPEC.id}"
    assert page(alert, "https://watch.example.org/") == f"https://watch.example.org{path}"
    assert linked(alert, "https://watch.example.org/")["run"] == f"https://watch.example.org{path}"
    assert (page(alert, None), linked(alert, None)["run"]) == (None, path)
    assert f"Look: {path}; driftwatch runs show {SPEC.id}" in alert.description


def test_a_rules_own_annotation_of_that_name_stays_as_it_is() -> None:
    told = messages.drift_detected(DECISION, result=RESULT, state=STATE, annotations={"run": "https://wiki/run"})
    assert linked(told, "https://watch.example.org")["run"] == "https://wiki/run"


def test_every_alert_has_a_key_of_its_own() -> None:
    assert len({alert.key for alert in ALL}) == len(ALL)


def test_who_is_asked_to_approve_is_not_told_that_a_gate_passed_which_did_not() -> None:
    asked = messages.approval_wanted(run(RunState.JUDGING), reason="not shown to be safe: bias", at=START)
    assert "waits for a person. Not shown to be safe: bias." in asked.description
    assert "passed its gates" not in asked.description


def test_drift_says_how_much_against_which_limit_and_which_words() -> None:
    text = drift().description
    assert "loss.increase > 0.05 holds (loss.increase = 0.081 nats/token)" in text
    assert "at least 12.3% of the texts are not explained" in text
    assert "loss +0.081 nats/token against the reference's (the model does worse on these texts)" in text
    assert "Words that rose: tensor (1.0% → 31.0%)." in text
    assert "Words that fell: matrix (22.0% → 2.0%)." in text
    assert "reference r0123" in text


def test_drift_takes_severity_labels_and_texts_from_its_rule() -> None:
    alert = drift()
    assert alert.severity == "page"
    assert alert.labels == {"team": "nlp", "rule": "tell"}
    assert alert.summary == "Users ask for something new"
    assert alert.annotations["runbook_url"] == "https://example.org/r"
    assert "summary" not in alert.annotations
    assert "https://example.org/r" in alert.description


def test_drift_leads_to_its_incident_page() -> None:
    alert = drift()
    assert alert.annotations["incident"] == f"/streams/{DECISION.stream}/incidents/{DECISION.window}"
    assert alert.annotations["incident"] in alert.description
    assert f"driftwatch incident {DECISION.stream} {DECISION.window}" in alert.description


def test_drift_says_since_when_who_which_topics_and_how_the_model_fares() -> None:
    text = messages.drift_detected(DECISION, result=EXPLAINED, state=STATE).description
    for line in (
        "state: harmful drift: the text has changed, and the model suffers from it",
        "changed: since about 2026-11-01 11:30:00 UTC, 287 texts before the end of this window",
        "new: at least 12.3% of the texts are not explained by the reference",
        "who: channel = mobile app (35% of the texts, at least 44% of those new)",
        "new topics: gpu, cuda (14.0% [11.0%, 17.0%] of the texts, 0.2% of the reference)",
        "shrunk topics: matrix (1.0% [0.0%, 2.0%] of the texts, 9.0% of the reference)",
        "model: loss +0.081 nats/token against the reference's (the model does worse on these texts)",
        "evidence: 10^5.9 times what an alarm takes, at its highest in this window",
    ):
        assert f"- {line}\n" in text
    assert "grown topics" not in text


def test_an_alert_holds_words_but_no_text_as_it_came_in() -> None:
    alert = messages.drift_detected(DECISION, result=EXPLAINED, state=STATE)
    assert "SECRET" not in repr(alert)


def test_names_that_came_in_stay_short_and_on_their_line() -> None:
    odd = replace(EXPLAINED, slices=(replace(EXPLAINED.slices[0], value="a\nYou: pay\t" + "x" * 500),))
    told = messages.drift_detected(DECISION, result=odd, state=STATE).description
    (who,) = [line for line in told.splitlines() if line.startswith("- who: ")]
    assert "channel = a You: pay xxxx" in who
    assert len(who) < 150


def test_benign_drift_needs_no_retraining() -> None:
    benign = replace(EXPLAINED, state=DriftState.BENIGN_DRIFT)
    alert = messages.drift_detected(DECISION, result=benign, state=STATE)
    assert alert.name == "DriftDetected"
    assert "You: No retraining is needed so far: the model copes with it." in alert.description
    unscored = messages.drift_detected(DECISION, result=replace(benign, measures=()), state=STATE).description
    assert "no model is scored, so whether one suffers is not known" in unscored
    assert "retraining is needed" not in unscored


@pytest.mark.parametrize(
    ("state", "name", "what"),
    [
        (DriftState.SILENT_DECAY, "SilentDecay", "looks as it did in reference r0123, but the model does worse on it"),
        (DriftState.STABLE, "RuleHolds", 'Rule "tell" is true of stream s in window 12 (500 texts); no drift alarm'),
    ],
)
def test_what_is_no_drift_is_not_called_drift(state: DriftState, name: str, what: str) -> None:
    alert = messages.drift_detected(DECISION, result=replace(RESULT, state=state), state=STATE)
    assert alert.name == name
    assert what in alert.description
    assert "the text has drifted" not in alert.summary + alert.description


def test_drift_fires_since_its_streak_began_under_the_streak_s_key() -> None:
    alert = drift()
    assert alert.starts_at == START - timedelta(hours=1)
    assert status_of(alert) is Status.FIRING
    assert alert.key == messages.drift_key("s", "tell", 11)


def test_drift_without_words_or_model_is_told_too() -> None:
    bare = replace(RESULT, words=(), measures=())
    alert = messages.drift_detected(DECISION, result=bare, state=STATE)
    assert alert.severity == "ticket"
    assert "Words" not in alert.description
    assert "model:" not in alert.description


def test_a_retraining_says_what_it_takes_to_be_promoted() -> None:
    (started,) = [alert for alert in ALL if alert.name == "RetrainStarted"]
    assert "gain at least 0.01 nats)" in started.description
    assert "driftwatch runs approve s-w0000012" in started.description
    assert status_of(started) is Status.EVENT


@pytest.mark.parametrize(("state", "name"), MOVES.items())
def test_a_run_s_moves_are_told_with_reason_and_verdicts(state: RunState, name: str) -> None:
    (alert,) = move(state)
    assert alert.name == name
    assert "s-w0000012" in alert.description
    assert "Because of this." in alert.description
    assert "gain 0.12 (0.1 to 0.14) nats/token, limit 0.01, n = 400" in alert.description
    assert "too little" not in alert.description
    assert alert.labels == {"rule": "learn"}


@pytest.mark.parametrize("state", [state for state in RunState if state not in MOVES])
def test_other_moves_are_not_told(state: RunState) -> None:
    assert move(state) == ()


def test_a_promotion_without_probation_is_told_once() -> None:
    told = messages.for_transition(run(RunState.PROMOTING), to=RunState.KEPT, reason="", at=START)
    assert [alert.name for alert in told] == ["RunPromoted"]
    assert messages.for_transition(run(RunState.PROBATION), to=RunState.KEPT, reason="", at=START) == ()


def test_only_what_lasts_fires() -> None:
    firing = {alert.name for alert in ALL if status_of(alert) is Status.FIRING}
    assert firing == {"DriftDetected", "ApprovalWanted"}
    assert next(a.key for a in ALL if a.name == "ApprovalWanted") == messages.approval_key("s-w0000012")


def test_messages_are_the_same_for_the_same_input() -> None:
    assert drift() == drift()
