"""What decisions rest on: kept once where it is the same, read again as it was, and missing in older stores."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from alert_samples import Hand
from policy_stream import START, window
from sqlalchemy import column, insert, inspect, table

from driftwatch.domain.decision import Action, Decision, Reason, RuleState, RunFact
from driftwatch.policy.basis import facts_text, policy_text, read_facts, read_policy
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.variables import Facts
from driftwatch.store import Basis, Step, migrations, open_store
from driftwatch.store.database import Database
from driftwatch.store.tables import decisions
from driftwatch.store.values import dump, micros

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.store import Store

pytestmark = pytest.mark.both_stores
RULE = "stream: [s]\n# why\nrules:\n  - {name: tell, when: loss.increase > 0.05, do: alert}\n"
STATE = RuleState(rule="tell", fingerprint="f@r1", since_window=3, since_at=START, fired_at=START, acted=True)
FACTS = Facts(
    fresh_texts=lambda _: 0,
    runs=(RunFact(rule="learn", began_at=START, ended_at=START + timedelta(hours=2), training_hours=1.5),),
    elsewhere=2,
    champion_at=START,
)


@pytest.fixture
def store(store_place: Path | str) -> Iterator[Store]:
    opened = open_store(store_place, clock=Hand())
    yield opened
    opened.close()


def basis(number: int = 0, **states: RuleState) -> Basis:
    policy = parse_policies({"p.yaml": RULE}, streams=["s"], recipes=[])
    at = START + timedelta(hours=number, microseconds=7)
    return Basis(at=at, policy=policy.hash, rules=policy_text(policy), facts=facts_text(FACTS), memory=states)


def test_facts_are_read_again_as_they_were() -> None:
    again = read_facts(facts_text(FACTS), lambda since: 10 * since)
    assert again.fresh_texts(4) == 40
    assert facts_text(again) == facts_text(FACTS)
    assert again.runs == FACTS.runs
    assert (again.elsewhere, again.champion_at, again.reference_at) == (2, START, None)
    assert read_facts("{}", FACTS.fresh_texts) == Facts(fresh_texts=FACTS.fresh_texts)


def test_rules_are_read_again_with_their_hash_and_their_comments() -> None:
    policy = parse_policies({"p.yaml": RULE, "q.yaml": RULE.replace("tell", "too")}, streams=["s", "t"], recipes=[])
    again = read_policy(policy_text(policy))
    assert again.hash == policy.hash
    assert again.files == policy.files
    assert [rule.name for rule in again.of("s")] == ["tell", "too"]
    assert again.of("t") == ()


def test_a_window_knows_what_its_decisions_rested_on(store: Store) -> None:
    for number in range(3):
        memory = {"tell": STATE} if number else {}
        store.windows.commit_step(Step(result=window(number), states={}, basis=basis(number, **memory)))
    first, second, third = store.history.windows("s")
    assert (first.at, first.memory, first.facts) == (START + timedelta(microseconds=7), {}, facts_text(FACTS))
    assert (second.memory, third.memory) == ({"tell": STATE}, {"tell": STATE})
    assert first.policy is not None
    assert store.history.policy(first.policy) == basis().rules
    assert store.history.policy("none") is None
    alone = store.history.window("s", 2)
    assert alone is not None
    assert (alone.at, alone.policy, alone.facts, alone.memory) == (third.at, third.policy, third.facts, third.memory)


def test_a_step_committed_twice_keeps_the_first(store: Store) -> None:
    store.windows.commit_step(Step(result=window(0), states={}, basis=basis(0)))
    store.windows.commit_step(Step(result=window(0), states={}, basis=basis(9)))
    (only,) = store.history.windows("s")
    assert only.at == basis(0).at


def test_windows_come_in_pages_and_within_a_time(store_place: Path | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("driftwatch.store.history._PAGE", 4)
    clock = Hand()
    timed = open_store(store_place, clock=clock)
    for number in range(10):
        clock.at = START + timedelta(hours=number)
        timed.windows.commit_step(Step(result=window(number), states={}, basis=basis(number)))
    assert [past.result.index for past in timed.history.windows("s")] == list(range(10))
    since, until = START + timedelta(hours=2), START + timedelta(hours=8)
    assert [past.result.index for past in timed.history.windows("s", since=since, until=until)] == [2, 3, 4, 5, 6, 7]
    assert list(timed.history.windows("none")) == []
    timed.close()


def test_a_store_of_the_schema_before_comes_up_to_date_with_its_windows(store_place: Path | str) -> None:
    database = Database(store_place)
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    reason = Reason(subject="when", met=False, detail="no")
    decision = Decision(stream="s", window=4, rule="tell", action=Action.HOLD, reasons=(reason,), at=START, policy="p")
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0003")
        assert "facts" not in inspect(connection).get_table_names()
        columns = ("stream", "index", "outcome", "assessed_at", "result")
        before = ("s", 4, "assessed", micros(START), dump(window(4, loss__increase=0.1)))
        connection.execute(
            insert(table("windows", *(column(name) for name in columns))), dict(zip(columns, before, strict=True))
        )
        row = {"stream": "s", "window": 4, "rule": "tell", "action": "hold", "run": None, "decision": dump(decision)}
        connection.execute(insert(decisions), [row])
    database.close()
    renewed = open_store(store_place, clock=Hand())
    (past,) = renewed.history.windows("s")
    assert past.result == window(4, loss__increase=0.1)
    assert (past.at, past.policy, past.facts, past.memory) == (START, None, None, None)
    assert [(each.rule, each.action, each.unmet) for each in past.decisions] == [("tell", Action.HOLD, ("when",))]
    renewed.windows.commit_step(Step(result=window(5), states={}, basis=basis(5)))
    assert [past.policy is not None for past in renewed.history.windows("s")] == [False, True]
    renewed.close()
