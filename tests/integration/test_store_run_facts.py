"""What limits need of runs: what each cost so far, when it ended, and nothing of a list of whole runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from alert_samples import Hand
from run_samples import run_spec
from sqlalchemy import Engine, event

from driftwatch.domain.decision import RunFact
from driftwatch.domain.run import COST, DATA, SPOKEN_ILL, GateMeasure, RunId, RunState, Verdict, VerdictOutcome
from driftwatch.store import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.both_stores
NOW = datetime(2026, 11, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
YEAR = timedelta(days=366)


def cost(number: int, hours: float) -> Verdict:
    spent = GateMeasure(name="hours", value=hours, low=hours, high=hours, limit=hours, unit="h", n=1)
    return Verdict(round=number, gate=COST, outcome=VerdictOutcome.PASSED, measures=(spent,), detail="")


def began(store: Store, name: str, stream: str = "support") -> RunId:
    store.runs.create(run_spec(name, stream=stream), reason="asked")
    return RunId(name)


def ended(store: Store, run: RunId) -> None:
    store.runs.move(run, to=RunState.CANCELLED, reason="over")


def facts(store: Store, clock: Hand) -> tuple[RunFact, ...]:
    return store.runs.facts("support", since=clock.now() - YEAR)


def test_hours_of_ended_rounds_and_of_the_training_of_the_moment_count(store_place: Path | str) -> None:
    clock = Hand(NOW)
    store = open_store(store_place, clock=clock)
    run = began(store, "a")
    for state in (RunState.COLLECTING, RunState.TRAINING):
        store.runs.move(run, to=state, reason="on", round=1)
    clock.pass_by(2 * HOUR)
    assert facts(store, clock) == (RunFact(rule="topic-shift", began_at=NOW, ended_at=None, training_hours=2.0),)
    store.runs.add_verdict(run, cost(1, 1.5))
    store.runs.move(run, to=RunState.JUDGING, reason="on")
    clock.pass_by(HOUR)
    assert facts(store, clock)[0].training_hours == 1.5
    store.runs.add_verdict(run, cost(2, 1.0))
    ended(store, run)
    assert facts(store, clock) == (
        RunFact(rule="topic-shift", began_at=NOW, ended_at=NOW + 3 * HOUR, training_hours=2.5),
    )
    store.close()


def test_older_runs_than_any_limit_looks_at_are_left_out_but_for_the_last(store_place: Path | str) -> None:
    clock = Hand(NOW)
    store = open_store(store_place, clock=clock)
    for name in ("a", "b"):
        ended(store, began(store, name))
        clock.pass_by(HOUR)
    began(store, "other", stream="elsewhere")
    clock.pass_by(YEAR)
    assert [fact.began_at for fact in facts(store, clock)] == [NOW + HOUR]
    began(store, "c")
    assert [fact.ended_at is None for fact in facts(store, clock)] == [False, True]
    assert (store.runs.elsewhere("support"), store.runs.elsewhere("elsewhere")) == (1, 1)
    store.close()


def test_what_the_newest_data_check_counted_is_known(store_place: Path | str) -> None:
    clock = Hand(NOW)
    store = open_store(store_place, clock=clock)
    assert store.runs.spoken_ill("support") is None
    for name, ill in (("a", 0), ("b", 2)):
        measure = GateMeasure(name=SPOKEN_ILL, value=ill, low=ill, high=ill, limit=0.0, unit="groups", n=9)
        found = Verdict(gate=DATA, round=0, outcome=VerdictOutcome.NOT_SHOWN, detail="", measures=(measure,))
        store.runs.add_verdict(began(store, name), found)
        clock.pass_by(HOUR)
    began(store, "c")  # which has not looked yet
    assert store.runs.spoken_ill("support") == 2
    assert store.runs.spoken_ill("elsewhere") is None
    store.close()


def test_two_statements_whatever_the_number_of_runs(store_place: Path | str) -> None:
    clock = Hand(NOW)
    store = open_store(store_place, clock=clock)
    for number in range(20):
        ended(store, began(store, f"r{number}"))
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        assert len(facts(store, clock)) == 20
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    assert sum(each.startswith("SELECT") for each in said) == 2
    store.close()
