"""What deciding costs: 100 rules over 50 streams, with conditions as they are shipped and every limit in use."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from benchmarks.table import Row
from driftwatch.domain.decision import RuleState, RunFact
from driftwatch.domain.drift import DriftState, Measure, Outcome, WindowResult
from driftwatch.policy.decide import decide
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.variables import Facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from driftwatch.policy.ruleset import Policy

START = datetime(2026, 1, 1, tzinfo=UTC)
STREAMS = tuple(f"stream-{number:02}" for number in range(50))
RULES = 100
TARGET_MS = 10.0

_CONDITIONS = (
    "drift.alarm",
    "drift.alarm && loss.increase > 0.0{n}",
    'drift.state == "harmful-drift"',
    "window.duplicate_share > 0.{n}",
    "drift.alarm || loss.increase > 0.0{n} && drift.new_share > 0.{n}",
)
_LIMITS = 'hours: "Mon-Fri 22:00-06:00 Europe/Berlin", blackout: [2026-12-24..2027-01-02], cooldown: 24h'
_RUN_LIMITS = "runs: 4 per 30d, gpu_hours: 20 per 30d, concurrency: 2, "


def measure(*, quick: bool) -> Iterable[Row]:
    """Measure the CPU time of a decision: a stream with all the rules, and a round of all streams that share them."""
    windows = 20 if quick else 200
    everywhere = _policy({"every.yaml": ("'*'", range(RULES))})
    yield _row(
        f"one stream's window by {RULES} rules, each of {len(STREAMS)} streams having them all", everywhere, windows, 1
    )
    share = RULES // len(STREAMS)
    files = {f"{n}.yaml": (f"[{stream}]", range(n * share, (n + 1) * share)) for n, stream in enumerate(STREAMS)}
    yield _row(
        f"a window of each of {len(STREAMS)} streams by {RULES} rules in all", _policy(files), windows, len(STREAMS)
    )


def _row(what: str, policy: Policy, windows: int, streams: int) -> Row:
    states: dict[str, dict[str, RuleState]] = {stream: {} for stream in STREAMS}
    spent = 0.0
    for index in range(windows):
        for stream in STREAMS if streams > 1 else STREAMS[:1]:
            result, facts = _window(stream, index), _facts(index)
            now = result.last_seen_at
            began = time.process_time()
            decided = decide(policy, stream=stream, result=result, facts=facts, states=states[stream], now=now)
            spent += time.process_time() - began
            states[stream] = {state.rule: state for state in decided.states}
    each = spent / windows * 1_000
    return Row(measure=f"{what}, ms of CPU", driftwatch=each, target=f"< {TARGET_MS:g}", met=each < TARGET_MS)


def _policy(files: Mapping[str, tuple[str, Iterable[int]]]) -> Policy:
    texts = {
        name: f"stream: {streams}\nrules:\n" + "\n".join(_rule(number) for number in numbers)
        for name, (streams, numbers) in files.items()
    }
    return parse_policies(texts, streams=STREAMS, recipes=["small"])


def _rule(number: int) -> str:
    """Return a rule; every other one retrains."""
    when = _CONDITIONS[number % len(_CONDITIONS)].format(n=number % 9 + 1)
    do = (
        f"do: retrain, recipe: small, limits: {{{_RUN_LIMITS}{_LIMITS}}}"
        if number % 2
        else f"do: alert, limits: {{{_LIMITS}}}"
    )
    words = "annotations: {summary: '{{ drift.new_share | percent }} of {{ stream }} is new'}"
    return f"  - {{name: r{number}, when: '{when}', for: 2 windows, clear: 3 windows, {do}, {words}}}"


def _window(stream: str, index: int) -> WindowResult:
    """Return an hour of texts; every other day there is drift that hurts."""
    drifted = index // 24 % 2 == 0
    measures = {
        "drift.alarm": float(drifted),
        "drift.evidence": 0.5 if drifted else -2.0,
        "drift.new_share": 0.4 if drifted else 0.0,
        "loss.nats": 3.2,
        "loss.increase": 0.12 if drifted else 0.01,
        "tokens.jsd": 0.08,
        "embedding.mmd_p": 0.2,
    }
    at = START + index * timedelta(hours=1)
    return WindowResult(
        stream=stream,
        index=index,
        first_seq=index * 500,
        last_seq=index * 500 + 499,
        texts=500,
        distinct=480,
        first_seen_at=at,
        last_seen_at=at + timedelta(hours=1),
        reference="r1",
        champion="v1",
        outcome=Outcome.ASSESSED,
        measures=tuple(Measure(name=name, value=value) for name, value in measures.items()),
        words=(),
        state=DriftState.HARMFUL_DRIFT if drifted else DriftState.STABLE,
    )


def _facts(index: int) -> Facts:
    """Return what there is to know of a stream that was retrained once a week for a year."""
    at = START + index * timedelta(hours=1)
    runs = tuple(
        RunFact(rule="r1", began_at=at - week, ended_at=at - week + timedelta(hours=5), training_hours=3.0)
        for week in (timedelta(weeks=number) for number in range(52, 0, -1))
    )
    return Facts(fresh_texts=lambda _since: 5_000, runs=runs, elsewhere=1, champion_at=START, reference_at=START)
