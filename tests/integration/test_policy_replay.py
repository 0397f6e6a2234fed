"""Replay = history: what a living daemon decided comes out again, and other rules in a world that follows them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from living import Life
from sqlalchemy import func, select, update

from driftwatch import wiring
from driftwatch.domain.decision import Action
from driftwatch.domain.errors import DataError
from driftwatch.domain.run import RunState
from driftwatch.policy.basis import read_policy
from driftwatch.policy.replay import Fates, past_runs
from driftwatch.policy.rules import parse_policies
from driftwatch.store.tables import facts, policies, windows
from driftwatch.wiring.replays import replayer

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.policy.ruleset import Policy

RULES = """\
stream: [s]
rules:
  - {name: tell, when: loss.increase > 0.05, do: alert, limits: {cooldown: 3h}}
  - name: learn
    when: drift.alarm || loss.increase > 0.05
    for: 2 windows
    do: retrain
    recipe: small
    need: {fresh_texts: 60}
    limits: {cooldown: 12h}
    worth: {probe_gain: 0.02}
"""
EDITED = RULES.replace("cooldown: 12h", "cooldown: 6h").replace("name: tell,", "name: told,")


def measures(index: int) -> dict[str, float]:
    """Return what a window measures: calm, with an episode of drift every 40 windows, and now and then nothing."""
    if index % 23 == 7:
        return {}
    drifted = index % 40 >= 25
    return {"drift__alarm": float(drifted), "loss__increase": 0.08 if drifted and index % 3 else 0.01 * (index % 3)}


WINDOWS = 160


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Life:
    """Live through all that happens, once."""
    life = Life(tmp_path_factory.mktemp("lived") / "driftwatch.db", RULES)
    live(life, WINDOWS)
    return life


@pytest.fixture
def young(tmp_path: Path) -> Life:
    return Life(tmp_path / "driftwatch.db", RULES)


def live(life: Life, windows: int) -> None:
    """Live through windows with runs that are declined, promoted, rejected or cut short, restarts and an edit."""
    ends = 0
    for index in range(windows):
        if index == windows // 2:
            life.edit(EDITED)
        if index % 17 == 11:
            life.restart()
        life.pass_window(**measures(index))
        life.clock.pass_by(timedelta(minutes=1))
        for run in life.waiting():
            if life.clock.now() - run.created_at < timedelta(hours=3):
                continue
            ends += 1
            if ends % 4 == 1:
                life.decline(run.spec.id, best=0.01, hours=0.1)
            elif ends % 4 == 3:
                life.move(run.spec.id, RunState.CANCELLED)
            else:
                life.finish(run.spec.id, hours=1.5, promoted=ends % 4 == 2)


def exactly_as_recorded(life: Life) -> int:
    """Hold every replayed decision to the recorded one, word for word; return how many were compared."""
    store = life.store
    runs = past_runs(store.runs.list(limit=10_000), store.decisions.asked())
    rules: dict[str, Policy] = {}
    for past in store.history.windows("s"):
        assert past.policy is not None
        text = store.history.policy(past.policy)
        assert text is not None
        rules.setdefault(past.policy, read_policy(text))
        assert rules[past.policy].hash == past.policy
    again = replayer(store, "s", rules=lambda past: rules[past.policy or ""], runs=runs, fates=Fates(runs))
    compared = 0
    for past in store.history.windows("s"):
        index = past.result.index
        recorded = [stored.decision for stored in store.decisions.between("s", first=index, last=index)]
        assert list(again.decide(past).decisions) == recorded
        compared += len(recorded)
    assert again.diverged_at is None
    return compared


def test_a_replay_of_what_a_living_daemon_decided_is_its_history(lived: Life) -> None:
    actions = {action for (_, _, action) in lived.store.decisions.count()}
    assert actions == {"hold", "alert", "retrain"}
    states = {run.state for run in lived.store.runs.list()}
    assert {RunState.DECLINED, RunState.KEPT, RunState.REJECTED, RunState.CANCELLED} <= states
    assert exactly_as_recorded(lived) == 2 * WINDOWS
    in_short = wiring.replay(lived.store, None, streams=["s"])
    assert (in_short.differing, in_short.diverged, in_short.windows) == (0, {}, {"s": WINDOWS})
    for each in in_short.rules:
        assert each.recorded.acted == each.replayed.acted
        assert each.recorded.hours == pytest.approx(each.replayed.hours)
        assert each.recorded.blocked == each.replayed.blocked
        assert (each.recorded.true, each.recorded.waited) == (each.replayed.true, each.replayed.waited)


def test_a_replay_may_begin_anywhere(lived: Life) -> None:
    middle = next(past.at for past in lived.store.history.windows("s") if past.result.index == 30)
    part = wiring.replay(lived.store, None, streams=["s"], since=middle, until=middle + timedelta(hours=40))
    assert part.windows == {"s": 40}
    assert part.differing == 0
    assert part.first == middle


def test_other_rules_make_a_world_of_their_own(lived: Life) -> None:
    never = parse_policies(
        {"p.yaml": RULES.replace("cooldown: 12h", "cooldown: 365d").replace("name: tell,", "name: told,")},
        streams=["s"],
        recipes=["small"],
    )
    found = wiring.replay(lived.store, never, streams=["s"])
    learn = next(each for each in found.rules if each.rule == "learn")
    assert learn.recorded.runs > 3
    assert learn.replayed.runs == 1
    assert learn.replayed.blocked["limits.cooldown"] > 30
    assert learn.replayed.acted == learn.recorded.acted[:1]
    assert found.diverged == {"s": learn.recorded.acted[1].at}
    assert found.differing > 0
    assert found.assumptions


def test_the_runs_of_that_world_are_what_its_limits_see(lived: Life) -> None:
    eager = parse_policies(
        {"p.yaml": RULES.replace("cooldown: 12h", "cooldown: 0s").replace("for: 2 windows", "for: 1 window")},
        streams=["s"],
        recipes=["small"],
    )
    found = wiring.replay(lived.store, eager, streams=["s"])
    learn = next(each for each in found.rules if each.rule == "learn")
    assert learn.replayed.runs > learn.recorded.runs
    assert learn.replayed.blocked["running"] > 0
    assert learn.replayed.hours > learn.recorded.hours
    gaps = [later.at - sooner.at for sooner, later in zip(learn.replayed.acted, learn.replayed.acted[1:], strict=False)]
    assert min(gaps) >= timedelta(hours=3), "a run takes three hours, and there is one at a time"


def test_without_recorded_runs_no_hours_are_made_up(young: Life) -> None:
    for index in range(60):
        young.pass_window(**measures(index))
    first = next(run for run in young.store.runs.list())
    assert not first.state.final
    eager = parse_policies(
        {"p.yaml": RULES.replace("fresh_texts: 60", "fresh_texts: 40")}, streams=["s"], recipes=["small"]
    )
    found = wiring.replay(young.store, eager, streams=["s"])
    learn = next(each for each in found.rules if each.rule == "learn")
    assert learn.replayed.runs > 0
    assert (learn.replayed.hours, learn.replayed.unpriced) == (0.0, learn.replayed.runs)
    assert any("no run has ended yet" in said for said in found.assumptions)
    assert any("no probe is recorded" in said for said in found.assumptions)


def test_windows_of_an_earlier_version_are_replayed_from_what_the_store_tells(young: Life) -> None:
    live(young, 80)
    with young.store._database.write() as connection:
        connection.execute(update(windows).values(decided_at=None, policy=None, facts=None, memory=None))
    with pytest.raises(DataError, match="the rules of window 0 of stream s were not recorded"):
        wiring.replay(young.store, None, streams=["s"])
    given = parse_policies({"p.yaml": RULES}, streams=["s"], recipes=["small"])
    edited = young.store.history.window("s", 39)
    assert edited is not None
    found = wiring.replay(young.store, given, streams=["s"], until=edited.at)
    assert found.windows == {"s": 39}
    assert found.differing == 0


def test_a_time_without_windows_is_told(young: Life) -> None:
    with pytest.raises(DataError, match="no window was decided on in that time"):
        wiring.replay(young.store, None, streams=["s"])


def test_what_changes_seldom_is_stored_once(young: Life) -> None:
    for _ in range(50):
        young.pass_window(drift__alarm=0.0, loss__increase=0.0)
    with young.store._database.read() as connection:
        assert connection.execute(select(func.count()).select_from(facts)).scalar_one() <= 3
        assert connection.execute(select(func.count()).select_from(policies)).scalar_one() == 1


def test_a_decision_alone_knows_what_it_rested_on(lived: Life) -> None:
    past = lived.store.history.window("s", 40)
    assert past is not None
    assert past.facts is not None
    assert past.memory is not None
    assert set(past.memory) == {"tell", "learn", "told"} or set(past.memory) == {"tell", "learn"}
    assert [each.rule for each in past.decisions][-1] == "learn"
    assert {each.action for each in past.decisions} <= set(Action)
    assert lived.store.history.window("s", 10_000) is None
