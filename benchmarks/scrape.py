"""What a scrape of many streams costs, and how many series there are: ``python -m benchmarks.scrape [--json FILE]``.

Everything is real: a store on disk with windows, decisions and runs of every stream, the snapshot that the daemon reads
off it, and the body that a scrape is answered with. Times are CPU milliseconds of this process.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measures import NAMES
from benchmarks.table import Row, at_most, main
from driftwatch.domain.decision import Action, Decision, Reason, RuleState
from driftwatch.domain.drift import DriftState, Measure, Outcome, WindowResult, WordShift
from driftwatch.domain.run import (
    COST,
    GateLimits,
    GateMeasure,
    Recipe,
    RunId,
    RunSpec,
    RunState,
    Verdict,
    VerdictOutcome,
)
from driftwatch.domain.text import Text
from driftwatch.metrics import DaemonFigures, Expected, ExpectedStream, Exposition, Memory, Observations, snapshot_from
from driftwatch.metrics.cardinality import Shape, most_series
from driftwatch.metrics.reading import ASSESSMENT
from driftwatch.store import Step, Store, open_store

if TYPE_CHECKING:
    from collections.abc import Callable

STREAMS = 50
_RUNS = 20
_NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
_SOURCES, _RULES, _DRILLS = ("file", "http", ASSESSMENT), ("drift", "worth-learning", "flood"), ("new-topic", "slow")
_CATEGORIES = ("age", "disability", "gender", "nationality", "race_ethnicity", "religion", "socioeconomic_status")
_LOOPS = ("assess", "deliver", "runs", "prune", "champions", "models", "snapshot", "watchdog")
_RECEIVERS = ("alertmanager", "webhook")
_PATH = (RunState.COLLECTING, RunState.PROBING, RunState.TRAINING, RunState.JUDGING, RunState.PROMOTING, RunState.KEPT)
_MEASURES = (
    "window.texts",
    "window.duplicate_share",
    *NAMES,
    "feedback.accuracy",
    "feedback.n",
    *(f"drill.{drill}.{figure}" for drill in _DRILLS for figure in ("delay", "missed")),
)


class _Stopped:
    """A clock that stands."""

    def now(self) -> datetime:
        return _NOON


def measure(quick: bool) -> list[Row]:
    """Fill a store, read it, render it, and return what that costs."""
    names = [f"stream-{number:02}" for number in range(STREAMS)]
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as folder:
        store = open_store(Path(folder) / "driftwatch.db", clock=_Stopped())
        for name in names:
            _fill(store, name, runs=5 if quick else _RUNS)
        memory = Memory(observed=_observed(names))
        figures = _daemon()
        expected = Expected(
            streams={name: ExpectedStream(sources=_SOURCES, rules=_RULES, drills=_DRILLS) for name in names},
            receivers=_RECEIVERS,
        )
        first = _cpu(lambda: snapshot_from(store, expected, figures, at=_NOON, memory=memory), times=1)
        again = _cpu(lambda: snapshot_from(store, expected, figures, at=_NOON, memory=memory), times=5)
        snapshot = snapshot_from(store, expected, figures, at=_NOON, memory=memory)
        store.close()
    newest = Exposition(lambda: replace(snapshot, at=datetime.now(UTC)))
    text, openmetrics = newest.render()[0], newest.render("application/openmetrics-text; version=1.0.0")[0]
    series = sum(not line.startswith(b"#") for line in openmetrics.splitlines())
    shape = Shape(sources=len(_SOURCES), rules=len(_RULES), drills=len(_DRILLS), categories=len(_CATEGORIES))
    allowed = most_series([shape] * STREAMS, loops=len(_LOOPS), receivers=len(_RECEIVERS))
    one = most_series([shape], loops=len(_LOOPS), receivers=len(_RECEIVERS))
    two = most_series([shape] * 2, loops=len(_LOOPS), receivers=len(_RECEIVERS))
    return [
        at_most(f"series of {STREAMS} streams, process_* included", float(series), float(allowed)),
        Row(measure="series a stream, at most", driftwatch=float(two - one)),
        Row(measure="kilobytes of a scrape", driftwatch=len(text) / 1_000),
        at_most("CPU ms a scrape, text format", _cpu(newest.render, times=30), 20.0),
        at_most(
            "CPU ms a scrape, OpenMetrics",
            _cpu(lambda: newest.render("application/openmetrics-text; version=1.0.0"), times=30),
            20.0,
        ),
        Row(measure="CPU ms of the first snapshot", driftwatch=first),
        Row(measure="CPU ms of a later snapshot", driftwatch=again),
    ]


def _cpu(work: Callable[[], object], *, times: int) -> float:
    """Return the median CPU milliseconds of a piece of work."""
    marks = [time.process_time()]
    for _ in range(times):
        work()
        marks.append(time.process_time())
    return 1_000 * sorted(after - before for before, after in pairwise(marks))[times // 2]


def _fill(store: Store, stream: str, *, runs: int) -> None:
    texts = [Text(id=f"{stream}-{number}", body=f"text {number}", seen_at=_NOON) for number in range(600)]
    counts = {"not-json": 3, "redacted": 4, "sampled-out": 100}
    store.texts.take_in(stream, source="file", texts=texts, cursor=None, counts=counts)
    for index in range(runs):
        store.windows.commit_step(_step(stream, index))
        run = RunId(f"{stream}-w{index:07d}")
        for state in _PATH:
            store.runs.move(run, to=state, reason="on")
            if state is RunState.JUDGING:
                for verdict in _verdicts():
                    store.runs.add_verdict(run, verdict)


def _step(stream: str, index: int) -> Step:
    result = WindowResult(
        stream=stream,
        index=index,
        first_seq=index * 20 + 1,
        last_seq=index * 20 + 20,
        texts=500,
        distinct=480,
        first_seen_at=_NOON,
        last_seen_at=_NOON,
        reference="r1",
        champion="m1",
        outcome=Outcome.ASSESSED,
        measures=tuple(Measure(name=name, value=0.25, null_low=0.0, null_high=0.3) for name in _MEASURES),
        words=tuple(WordShift(word=f"w{n}", share=0.1, reference_share=0.05, z=9.0 - n) for n in range(18) if n != 9),
        state=DriftState.HARMFUL_DRIFT,
        arl_texts=3e7,
    )
    decisions = tuple(
        Decision(
            stream=stream,
            window=index,
            rule=rule,
            action=Action.RETRAIN if rule == _RULES[1] else Action.HOLD,
            reasons=(Reason(subject="when", met=True, detail="it drifted"),),
            at=_NOON,
            policy="p1",
        )
        for rule in _RULES
    )
    spec = RunSpec(
        id=RunId(f"{stream}-w{index:07d}"),
        stream=stream,
        rule=_RULES[1],
        window=index,
        first_seq=1,
        last_seq=result.last_seq,
        reference="r1",
        champion="m1",
        recipe=Recipe(name="small", learning_rates=(1e-4,), epochs=1, batch=8, method="full"),
        limits=GateLimits(),
    )
    state = RuleState(rule=_RULES[0], fingerprint="f", since_window=0, since_at=_NOON, fired_at=_NOON, acted=True)
    return Step(result=result, states={}, decisions=decisions, rule_states=(state,), runs=(spec,))


def _verdicts() -> tuple[Verdict, ...]:
    def word(gate: str, *names: str) -> Verdict:
        measures = tuple(
            GateMeasure(name=name, value=0.05, low=0.02, high=0.08, limit=0.1, unit="nats", n=400) for name in names
        )
        return Verdict(gate=gate, round=0, outcome=VerdictOutcome.PASSED, detail="passed", measures=measures)

    bias = tuple(f"bias.{category}" for category in _CATEGORIES)
    return word("quality", "gain"), word("forgetting", "loss"), word("bias", *bias), word(COST, "hours")


def _observed(names: list[str]) -> Observations:
    observed = Observations(names)
    for name in names:
        observed.texts(name, range(10, 20_000, 100))
        observed.attempt(name, "assessed", seconds=1.5, window=3, at=_NOON.timestamp())
    return observed


def _daemon() -> DaemonFigures:
    return DaemonFigures(
        version="0.1.0",
        started_at=_NOON,
        ready=True,
        heartbeats=dict.fromkeys(_LOOPS, _NOON),
        patience=dict.fromkeys(_LOOPS, timedelta(minutes=5)),
        loop_failures=dict.fromkeys(_LOOPS, 0),
        loop_rounds=dict.fromkeys(_LOOPS, 0),
        loop_misses=dict.fromkeys(_LOOPS, 0),
        loop_delays=dict.fromkeys(_LOOPS, timedelta()),
        backlog_limit=1_000_000,
        worker_up=True,
        worker_restarts=0,
        reload_ok=True,
        reloaded_at=_NOON,
        loads={("files", "loaded"): 1},
        load_tried_at=_NOON,
    )


if __name__ == "__main__":
    main("scrape", measure)
