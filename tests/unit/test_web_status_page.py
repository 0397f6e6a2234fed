from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from run_samples import run_spec

from driftwatch.domain.decision import Action, Decision, Reason, RuleState
from driftwatch.domain.drift import DriftState, Measure, Onset, Outcome, WindowResult, WordShift
from driftwatch.domain.run import Progress, Run, RunState, Transition
from driftwatch.web.sparkline import sparkline
from driftwatch.web.status_page import status_page
from driftwatch.web.view import AlarmView, StatusView, StreamView, alarm_in, standing

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
NASTY = '<script>alert("x")</script>'


def window(index: int, *, mmd2: float = 0.01) -> WindowResult:
    return WindowResult(
        stream="support",
        index=index,
        first_seq=index * 500,
        last_seq=index * 500 + 499,
        texts=500,
        distinct=490,
        first_seen_at=NOON,
        last_seen_at=NOON + timedelta(minutes=index),
        reference="r1",
        champion="m1",
        outcome=Outcome.ASSESSED,
        measures=(
            Measure(name="loss.nats", value=3.2),
            Measure(name="embedding.mmd2", value=mmd2, null_high=0.02),
        ),
        words=(WordShift(word=NASTY, share=0.2, reference_share=0.01, z=9.0),),
    )


def run_in(state: RunState) -> Run:
    spec = run_spec("r-20261102-1", window=3)
    return Run(
        spec=spec,
        state=state,
        round=1,
        created_at=NOON,
        updated_at=NOON,
        transitions=(Transition(state=state, at=NOON, reason=NASTY),),
        verdicts=(),
        progress=Progress(stage="training", done=30, total=120),
    )


def stream(name: str = "support", *, state: RunState = RunState.TRAINING) -> StreamView:
    return StreamView(
        name=name,
        standing="retraining",
        since=NOON,
        last_text_at=NOON,
        backlog=120,
        champion="m1",
        reference="r1",
        windows=tuple(window(i, mmd2=0.01 * i) for i in (4, 3, 2, 1)),
        decisions=(
            Decision(
                stream=name,
                window=4,
                rule="topic-shift",
                action=Action.RETRAIN,
                reasons=(Reason(subject="when", met=True, detail=NASTY),),
                at=NOON,
                policy="p1",
            ),
        ),
        runs=(run_in(state),),
    )


def page(*streams: StreamView, unready: tuple[str, ...] = (), failing: tuple[str, ...] = ()) -> str:
    return status_page(StatusView(version="0.1.0", at=NOON, unready=unready, streams=streams, failing=failing))


class _Balance(HTMLParser):
    """Checks that what is opened is closed, in order."""

    VOID = frozenset({"meta", "br", "line", "polyline", "circle"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert attrs is not None
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in self.VOID, (tag, attrs)


def test_how_much_is_known_word_for_word_is_charted_whatever_else_was_measured() -> None:
    names = (
        *("audit.alarms", "drift.evidence", "drift.new_share", "embedding.auc", "embedding.mmd2", "loss.increase"),
        *("loss.nats", "text.length", "tokens.jsd", "tokens.unknown_share", "window.duplicate_share"),
        "window.known_share",
    )
    measures = tuple(Measure(name=name, value=0.25) for name in names)
    shown = page(replace(stream(), windows=(replace(window(4), measures=measures),)))
    assert "<figcaption>window.known_share 0.25</figcaption>" in shown
    assert "embedding.auc" not in shown


def test_it_shows_where_a_stream_stands() -> None:
    shown = page(stream())
    for expected in (
        "retraining",
        "120 texts wait",
        "champion m1",
        "reference r1",
        'href="/streams/support/windows/4"',
        'href="/runs/r-20261102-1"',
        '<progress max="120" value="30">',
        "training 30/120",
        "2026-11-02 12:00:00 UTC",
    ):
        assert expected in shown


def test_nothing_that_came_in_can_become_markup() -> None:
    shown = page(stream(NASTY), unready=(NASTY,), failing=(NASTY,))
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "/streams/%3Cscript%3Ealert%28%22x%22%29%3C%2Fscript%3E/windows/4" in shown


def test_it_is_well_formed_and_small() -> None:
    shown = page(stream(), stream("sales", state=RunState.KEPT), unready=("no reference yet",))
    balance = _Balance()
    balance.feed(shown)
    assert balance.open == []
    assert len(shown) < 20_000


def test_it_loads_nothing() -> None:
    assert not re.search(r"(src=|@import|url\(|https?://)", page(stream()))


def test_before_anything_has_happened() -> None:
    empty = StreamView(
        name="support",
        standing="waiting for text",
        since=None,
        last_text_at=None,
        backlog=0,
        champion=None,
        reference=None,
        windows=(),
        decisions=(),
        runs=(),
    )
    shown = page(empty)
    assert "last text never" in shown
    assert "champion none" in shown
    assert "No stream is configured." in page()


def test_measures_people_look_for_come_first() -> None:
    shown = page(stream())
    assert shown.index("embedding.mmd2 0.04") < shown.index("loss.nats 3.2")
    assert "(without drift up to 0.02)" in shown


def test_an_ended_run_has_no_progress_bar() -> None:
    assert "<progress" not in page(stream(state=RunState.REJECTED))


def test_a_sparkline_stays_in_its_frame_and_marks_what_is_over() -> None:
    drawn = sparkline([0.0, 5.0, 1.0], limit=0.5, title="t")
    points = re.search(r'points="([^"]+)"', drawn)
    assert points is not None
    for point in points[1].split():
        x, y = (float(part) for part in point.split(","))
        assert 0 <= x <= 240
        assert 0 <= y <= 44
    assert "dot over" in drawn
    assert "dot over" not in sparkline([0.0, 0.2], limit=0.5, title="t")


@pytest.mark.parametrize("values", [[1.0], [2.0, 2.0, 2.0], [-1.0, 1.0]])
def test_sparklines_of_odd_series(values: list[float]) -> None:
    assert "nan" not in sparkline(values, limit=None, title="t")


HOLDING = RuleState(rule="topic-shift", fingerprint="f", since_window=3, since_at=NOON)
QUIET = RuleState(rule="topic-shift", fingerprint="f")


@pytest.mark.parametrize(
    ("state", "rule", "assessed", "word"),
    [
        (None, QUIET, False, "waiting for text"),
        (None, QUIET, True, "quiet"),
        (None, HOLDING, True, "drift"),
        (RunState.TRAINING, HOLDING, True, "retraining"),
        (RunState.AWAITING_APPROVAL, HOLDING, True, "approval wanted"),
        (RunState.PROBATION, QUIET, True, "probation"),
        (RunState.PROBATION, HOLDING, True, "drift"),
        (RunState.REJECTED, QUIET, True, "quiet"),
    ],
)
def test_the_most_pressing_thing_is_said(state: RunState | None, rule: RuleState, assessed: bool, word: str) -> None:
    assert standing([run_in(state)] if state else [], [rule], newest=window(4) if assessed else None) == word


@pytest.mark.parametrize(
    ("state", "rule", "word"),
    [
        (DriftState.STABLE, QUIET, "quiet"),
        (DriftState.STABLE, HOLDING, "rule holds"),
        (DriftState.BENIGN_DRIFT, QUIET, "benign drift"),
        (DriftState.HARMFUL_DRIFT, HOLDING, "harmful drift"),
        (DriftState.SILENT_DECAY, HOLDING, "silent decay"),
    ],
)
def test_the_state_is_said_where_there_is_evidence(state: DriftState, rule: RuleState, word: str) -> None:
    scored = (*window(4).measures, Measure(name="loss.increase", value=0.01))
    newest = replace(window(4), state=state, measures=scored)
    assert standing([], [rule], newest=newest) == word
    assert standing([run_in(RunState.TRAINING)], [rule], newest=newest) == "retraining"


def drifting(index: int, *, evidence: float, alarm: bool = True) -> WindowResult:
    return replace(
        window(index),
        measures=(
            Measure(name="drift.alarm", value=float(alarm)),
            Measure(name="drift.evidence", value=evidence),
            Measure(name="drift.onset_age", value=60.0),
        ),
        state=DriftState.HARMFUL_DRIFT if alarm else DriftState.STABLE,
        onset=Onset(seq=700, seen_at=NOON - timedelta(hours=2), texts=1_287) if alarm else None,
    )


COURSE = (
    drifting(5, evidence=-0.5),
    drifting(4, evidence=2.5),
    drifting(3, evidence=1.0),
    drifting(2, evidence=-3.0, alarm=False),
    drifting(1, evidence=9.0),
)


def test_nobody_is_told_that_a_model_copes_where_none_is_scored() -> None:
    increase = Measure(name="loss.increase", value=0.01)
    unscored = replace(window(4), state=DriftState.BENIGN_DRIFT)
    scored = replace(unscored, measures=(*unscored.measures, increase))
    said = page(replace(stream(), windows=(unscored,)))
    assert "no model is scored, so whether one suffers is not known" in said
    assert "copes" not in said
    assert standing([], [QUIET], newest=unscored) == "drift, no model scored"
    assert "Benign drift: the text has changed, and the model copes with it." in page(
        replace(stream(), windows=(scored,))
    )


def test_an_alarm_in_force_leads_to_the_newest_incident() -> None:
    assert alarm_in(COURSE) == AlarmView(since=NOON - timedelta(hours=2), texts=1_287, window=4)
    assert alarm_in(COURSE[3:]) is None
    assert alarm_in([]) is None
    bare = [replace(each, onset=None, measures=each.measures[:1]) for each in COURSE[:3]]
    assert alarm_in(bare) == AlarmView(since=COURSE[2].last_seen_at, texts=None, window=5)


def test_the_page_says_state_alarm_and_evidence() -> None:
    shown = page(replace(stream(), windows=COURSE, alarm=alarm_in(COURSE)))
    for expected in (
        "Harmful drift: the text has changed, and the model suffers from it. ",
        "An alarm is in force",
        "began at about <time",
        "2026-11-02 10:00:00 UTC</time>, 1,287 texts ago",
        '<a href="/streams/support/incidents/4">What changed</a>',
        "drift.evidence -0.5 (an alarm from 0 on)",
    ):
        assert expected in shown
    assert "drift.onset_age" not in shown
    calm = page(replace(stream(), windows=COURSE[3:]))
    assert "Stable: nothing changed beyond chance." in calm
    assert "An alarm is in force" not in calm


def test_evidence_without_end_is_left_out_of_the_line() -> None:
    endless = (drifting(2, evidence=1.0), drifting(1, evidence=-float("inf")))
    assert "inf" not in page(replace(stream(), windows=endless)).replace("info", "")
    assert "drift.evidence" not in page(replace(stream(), windows=endless[1:]))
