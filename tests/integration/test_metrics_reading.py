"""Snapshot and status view read off a real store."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from figures import LOOPS, busy_snapshot
from run_samples import run_spec
from sqlalchemy import event

from driftwatch.domain.alert import Alert
from driftwatch.domain.decision import Action, Decision, Reason, RuleState
from driftwatch.domain.drift import ChannelEvidence, DriftState, Measure, Onset, Outcome, WindowResult, WordShift
from driftwatch.domain.run import (
    COST,
    PROBATION,
    GateMeasure,
    RunId,
    RunState,
    Verdict,
    VerdictOutcome,
)
from driftwatch.domain.text import Cursor, Text
from driftwatch.metrics import Expected, ExpectedStream, Exposition, Memory, Observations, Snapshot, snapshot_from
from driftwatch.metrics.reading import OTHER, TEXT_OUTCOMES
from driftwatch.metrics.snapshot import (
    ArrivalFigures,
    AssociationFigures,
    AuditFigures,
    BiasFigures,
    DecisionsFigures,
    DrillFigures,
    GateFigures,
    IncreaseFigures,
    RunsFigures,
    StreamFigures,
)
from driftwatch.store import Store, open_store
from driftwatch.store.step import Step
from driftwatch.web import status_from

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
EXPECTED = Expected(
    streams={"support": ExpectedStream(sources=("file", "http"), rules=("topic-shift",))}, receivers=("webhook",)
)


class Stopped:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOON


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "driftwatch.db", clock=Stopped())
    yield opened
    opened.close()


def snapshot(store: Store) -> Snapshot:
    return snapshot_from(store, EXPECTED, busy_snapshot().daemon, at=NOON)


def take_in(store: Store, count: int) -> None:
    texts = [Text(id=f"t{i}", body=f"text {i}", seen_at=NOON - timedelta(minutes=1)) for i in range(count)]
    counts = {"not-json": 3, "from-the-future": 2, "redacted": 4}
    store.texts.take_in(
        "support", source="file", texts=texts, cursor=Cursor(source="file", position="9"), counts=counts
    )


def step() -> Step:
    result = WindowResult(
        stream="support",
        index=0,
        first_seq=1,
        last_seq=6,
        texts=6,
        distinct=5,
        first_seen_at=NOON - timedelta(minutes=1),
        last_seen_at=NOON - timedelta(minutes=1),
        reference="r1",
        champion="m1",
        outcome=Outcome.ASSESSED,
        measures=(Measure(name="embedding.mmd2", value=0.3, null_high=0.02), Measure(name="loss.nats", value=4.0)),
        words=(),
    )
    decision = Decision(
        stream="support",
        window=0,
        rule="topic-shift",
        action=Action.RETRAIN,
        reasons=(Reason(subject="when", met=True, detail="it drifted"),),
        at=NOON,
        policy="p1",
    )
    spec = run_spec("r-1", window=0, last_seq=6)
    alert = Alert(
        key="k1",
        name="RunStarted",
        stream="support",
        severity="info",
        summary="a run",
        description="a run started",
        starts_at=NOON,
    )
    state = RuleState(rule="topic-shift", fingerprint="f", since_window=0, since_at=NOON, fired_at=NOON, acted=True)
    return Step(
        result=result,
        states={"embedding": b"{}"},
        decisions=(decision,),
        rule_states=(state,),
        alerts=(alert,),
        receivers=("webhook",),
        runs=(spec,),
    )


def test_bias_is_of_the_newest_candidate_that_was_measured(store: Store) -> None:
    take_in(store, 10)
    store.windows.commit_step(step())
    could_not = Verdict(gate="bias", round=2, outcome=VerdictOutcome.REFUSED, detail="could not run")
    store.runs.add_verdict(RunId("r-1"), could_not)
    assert snapshot(store).streams[0].runs.bias == {}
    measure = GateMeasure(name="bias.age", value=0.02, low=-0.01, high=0.05, limit=0.1, unit="nats/pair", n=480)
    store.runs.add_verdict(
        RunId("r-1"),
        Verdict(gate="bias", round=1, outcome=VerdictOutcome.PASSED, detail="no rise", measures=(measure,)),
    )
    assert snapshot(store).streams[0].runs.bias == {"age": BiasFigures(change=0.02, low=-0.01, high=0.05, limit=0.1)}


def test_the_data_check_is_of_the_newest_run_that_looked(store: Store) -> None:
    take_in(store, 10)
    store.windows.commit_step(step())
    (stream,) = snapshot(store).streams
    assert (stream.runs.associations, stream.runs.spoken_ill) == ({}, None)
    low, high = 0.2, 1.2
    measures = (
        GateMeasure(name="data.spoken_ill", value=1, low=low, high=high, limit=0.0, unit="groups", n=40),
        GateMeasure(name="data.old_people.negative", value=0.7, low=low, high=high, limit=0.0, unit="log odds", n=40),
    )
    found = Verdict(gate="data", round=0, outcome=VerdictOutcome.NOT_SHOWN, detail="rose", measures=measures)
    store.runs.add_verdict(RunId("r-1"), found)
    (stream,) = snapshot(store).streams
    assert stream.runs.associations == {("old_people", "negative"): AssociationFigures(change=0.7, low=0.2, high=1.2)}
    assert stream.runs.spoken_ill == 1


def test_an_empty_store_exports_zeros_for_everything_configured(store: Store) -> None:
    [stream] = snapshot(store).streams
    assert stream.texts == {(source, o): 0 for source in ("file", "http") for o in (*TEXT_OUTCOMES, OTHER)}
    assert stream.windows == {outcome.value: 0 for outcome in Outcome}
    assert stream.decisions == {("topic-shift", action.value): DecisionsFigures() for action in Action}
    assert stream.runs.states == {state.value: 0 for state in RunState}
    assert (stream.last, stream.last_text_at, stream.runs.run, stream.backlog) == (None, None, None, 0)
    assert snapshot(store).outbox.deliveries == {("webhook", state): 0 for state in ("pending", "delivered", "dead")}
    Exposition(lambda: snapshot(store)).render()


def test_texts_are_counted_and_unknown_reasons_are_folded(store: Store) -> None:
    take_in(store, 10)
    [stream] = snapshot(store).streams
    assert stream.texts["file", "stored"] == 10
    assert stream.texts["file", "not-json"] == 3
    assert stream.texts["file", OTHER] == 2
    assert stream.texts["file", "redacted"] == 4, "it is stored, not left out"
    assert stream.texts["http", "stored"] == 0
    assert stream.backlog == 10
    assert stream.last_text_at is not None


def test_a_step_shows_in_every_figure(store: Store) -> None:
    take_in(store, 10)
    store.windows.commit_step(step())
    taken = snapshot(store)
    [stream] = taken.streams
    assert stream.backlog == 4
    assert stream.windows["assessed"] == 1
    assert stream.last is not None
    assert (stream.last.texts, stream.last.distinct) == (6, 5)
    assert stream.last.measures["embedding.mmd2"].null_high == 0.02
    assert stream.rules["topic-shift"].holding
    assert stream.rules["topic-shift"].fired_at == NOON
    assert stream.decisions["topic-shift", "retrain"].count == 1
    assert stream.runs.states["queued"] == 1
    assert stream.runs.run is not None
    assert stream.runs.run.progress == 0
    assert taken.outbox.deliveries["webhook", "pending"] == 1
    assert taken.outbox.oldest_pending_at is not None
    assert taken.store_bytes > 0


def test_hours_of_training_and_a_probation_are_read_off_the_verdicts(store: Store) -> None:
    take_in(store, 10)
    store.windows.commit_step(step())
    for state in (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.PROMOTING):
        store.runs.move(RunId("r-1"), to=state, reason="on")
    for gate, unit, low, high in ((COST, "h", 0.5, 0.5), (PROBATION, "nats/token", -0.01, 0.05)):
        measure = GateMeasure(name="figure", value=(low + high) / 2, low=low, high=high, limit=0, unit=unit, n=9)
        verdict = Verdict(gate=gate, round=1, outcome=VerdictOutcome.NOT_SHOWN, detail="d", measures=(measure,))
        store.runs.add_verdict(RunId("r-1"), verdict)
    [stream] = snapshot(store).streams
    assert stream.runs.training_seconds == 1_800
    assert stream.runs.run is not None
    assert stream.runs.run.increase is None, "of a model that does not serve yet"
    store.runs.move(RunId("r-1"), to=RunState.PROBATION, reason="it serves")
    [stream] = snapshot(store).streams
    assert stream.runs.run is not None
    assert stream.runs.run.increase == IncreaseFigures(value=0.02, low=-0.01, high=0.05)


def test_arrivals_gates_and_duration_are_read_off_the_runs(store: Store) -> None:
    take_in(store, 10)
    store.windows.commit_step(step())
    memory = Memory()

    def runs() -> RunsFigures:
        return snapshot_from(store, EXPECTED, busy_snapshot().daemon, at=NOON, memory=memory).streams[0].runs

    assert runs().arrivals["queued"] == ArrivalFigures(count=1, at=NOON, run="r-1")
    assert (runs().ended_after, runs().arrivals["kept"]) == (None, ArrivalFigures())
    gain = GateMeasure(name="gain", value=0.1, low=0.0, high=0.2, limit=0.01, unit="nats/token", n=9)
    of_words = replace(gain, name="cluster “refund, card”")
    for state in (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING):
        store.runs.move(RunId("r-1"), to=state, reason="on")
    for gate, measures in (("quality", (gain, replace(gain, name="slice.country=ch"))), ("canaries", (of_words,))):
        verdict = Verdict(gate=gate, round=0, outcome=VerdictOutcome.PASSED, detail="d", measures=measures)
        store.runs.add_verdict(RunId("r-1"), verdict)
    assert runs().gates["quality"] == GateFigures(outcome="passed", measures={"gain": gain})
    assert runs().gates["canaries"] == GateFigures(outcome="passed"), "words are no labels"
    assert runs().gates["forgetting"] == GateFigures()
    store.runs.move(RunId("r-1"), to=RunState.REJECTED, reason="no")
    assert runs().ended_after == 0
    assert runs().run is None


def test_an_ended_run_is_read_again_when_it_is_rolled_back(store: Store) -> None:
    store.windows.commit_step(step())
    memory = Memory()

    def states() -> set[str]:
        runs = snapshot_from(store, EXPECTED, busy_snapshot().daemon, at=NOON, memory=memory).streams[0].runs
        return {state for state, count in runs.states.items() if count}

    for state in (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.PROMOTING, RunState.KEPT):
        store.runs.move(RunId("r-1"), to=state, reason="on")
    assert states() == states() == {"kept"}
    store.runs.move(RunId("r-1"), to=RunState.ROLLED_BACK, reason="back")
    assert states() == {"rolled-back"}


def test_the_newest_decision_stands_beside_their_number(store: Store) -> None:
    take_in(store, 10)
    store.windows.commit_step(step())
    found = snapshot(store).streams[0].decisions["topic-shift", "retrain"]
    assert found == DecisionsFigures(count=1, newest=store.decisions.recent("support", limit=1)[0].id)


def test_what_was_counted_is_not_counted_again_and_comes_to_the_same(store: Store) -> None:
    remembered = Memory()

    def seen(memory: Memory) -> StreamFigures:
        return snapshot_from(store, EXPECTED, busy_snapshot().daemon, at=NOON, memory=memory).streams[0]

    assert seen(remembered).windows["assessed"] == 0
    decision = step().decisions[0]
    for index in range(4):
        too_little = Outcome.TOO_LITTLE_DATA if index == 2 else Outcome.ASSESSED
        made = drifting(index, alarm=0.0)
        store.windows.commit_step(
            replace(
                made,
                result=replace(made.result, outcome=too_little),
                decisions=(replace(decision, window=index, action=Action.HOLD),),
            )
        )
        for memory in (remembered, Memory()):
            found = seen(memory)
            assert sum(found.windows.values()) == index + 1
            assert found.decisions["topic-shift", "hold"].count == index + 1
            assert found.decisions == seen(Memory()).decisions
            assert found.last is not None
            assert found.last.index == index
    assert seen(remembered).windows == {"assessed": 3, "too-little-data": 1}
    read = statements(store, lambda: seen(remembered))
    assert not any("FROM windows" in each for each in read)


def statements(store: Store, work: Callable[[], object]) -> list[str]:
    """Return what the database is asked meanwhile."""
    asked: list[str] = []

    def note(*told: Any) -> None:
        asked.append(told[2])

    engine = store.windows._database.engine
    event.listen(engine, "before_cursor_execute", note)
    work()
    event.remove(engine, "before_cursor_execute", note)
    return asked


def test_words_have_ranks_and_banks_their_strongest_channel(store: Store) -> None:
    words = [("new", 5.0), ("newer", 3.0), ("gone", -4.0)]
    result = replace(
        step().result,
        words=tuple(WordShift(word=word, share=0.2, reference_share=0.1, z=z) for word, z in words),
        channels=tuple(
            ChannelEvidence(bank=bank, name="refund", share=0.2, reference_share=0.1, log10_e=e)
            for bank, e in (("tokens", 1.0), ("tokens", 2.0), ("somebody-elses", 3.0))
        ),
    )
    store.windows.commit_step(replace(step(), result=result))
    taken = snapshot(store)
    last = taken.streams[0].last
    assert last is not None
    assert {place: word.z for place, word in last.words.items()} == {
        ("risen", "1"): 5.0,
        ("risen", "2"): 3.0,
        ("fallen", "1"): -4.0,
    }
    assert last.banks == {"tokens": 2.0}
    scraped = Exposition(lambda: taken).render()[0].decode()
    assert not any(word in scraped for word in ("newer", "gone", "refund"))


def test_what_the_daemon_saw_is_told_by_stream(store: Store) -> None:
    observed = Observations(["support"])
    observed.texts("support", [3, 300])
    observed.attempt("support", "failed", seconds=0.2, window=4, at=1.0)
    memory = Memory(observed=observed)
    troubled = replace(busy_snapshot().daemon, troubled=frozenset({"support"}))
    [stream] = snapshot_from(store, EXPECTED, troubled, at=NOON, memory=memory).streams
    assert not stream.in_order
    assert stream.observed is not None
    assert stream.observed.results == {"assessed": 0, "failed": 1, "set-aside": 0}
    assert sum(stream.observed.lengths.counts) == 2
    [exemplar] = [each for each in stream.observed.durations.exemplars if each is not None]
    assert exemplar.id == "4"


def drifting(index: int, *, alarm: float, **more: float) -> Step:
    result = replace(
        step().result,
        index=index,
        first_seq=index * 6 + 1,
        last_seq=index * 6 + 6,
        measures=(
            Measure(name="drift.alarm", value=alarm),
            *(Measure(name=name.replace("__", "."), value=value) for name, value in more.items()),
        ),
        state=DriftState.BENIGN_DRIFT if alarm else DriftState.STABLE,
        onset=Onset(seq=2, seen_at=NOON - timedelta(hours=1), texts=5) if alarm else None,
        arl_texts=3e7,
    )
    return Step(result=result, states={}, decisions=(), rule_states=(), alerts=(), receivers=(), runs=())


def test_alarms_are_counted_when_they_begin_and_not_again_after_a_restart(store: Store) -> None:
    def alarms(memory: Memory) -> int:
        taken = snapshot_from(store, EXPECTED, busy_snapshot().daemon, at=NOON, memory=memory)
        return taken.streams[0].alarms

    tally, counts = Memory(), []
    counts.append(alarms(tally))
    for index, alarm in enumerate((0.0, 1.0, 1.0, 0.0)):
        store.windows.commit_step(drifting(index, alarm=alarm))
        counts.append(alarms(tally))
    for index, alarm in enumerate((1.0, 0.0, 1.0), start=4):
        store.windows.commit_step(drifting(index, alarm=alarm))
    assert [*counts, alarms(tally), alarms(tally)] == [0, 0, 1, 1, 1, 3, 3]
    assert alarms(Memory()) == 0


def test_state_and_onset_are_those_of_the_newest_window(store: Store) -> None:
    store.windows.commit_step(drifting(0, alarm=1.0))
    last = snapshot(store).streams[0].last
    assert last is not None
    assert (last.state, last.onset_at) == ("benign-drift", NOON - timedelta(hours=1))
    assert last.budget_texts == 3e7


def test_audit_and_drills_are_read_off_the_newest_window_apart_from_its_measures(store: Store) -> None:
    drilled = Expected(streams={"support": ExpectedStream(drills=("slow",))})
    before = snapshot_from(store, drilled, busy_snapshot().daemon, at=NOON).streams[0]
    assert (before.audit, before.drills) == (AuditFigures(), {"slow": DrillFigures()})
    measured = {"audit__texts": 900.0, "audit__alarms": 1.0, "audit__arl_texts": 1e4}
    measured |= {"drill__new.topic__delay": 140.0, "drill__new.topic__missed": 2.0, "drill__slow__missed": 1.0}
    store.windows.commit_step(drifting(0, alarm=0.0, **measured))
    stream = snapshot_from(store, drilled, busy_snapshot().daemon, at=NOON).streams[0]
    assert stream.audit == AuditFigures(texts=900, alarms=1, budget_texts=1e4)
    assert stream.drills == {"new.topic": DrillFigures(missed=2, delay_texts=140), "slow": DrillFigures(missed=1)}
    assert stream.last is not None
    assert set(stream.last.measures) == {"drift.alarm"}


def test_what_is_no_longer_configured_is_left_out(store: Store) -> None:
    take_in(store, 3)
    other = Expected(streams={"sales": ExpectedStream(sources=("http",))})
    taken = snapshot_from(store, other, busy_snapshot().daemon, at=NOON)
    assert [stream.name for stream in taken.streams] == ["sales"]
    assert sum(taken.streams[0].texts.values()) == 0
    assert set(taken.daemon.heartbeats) == set(LOOPS)


def test_the_status_view_is_read_off_the_store(store: Store) -> None:
    take_in(store, 10)
    store.windows.commit_step(step())
    [stream] = status_from(store, ["support"], version="0.1.0", at=NOON).streams
    assert stream.standing == "retraining"
    assert stream.since == NOON
    assert stream.backlog == 4
    assert [window.index for window in stream.windows] == [0]
    assert [decision.rule for decision in stream.decisions] == ["topic-shift"]
    assert [run.spec.id for run in stream.runs] == ["r-1"]
    assert stream.champion is None
