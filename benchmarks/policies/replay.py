"""Replay: that it is history, over a year of a living daemon's hourly windows, and what 100,000 windows cost."""

from __future__ import annotations

import logging
import random
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from benchmarks.measures import NAMES
from benchmarks.table import Row, at_least, at_most
from driftwatch import wiring
from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.analysis import Analysis
from driftwatch.domain.budget import Budget
from driftwatch.domain.drift import DriftState, Measure, Outcome, WindowResult, WordShift
from driftwatch.domain.features import Digest
from driftwatch.domain.run import COST, GateMeasure, Recipe, RunState, Verdict, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.policy.basis import facts_text, policy_text, read_policy
from driftwatch.policy.decide import Facts, decide
from driftwatch.policy.replay import Fates, past_runs
from driftwatch.policy.rules import load_policies
from driftwatch.store import Basis, Champion, ReferenceRow, open_store
from driftwatch.store.basis import columns, keep_basis
from driftwatch.store.decisions import add_decisions
from driftwatch.store.tables import windows as windows_table
from driftwatch.store.values import dump, micros
from driftwatch.wiring.replays import replayer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.domain.analysis import AnalysisRequest
    from driftwatch.domain.decision import RuleState
    from driftwatch.policy.ruleset import Policy
    from driftwatch.store import Store

STREAM = "support"
START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SECONDS_ALLOWED = 10.0
"""CPU seconds for 100,000 windows (issue 6)."""
_RECIPES = ("small", "thorough", "full", "lora-small")
_ROOT = Path(__file__).parents[2]
_TEXTS = 5


def measure(*, quick: bool = False) -> Iterator[Row]:
    """Measure both; ``quick`` takes a tenth of the windows."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory(prefix="driftwatch-replay-") as folder:
        yield from _year(Path(folder), hours=876 if quick else 8_760)
        yield from _cost(Path(folder), count=10_000 if quick else 100_000)


def shipped(name: str = "default") -> Policy:
    """Return a shipped policy for one stream."""
    made = load_policies([_ROOT / "policies" / f"{name}.yaml"], streams=[STREAM], recipes=_RECIPES)
    return replace(made, recipes={recipe: Recipe(name=recipe) for recipe in _RECIPES})


def result(index: int, draw: random.Random, *, episode: int = 400, lasting: int = 60) -> WindowResult:
    """Return an hour's window, as large as real ones: calm, with an episode of drift now and then."""
    drifted = index % episode >= episode - lasting
    increase = draw.gauss(0.12 if drifted else 0.0, 0.02)
    values = {name: draw.random() * 0.1 for name in NAMES} | {
        "drift.alarm": float(drifted),
        "loss.increase": increase,
        "loss.perplexity_ratio": 1 + increase,
        "tokens.unknown_share": 0.001,
    }
    suffers = increase > 0.05
    states = {
        (True, True): DriftState.HARMFUL_DRIFT,
        (True, False): DriftState.BENIGN_DRIFT,
        (False, True): DriftState.SILENT_DECAY,
    }
    return WindowResult(
        stream=STREAM,
        index=index,
        first_seq=index * 500 + 1,
        last_seq=index * 500 + 500,
        texts=500,
        distinct=480,
        first_seen_at=START + index * HOUR,
        last_seen_at=START + (index + 1) * HOUR,
        reference="r1",
        champion="m1",
        outcome=Outcome.ASSESSED,
        measures=tuple(
            Measure(name=name, value=value, low=value - 0.01, high=value + 0.01, null_low=0.0, null_high=0.1)
            for name, value in values.items()
        ),
        words=tuple(
            WordShift(word=f"word{number}", share=0.1, reference_share=0.05, z=draw.gauss(0, 3)) for number in range(20)
        ),
        exemplars=tuple(f"exemplar {number} " * 20 for number in range(4)),
        state=states.get((drifted, suffers), DriftState.STABLE),
    )


@dataclass(slots=True)
class _Hand:
    """A clock that is set by hand."""

    at: datetime = START

    def now(self) -> datetime:
        return self.at


@dataclass(slots=True)
class _Given:
    """An analyst of made-up windows."""

    draw: random.Random
    stopped: bool = False

    def assess(self, request: AnalysisRequest) -> Analysis:
        made = result(request.index, self.draw)
        texts = request.texts
        seen = replace(
            made,
            first_seq=texts[0].seq,
            last_seq=texts[-1].seq,
            texts=500,
            first_seen_at=texts[0].text.seen_at,
            last_seen_at=texts[-1].text.seen_at,
            reference=request.reference,
            champion=request.champion_version,
        )
        return Analysis(result=seen, states={})


def _year(folder: Path, *, hours: int) -> Iterator[Row]:
    clock = _Hand()
    store = open_store(folder / "year.db", clock=clock)
    _begin(store)
    policies = [shipped("default"), shipped("news")]
    for hour in range(hours):
        # Edited once a quarter; restarted once a week.
        policy = policies[hour // max(hours // 4, 1) % 2]
        if hour % 168 == 0:
            store.close()
            store = open_store(folder / "year.db", clock=clock)
            cycle = _cycle(store, clock, policy, hour)
        cycle = cycle if hour % max(hours // 4, 1) else _cycle(store, clock, policy, hour)
        clock.at = START + (hour + 1) * HOUR
        _take(store, hour, clock.at)
        if cycle.step() is not Progressed.ASSESSED:
            raise RuntimeError(f"hour {hour} was not assessed: {cycle.trouble}")
        clock.at += timedelta(minutes=7)
        _work(store, clock)
    yield from _history(store, hours)
    store.close()


def _begin(store: Store) -> None:
    champion = Champion(stream=STREAM, version="m1", path="m1", digest=Digest("sha256:m1"), at=START)
    store.registry.set_champion(champion, reference=_reference("r1", START), reason="it serves")


def _reference(version: str, at: datetime) -> ReferenceRow:
    return ReferenceRow(
        stream=STREAM,
        version=version,
        path=version,
        encoder=Digest("sha256:e"),
        tokenizer=Digest("sha256:t"),
        champion=None,
        texts=500,
        created_at=at,
        in_force=True,
    )


def _cycle(store: Store, clock: _Hand, policy: Policy, hour: int) -> Cycle:
    return Cycle(
        stream=STREAM,
        size=_TEXTS,
        budget=Budget(alarms=1, period=timedelta(days=365)),
        store=store,
        analyst=_Given(random.Random(hour)),
        policy=lambda: policy,
        receivers=("webhook",),
        clock=clock,
    )


def _take(store: Store, hour: int, at: datetime) -> None:
    texts = [Text(id=f"{hour}-{number}", body=f"text {number} of hour {hour}", seen_at=at) for number in range(_TEXTS)]
    store.texts.take_in(STREAM, source="file", texts=texts, cursor=None, counts={})


def _work(store: Store, clock: _Hand) -> None:
    """End runs after five hours: every third is declined, the others are promoted."""
    for run in store.runs.list(stream=STREAM, states=[state for state in RunState if not state.final]):
        if clock.at - run.created_at < 5 * HOUR:
            continue
        spent = GateMeasure(name="hours", value=1.5, low=1.5, high=1.5, limit=24, unit="h", n=1)
        cost = Verdict(gate=COST, round=1, outcome=VerdictOutcome.PASSED, detail="spent", measures=(spent,))
        store.runs.add_verdict(run.spec.id, cost)
        declined = len(store.runs.list(stream=STREAM)) % 3 == 0
        ends = [RunState.DECLINED] if declined else [RunState.TRAINING, RunState.JUDGING, RunState.PROMOTING]
        for state in (RunState.COLLECTING, RunState.PROBING, *ends):
            store.runs.move(run.spec.id, to=state, reason="on", round=1)
        if not declined:
            name = f"m-{run.spec.id}"
            champion = Champion(
                stream=STREAM, version=name, path=name, digest=Digest(f"sha256:{name}"), at=clock.at, run=run.spec.id
            )
            reference = _reference(f"r-{run.spec.id}", clock.at)
            store.registry.set_champion(champion, reference=reference, reason="promoted")
            store.runs.move(run.spec.id, to=RunState.KEPT, reason="kept")


def _history(store: Store, hours: int) -> Iterator[Row]:
    """Hold every decision of the replay to the daemon's, word for word."""
    runs = past_runs(store.runs.list(limit=10_000), store.decisions.asked())
    known: dict[str, Policy] = {}

    def rules(policy: str | None) -> Policy:
        if policy in known:
            return known[policy or ""]
        text = store.history.policy(policy or "")
        if text is None:
            raise RuntimeError(f"the rules {policy} were not kept")
        known[policy or ""] = read_policy(text)
        return known[policy or ""]

    again = replayer(store, STREAM, rules=lambda past: rules(past.policy), runs=runs, fates=Fates(runs))
    same = compared = 0
    for past in store.history.windows(STREAM):
        index = past.result.index
        recorded = [each.decision for each in store.decisions.between(STREAM, first=index, last=index)]
        replayed = again.decide(past).decisions
        same += sum(was == would for was, would in zip(recorded, replayed, strict=True))
        compared += len(recorded)
    words = f"decisions the same, of {compared:,} on {hours:,} hourly windows ({len(runs)} runs)"
    yield at_least(words, same, compared)
    short = wiring.replay(store, None, streams=[STREAM])
    yield at_most("decisions that the command's replay takes otherwise", short.differing, 0)


def _cost(folder: Path, *, count: int) -> Iterator[Row]:
    store = open_store(folder / "large.db", clock=_Hand())
    _begin(store)
    policy = shipped("default")
    _fill(store, policy, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limit = SECONDS_ALLOWED * count / 100_000
    for name in ("default", "social-media"):
        began = time.process_time()
        found = wiring.replay(store, shipped(name), streams=[STREAM])
        spent = time.process_time() - began
        if found.windows != {STREAM: count}:
            raise RuntimeError(f"{found.windows} were replayed, not {count}")
        rules = len(shipped(name).of(STREAM))
        yield at_most(f"CPU seconds to replay {count:,} windows under {name} ({rules} rules)", spent, limit)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1_024
    yield at_most("MiB that these replays added at their highest", grown, 200)
    store.close()


def _fill(store: Store, policy: Policy, count: int) -> None:
    """Store windows with their decisions, a thousand a transaction."""
    draw, states = random.Random(7), dict[str, "RuleState"]()
    facts = Facts(fresh_texts=lambda _since: 10_000, champion_at=START, reference_at=START)
    database = store._database  # noqa: SLF001 - a thousand windows a transaction is no way of the daemon's
    for first in range(0, count, 1_000):
        with database.write() as connection:
            for index in range(first, min(first + 1_000, count)):
                seen = result(index, draw)
                at = seen.last_seen_at + timedelta(seconds=3)
                decided = decide(policy, stream=STREAM, result=seen, facts=facts, states=states, now=at)
                basis = Basis(
                    at=at, policy=policy.hash, rules=policy_text(policy), facts=facts_text(facts), memory=dict(states)
                )
                row = {
                    "stream": STREAM,
                    "index": index,
                    "outcome": seen.outcome.value,
                    "assessed_at": micros(at),
                    "result": dump(seen),
                    **columns(basis),
                }
                connection.execute(windows_table.insert().values(**row))
                keep_basis(connection, basis)
                add_decisions(connection, [(decision, None) for decision in decided.decisions])
                states.update({state.rule: state for state in decided.states})
