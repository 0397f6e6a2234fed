"""Alerts, runs and a clock for the tests of the alert room."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from run_samples import run_spec

from driftwatch.domain.alert import Alert
from driftwatch.domain.decision import Action, Decision, Reason, RuleState
from driftwatch.domain.drift import (
    Change,
    ClusterShift,
    DriftState,
    Measure,
    Onset,
    Outcome,
    SliceShift,
    WindowResult,
    WordShift,
)
from driftwatch.domain.run import (
    GateMeasure,
    Run,
    RunState,
    Verdict,
    VerdictOutcome,
)

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class Hand:
    """A clock that is set by hand."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at

    def pass_by(self, duration: timedelta) -> None:
        self.at += duration


def alert(
    key: str = "drift:s:r:1",
    *,
    name: str = "DriftDetected",
    starts_at: datetime = START,
    ends_at: datetime | None = None,
) -> Alert:
    return Alert(
        key=key,
        name=name,
        stream="s",
        severity="ticket",
        summary="the text has drifted",
        description="zwölf Wörter … 文",
        starts_at=starts_at,
        ends_at=ends_at,
        labels={"rule": "r"},
        annotations={"runbook_url": "https://example.org/r"},
    )


DECISION = Decision(
    stream="s",
    window=12,
    rule="tell",
    action=Action.ALERT,
    reasons=(
        Reason(subject="when", met=True, detail="loss.increase > 0.05 holds (loss.increase = 0.081 nats/token)"),
        Reason(subject="for", met=True, detail="true for 2 windows since window 11, 2 windows needed"),
    ),
    at=START,
    policy="abc",
)
STATE = RuleState(rule="tell", fingerprint="f", since_window=11, since_at=START - timedelta(hours=1))
RESULT = WindowResult(
    stream="s",
    index=12,
    first_seq=6_000,
    last_seq=6_499,
    texts=500,
    distinct=490,
    first_seen_at=START - timedelta(hours=1),
    last_seen_at=START,
    reference="r0123",
    champion="v1",
    outcome=Outcome.ASSESSED,
    measures=(Measure(name="loss.increase", value=0.081), Measure(name="drift.new_share", value=0.123)),
    words=(
        WordShift(word="tensor", share=0.31, reference_share=0.01, z=20.0),
        WordShift(word="matrix", share=0.02, reference_share=0.22, z=-11.0),
    ),
)
EXPLAINED = replace(
    RESULT,
    state=DriftState.HARMFUL_DRIFT,
    measures=(
        *RESULT.measures,
        Measure(name="drift.alarm", value=1.0),
        Measure(name="drift.evidence", value=5.9),
    ),
    exemplars=("SECRET text of a user",),
    onset=Onset(seq=6_213, seen_at=START - timedelta(minutes=30), texts=287),
    slices=(SliceShift(label="channel", value="mobile app", texts=171, share=0.351, log10_e=9.4, new_share=0.44),),
    clusters=(
        ClusterShift(
            change=Change.NEW,
            keywords=("gpu", "cuda"),
            share=0.14,
            low=0.11,
            high=0.17,
            reference_share=0.002,
            texts=68,
            exemplars=("SECRET text of a user",),
        ),
        ClusterShift(
            change=Change.SHRUNK,
            keywords=("matrix",),
            share=0.01,
            low=0.0,
            high=0.02,
            reference_share=0.09,
            texts=5,
        ),
    ),
)
SPEC = run_spec(
    "s-w0000012",
    stream="s",
    rule="learn",
    first_seq=5_500,
    last_seq=6_499,
    reference="r0123",
    champion="v1",
    approve=True,
)
VERDICT = Verdict(
    gate="quality",
    round=2,
    outcome=VerdictOutcome.PASSED,
    detail="better on fresh text",
    measures=(GateMeasure(name="gain", value=0.12, low=0.1, high=0.14, limit=0.01, unit="nats/token", n=400),),
)


def run(state: RunState) -> Run:
    return Run(
        spec=SPEC,
        state=state,
        round=2,
        created_at=START,
        updated_at=START,
        transitions=(),
        verdicts=(Verdict(gate="quality", round=1, outcome=VerdictOutcome.REFUSED, detail="too little"), VERDICT),
        candidate="v2",
    )
