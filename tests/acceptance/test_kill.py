"""Kill −9 of daemon, worker and job at many moments: nothing lost, nothing done twice, nothing half."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from corpus import paragraphs
from deployment import (
    DRIFTED,
    QUIET,
    STREAM,
    WINDOW,
    Daemon,
    Deployment,
    children,
    deploy,
    job_pids,
    ready,
    twin,
    until,
)

from driftwatch.domain.run import COST, RunState
from driftwatch.features.model import model_digest

if TYPE_CHECKING:
    from driftwatch.store import Store

T = TypeVar("T")
KILLS = 20
SHARES = {"daemon": 9, "worker": 8, "job": 6}
QUIET_WINDOWS, DRIFTED_WINDOWS, AFTER_WINDOWS = 3, 4, 3
pytestmark = pytest.mark.slow


def script() -> tuple[list[str], list[str]]:
    """The stream in two phases: until the decision, and after the run."""
    quiet = paragraphs(QUIET, 1_000 + QUIET_WINDOWS * WINDOW)[1_000:]
    drifted = paragraphs(DRIFTED, (DRIFTED_WINDOWS + AFTER_WINDOWS) * WINDOW)
    turn = DRIFTED_WINDOWS * WINDOW
    return quiet + drifted[:turn], drifted[turn:]


class Killer:
    """Kills one of the three kinds of process at seeded random moments, until each kind had its share."""

    def __init__(self, daemon: Daemon, store: Store, *, seed: int) -> None:
        self._daemon, self._store = daemon, store
        self._random = random.Random(seed)
        self._due_at = self._next()
        self.kills = dict.fromkeys(SHARES, 0)

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    def maybe(self) -> None:
        """Kill now if it is time: the third death on the same texts is left out, since it would set them aside."""
        if time.monotonic() < self._due_at:
            return
        victims = {kind: pids for kind, pids in self._victims().items() if pids and self.kills[kind] < SHARES[kind]}
        if not victims:
            return
        preferred = "job" in victims and self._random.random() < 0.7
        kind = "job" if preferred else self._random.choice(sorted(victims))
        if kind == "daemon":
            self.kill_daemon()
        else:
            with suppress(ProcessLookupError):
                os.kill(victims[kind][0], signal.SIGKILL)
            self.kills[kind] += 1
        self._due_at = self._next()

    def kill_daemon(self) -> None:
        self._daemon.kill()
        self._daemon.start()
        self.kills["daemon"] += 1

    def _victims(self) -> dict[str, list[int]]:
        jobs = job_pids(self._daemon.deployment)
        if self._store.windows.position(STREAM).attempts > 1:
            return {"job": jobs}
        workers = [pid for pid in children(self._daemon.pid) if pid not in jobs]
        return {"daemon": [self._daemon.pid], "worker": workers, "job": jobs}

    def _next(self) -> float:
        return time.monotonic() + self._random.uniform(0.2, 9.0)


def windows_done(store: Store, count: int) -> bool | None:
    return True if store.windows.position(STREAM).index >= count else None


def run_ended(store: Store) -> RunState | None:
    runs = store.runs.list(stream=STREAM)
    return runs[0].state if runs and (runs[0].state.final or runs[0].state is RunState.PROBATION) else None


def probation_ended(store: Store) -> RunState | None:
    (only,) = store.runs.list(stream=STREAM)
    return only.state if only.state.final else None


def taken(store: Store) -> list[tuple[int, str, str, str | None]]:
    """What was decided, without when."""
    recent = store.decisions.recent(STREAM, limit=100)
    return [(each.decision.window, each.decision.rule, each.decision.action, each.run) for each in recent]


def play(deployment: Deployment, *, seed: int | None) -> Killer | None:
    """Play the script; with a seed, killing all the way."""
    before, after = script()
    store = deployment.store()
    with Daemon(deployment) as daemon:
        killer = Killer(daemon, store, seed=seed) if seed is not None else None

        def tick(answer: T | None) -> T | None:
            if answer is None and killer is not None:
                killer.maybe()
            return answer

        def assessed(count: int) -> None:
            until(lambda: tick(windows_done(store, count)), f"window {count - 1}")

        total = QUIET_WINDOWS + DRIFTED_WINDOWS
        for index in range(total):
            deployment.append(before[index * WINDOW : (index + 1) * WINDOW], start=index * WINDOW)
            assessed(index + 1)
        until(lambda: tick(run_ended(store)), "the run's end", seconds=400)
        for index in range(AFTER_WINDOWS):
            part = after[index * WINDOW : (index + 1) * WINDOW]
            deployment.append(part, start=(total + index) * WINDOW)
            assessed(total + index + 1)
        until(lambda: tick(probation_ended(store)), "the probation's end")
        while killer is not None and killer.total < KILLS:
            killer.kill_daemon()
            until(lambda: ready(deployment), "the daemon to be ready again")
        until(lambda: ready(deployment), "the daemon to be ready again")
        assert daemon.stop() == 0
    store.close()
    return killer


def test_a_killed_deployment_ends_like_an_undisturbed_one(tmp_path: Path) -> None:
    calm = deploy(tmp_path / "calm")
    wild = twin(calm, tmp_path / "wild")
    play(calm, seed=None)
    killer = play(wild, seed=3)
    assert killer is not None
    print("kills:", killer.kills)
    assert killer.total >= KILLS
    assert min(killer.kills.values()) >= 2

    left, right = calm.store(), wild.store()
    assert left.counts.intake() == right.counts.intake()
    assert left.counts.intake()[STREAM, "file", "stored"] == (QUIET_WINDOWS + DRIFTED_WINDOWS + AFTER_WINDOWS) * WINDOW
    for index in range(QUIET_WINDOWS + DRIFTED_WINDOWS + AFTER_WINDOWS):
        assert left.windows.result(STREAM, index) == right.windows.result(STREAM, index), f"window {index}"
    assert taken(left) == taken(right)
    (first,), (second,) = left.runs.list(stream=STREAM), right.runs.list(stream=STREAM)
    assert first.state is second.state is RunState.KEPT
    judged, judged_again = ([v for v in run.verdicts if v.gate != COST] for run in (first, second))  # hours may differ
    assert judged == judged_again
    assert len(right.registry.champions(STREAM)) == 2
    current = (wild.state / "models" / STREAM / "current").resolve()
    champion = right.registry.champion(STREAM)
    assert champion is not None
    assert model_digest(current) == champion.digest
    calm_champion = left.registry.champion(STREAM)
    assert calm_champion is not None
    assert champion.digest == calm_champion.digest
