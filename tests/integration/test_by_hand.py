"""A run asked for by hand: over which texts, under which limits, and on which record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from alert_samples import Hand
from policy_stream import HOUR, START, Stream, window
from typer.testing import CliRunner, Result

from driftwatch.cli import app
from driftwatch.config import RetentionSettings, StreamSettings
from driftwatch.cycle import Cycle
from driftwatch.daemon.rounds import pruning
from driftwatch.domain.analysis import Analysis, AnalysisRequest
from driftwatch.domain.budget import parse_budget
from driftwatch.domain.decision import Action, Decision
from driftwatch.domain.drift import Onset, WindowResult
from driftwatch.domain.errors import ConflictError, DataError, DriftwatchError, NotFoundError
from driftwatch.domain.features import Digest
from driftwatch.domain.pause import Pause
from driftwatch.domain.run import RunId, RunSpec, RunState
from driftwatch.domain.text import Text
from driftwatch.policy.by_hand import Word
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.ruleset import Policy
from driftwatch.retrain.recipe import builtin_recipes
from driftwatch.store import Champion, ReferenceRow, Step, Store, open_store
from driftwatch.wiring import begin_pause, replay, retrain

S = "s"
WINDOWS, TEXTS = 4, 50
RULES = """\
stream: "*"
rules:
  - name: learn
    when: loss.increase > 0.05
    for: 3 windows
    do: retrain
    recipe: small
    need: {fresh_texts: 100}
    limits: {cooldown: 24h}
    annotations: {summary: "learning {{ stream }}"}
  - {name: tell, when: loss.increase > 0.05, do: alert}
"""
WORD = Word(who="alice", because="a new product")
NOW = START + 10 * HOUR


def policy(text: str = RULES) -> Policy:
    read = parse_policies({"p.yaml": text}, streams=[S], recipes=["small"])
    return replace(read, recipes=builtin_recipes())


def small(index: int, **measures: float) -> WindowResult:
    first = index * TEXTS + 1
    return replace(window(index, **measures), first_seq=first, last_seq=first + TEXTS - 1, texts=TEXTS, distinct=TEXTS)


def fill(store: Store, results: list[WindowResult], *, model: bool = True) -> None:
    texts = [
        Text(id=str(number), body=f"text {number}", seen_at=START + number * timedelta(minutes=1))
        for number in range(1, WINDOWS * TEXTS + 1)
    ]
    store.texts.take_in(S, source="file", texts=texts, cursor=None, counts={})
    row = ReferenceRow(
        stream=S,
        version="r1",
        path="/r1",
        encoder=Digest("e"),
        tokenizer=Digest("t"),
        champion=Digest("d1"),
        texts=900,
        created_at=START,
        in_force=True,
    )
    champion = Champion(stream=S, version="v1", path="/v1", digest=Digest("d1"), at=START)
    if model:
        store.registry.set_champion(champion, reference=row, reason="first")
    else:
        store.registry.add_reference(row, in_force=True)
    stream = Stream(policy())
    for result in results:
        decided = stream.see(result)
        store.windows.commit_step(
            Step(result=result, states={}, decisions=decided.decisions, rule_states=decided.states)
        )


@pytest.fixture
def clock() -> Hand:
    return Hand(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: Hand) -> Iterator[Store]:
    opened = open_store(tmp_path / "d.db", clock=clock)
    yield opened
    opened.close()


def ask(store: Store, word: Word = WORD, *, rule: str = "learn", windows: int | None = None) -> RunSpec:
    return retrain(
        store,
        policy(),
        stream=S,
        rule=rule,
        word=word,
        windows=windows,
        receivers=("webhook",),
        now=NOW,
    )


def quiet() -> list[WindowResult]:
    return [small(index, loss__increase=0.01) for index in range(WINDOWS)]


def by_hand(store: Store) -> Decision:
    (only,) = [each.decision for each in store.decisions.recent(S, limit=99) if each.decision.by is not None]
    return only


@pytest.mark.parametrize(
    ("model", "rules", "kept"),
    [
        (True, RULES, range(51, 201)),
        (True, 'stream: "*"\nrules:\n  - {name: learn, when: loss.increase > 0.05, do: alert}\n', range(151, 201)),
        (False, RULES, range(151, 201)),
    ],
    ids=["a rule would learn them", "a rule only tells of them", "there is nothing to learn them"],
)
def test_retention_spares_the_texts_of_a_streak_for_a_run_alone(
    store: Store, clock: Hand, *, model: bool, rules: str, kept: range
) -> None:
    fill(store, [small(0, loss__increase=0.0), *(small(n, loss__increase=0.1) for n in (1, 2))], model=model)
    clock.at = NOW + timedelta(days=9)
    settings = StreamSettings(name=S, retention=RetentionSettings(age=timedelta(days=1)))
    pruning(store, [settings], clock, lambda: policy(rules))()
    assert [each.seq for each in store.texts.span(S, first_seq=1, last_seq=999)] == list(kept)


def test_a_run_is_queued_recorded_and_told(store: Store) -> None:
    fill(store, quiet())
    spec = ask(store)
    run = store.runs.get(spec.id)
    assert (run.state, spec.rule, spec.recipe.name, spec.champion) == (RunState.QUEUED, "learn", "small", "v1")
    assert run.transitions[0].reason == "alice asked for it by hand, by rule learn: a new product"
    decision = by_hand(store)
    assert (decision.action, decision.window, decision.rule, decision.by) == (Action.RETRAIN, 3, "learn", "alice")
    assert decision.reasons[0].detail == "alice: a new product"
    entry = store.audit.recent(limit=1)[0]
    assert (entry.what, entry.who, entry.subject) == ("retrain-asked", "alice", "s/learn")
    assert (entry.detail["run"], entry.detail["forced"]) == (spec.id, "false")
    (delivery,) = store.outbox.due(NOW, limit=9)
    assert delivery.alert.name == "RetrainStarted"
    assert delivery.alert.summary == "learning s"
    assert "alice asked by hand for a retraining of stream s" in delivery.alert.description


def test_the_rules_own_decisions_and_memory_stay_and_a_replay_agrees(store: Store) -> None:
    fill(store, quiet())
    states, before = store.decisions.rule_states(S), store.decisions.count()
    ask(store)
    assert store.decisions.rule_states(S) == states
    assert {key: value for key, value in store.decisions.count().items() if key in before} == before
    assert store.decisions.asked() == set()
    assert replay(store, policy(), streams=[S]).differing == 0


@pytest.mark.parametrize(
    ("results", "windows", "first"),
    [
        ([small(i, loss__increase=0.08 if i > 0 else 0.01) for i in range(WINDOWS)], None, 51),
        ([*quiet()[:3], replace(small(3, drift__alarm=1.0), onset=Onset(seq=70, seen_at=START, texts=131))], None, 51),
        (quiet(), None, 101),
        (quiet(), 4, 1),
        (quiet(), 3, 51),
    ],
    ids=["the streak", "the onset", "as many as it needs", "all windows", "three windows"],
)
def test_the_texts_are_those_that_are_meant(
    store: Store, results: list[WindowResult], windows: int | None, first: int
) -> None:
    fill(store, results)
    spec = ask(store, replace(WORD, force=True), windows=windows)
    assert (spec.first_seq, spec.last_seq) == (first, WINDOWS * TEXTS)


def test_what_a_run_needs_is_held_against_it_and_can_be_overridden(store: Store) -> None:
    fill(store, quiet())
    begin_pause(store, stream=S, rule=None, until=NOW + HOUR, who="bob", because="calm", receivers=(), now=NOW - HOUR)
    with pytest.raises(ConflictError) as refused:
        ask(store, windows=1)
    assert "need.fresh_texts: 50 texts since window 3, 100 needed" in str(refused.value)
    assert "paused until" in str(refused.value)
    assert "--force" in str(refused.value)
    assert store.runs.list(stream=S) == []
    ask(store, replace(WORD, force=True), windows=1)
    said = {reason.subject: reason for reason in by_hand(store).reasons}
    assert said["force"].detail == "overridden on the same word: paused, need.fresh_texts"
    assert not said["need.fresh_texts"].met
    assert store.audit.recent(limit=1)[0].detail["forced"] == "true"


def test_a_second_run_is_never_begun_but_may_follow(store: Store) -> None:
    fill(store, quiet())
    first = ask(store)
    for force in (False, True):
        with pytest.raises(ConflictError, match="is under way") as refused:
            ask(store, replace(WORD, force=force))
        assert "--force" not in str(refused.value)
        assert "runs cancel" in str(refused.value)
    store.runs.move(first.id, to=RunState.CANCELLED, reason="x")
    with pytest.raises(ConflictError, match=r"limits\.cooldown: last acted 0s ago, cooldown 1d"):
        ask(store)
    second = ask(store, replace(WORD, force=True))
    assert [first.id, second.id] == ["s-w0000003-hand1", "s-w0000003-hand2"]


def test_texts_that_are_no_longer_there_do_not_count(store: Store) -> None:
    fill(store, quiet())
    store.texts.prune(S, older_than=None, keep=60, before_seq=10_000)
    with pytest.raises(ConflictError, match=r"60 texts since window 0, 100 needed"):
        ask(store, windows=4)


@pytest.mark.parametrize(
    ("rule", "windows", "error", "said"),
    [
        ("lern", None, NotFoundError, "did you mean learn"),
        ("tell", None, DataError, "does not retrain"),
        ("learn", 9, DataError, "there are 4 windows, not 9"),
    ],
)
def test_what_cannot_be_is_told(
    store: Store, rule: str, windows: int | None, error: type[DriftwatchError], said: str
) -> None:
    fill(store, quiet())
    with pytest.raises(error, match=said):
        ask(store, rule=rule, windows=windows)


def test_a_stream_without_windows_or_model_is_told(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no window"):
        ask(store)
    fill(store, quiet(), model=False)
    with pytest.raises(ConflictError, match="no model to retrain"):
        ask(store, replace(WORD, force=True))


class Analyst:
    """Gives a window, after somebody asked for a run by hand."""

    stopped = False

    def __init__(self, store: Store, result: WindowResult) -> None:
        self.store, self.result, self.asked = store, result, False

    def assess(self, request: AnalysisRequest) -> Analysis:
        del request
        return Analysis(result=self.result, states={})


def test_a_rule_that_decides_in_the_same_moment_decides_again(
    store: Store, clock: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    suffering = [small(index, loss__increase=0.08) for index in range(WINDOWS)]
    fill(store, suffering[:3][:2])
    analyst = Analyst(store, suffering[2])
    cycle = Cycle(
        stream=S,
        size=TEXTS,
        budget=parse_budget("1 per 365d"),
        store=store,
        analyst=analyst,
        policy=policy,
        receivers=(),
        clock=clock,
    )
    committed = store.windows.commit_step

    def meanwhile(step: Step) -> None:
        if not analyst.asked:
            analyst.asked = True
            assert [spec.rule for spec in step.runs] == ["learn"]
            ask(store, replace(WORD, force=True))
        committed(step)

    monkeypatch.setattr(store.windows, "commit_step", meanwhile)
    assert cycle.step().value == "assessed"
    (only,) = store.runs.list(stream=S)
    assert only.spec.id == RunId("s-w0000001-hand1")
    decided = next(each.decision for each in store.decisions.between(S, first=2, last=2))
    assert decided.action is Action.HOLD
    assert "running" in [reason.subject for reason in decided.reasons if not reason.met]


def command(folder: Path, *words: str) -> Result:
    (folder / "driftwatch.toml").write_text("[streams.s]\n")
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "p.yaml").write_text(RULES)
    return CliRunner().invoke(app, [*words, "--config", str(folder / "driftwatch.toml")], env={"COLUMNS": "200"})


def test_the_command_says_what_it_did_and_why_not(tmp_path: Path, clock: Hand) -> None:
    (tmp_path / "state").mkdir()
    store = open_store(tmp_path / "state" / "driftwatch.db", clock=clock)
    fill(store, quiet())
    done = command(tmp_path, "retrain", S, "--rule", "learn", "--because", "a new\nproduct", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rule"] == "learn"
    assert by_hand(store).reasons[0].detail.endswith(": a new product")
    again = command(tmp_path, "retrain", S, "--rule", "learn", "--because", "x")
    assert again.exit_code == 5
    assert "is under way" in again.output
    nothing = command(tmp_path, "retrain", S, "--rule", "learn", "--because", " ")
    assert "needs a reason" in nothing.output
    store.close()


def test_a_paused_pause_is_no_pause_of_another_rule(store: Store) -> None:
    fill(store, quiet())
    begin_pause(store, stream=S, rule="tell", until=NOW + HOUR, who="bob", because="x", receivers=(), now=NOW - HOUR)
    assert isinstance(store.pauses.open()[0], Pause)
    assert ask(store).rule == "learn"
