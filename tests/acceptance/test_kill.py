"""Kill −9 of daemon, worker and job at many moments: nothing lost, nothing done twice, nothing half."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from corpus import paragraphs
from world import DRIFTED, QUIET, STREAM, WINDOW, Daemon, Deployment, deploy, twin, until

from driftwatch.domain.run import RunState
from driftwatch.features.model import model_digest
from driftwatch.store import Store

KILLS = 20
QUIET_WINDOWS, DRIFTED_WINDOWS, AFTER_WINDOWS = 3, 4, 3
pytestmark = pytest.mark.slow


def script() -> tuple[list[str], list[str]]:
    """The stream in two phases: until the decision, and after the run."""
    quiet = paragraphs(QUIET, 1_000 + QUIET_WINDOWS * WINDOW)[1_000:]
    drifted = paragraphs(DRIFTED, (DRIFTED_WINDOWS + AFTER_WINDOWS) * WINDOW)
    turn = DRIFTED_WINDOWS * WINDOW
    return quiet + drifted[:turn], drifted[turn:]


def children(pid: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid:
                yield int(entry.name)


def job_pids(deployment: Deployment) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"job" in line and str(deployment.config).encode() in line:
                found.append(int(entry.name))
    return found


class Killer:
    """Kills one of the three kinds of process whenever the deployment got further since the last kill."""

    def __init__(self, daemon: Daemon, store: Store, *, seed: int) -> None:
        self._daemon, self._store = daemon, store
        self._random = random.Random(seed)
        self.kills = {"daemon": 0, "worker": 0, "job": 0}

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    def maybe(self) -> None:
        """Kill now, or let it run: three deaths on the same texts would set them aside, so the third is left out."""
        if self._random.random() < 0.75:
            return
        job = job_pids(self._daemon.deployment)
        worker = list(children(self._daemon.pid)) if self._daemon.alive else []
        kind = self._random.choice(["daemon", "worker", *["job"] * 2])
        if kind == "job" and job:
            self._kill(job[0], kind)
        elif kind != "job" and self._store.windows.position(STREAM).attempts < 2:
            victims = [pid for pid in worker if pid not in job]
            if kind == "worker" and victims:
                self._kill(victims[0], kind)
            elif kind == "daemon":
                self._daemon.kill()
                self.kills[kind] += 1
                self._daemon.start()

    def _kill(self, pid: int, kind: str) -> None:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.kills[kind] += 1


def windows_done(store: Store, count: int) -> bool | None:
    return True if store.windows.position(STREAM).index >= count else None


def run_ended(store: Store) -> RunState | None:
    runs = store.runs.list(stream=STREAM)
    return runs[0].state if runs and runs[0].state.final else None


def play(deployment: Deployment, *, seed: int | None) -> Killer | None:
    """Play the script; with a seed, killing all the way."""
    before, after = script()
    store = deployment.store()
    with Daemon(deployment) as daemon:
        killer = Killer(daemon, store, seed=seed) if seed is not None else None

        def tick(answer: object) -> object:
            if answer is None and killer is not None:
                killer.maybe()
            return answer

        total = QUIET_WINDOWS + DRIFTED_WINDOWS
        for index in range(total):
            deployment.append(before[index * WINDOW : (index + 1) * WINDOW], start=index * WINDOW)
            until(lambda i=index: tick(windows_done(store, i + 1)), f"window {index}")
        until(lambda: tick(run_ended(store)), "the run's end", seconds=400)
        for index in range(AFTER_WINDOWS):
            part = after[index * WINDOW : (index + 1) * WINDOW]
            deployment.append(part, start=(total + index) * WINDOW)
            until(lambda i=index: tick(windows_done(store, total + i + 1)), f"window {total + index}")
        if not daemon.alive:
            daemon.start()
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
    assert min(killer.kills.values()) >= 3

    left, right = calm.store(), wild.store()
    assert left.counts.intake() == right.counts.intake()
    assert left.counts.intake()[STREAM, "file", "stored"] == (QUIET_WINDOWS + DRIFTED_WINDOWS + AFTER_WINDOWS) * WINDOW
    for index in range(QUIET_WINDOWS + DRIFTED_WINDOWS + AFTER_WINDOWS):
        assert left.windows.result(STREAM, index) == right.windows.result(STREAM, index), f"window {index}"
    assert [
        (d.decision.window, d.decision.rule, d.decision.action, d.run) for d in left.decisions.recent(STREAM, limit=100)
    ] == [
        (d.decision.window, d.decision.rule, d.decision.action, d.run) for d in right.decisions.recent(STREAM, limit=100)
    ]
    (first,), (second,) = left.runs.list(stream=STREAM), right.runs.list(stream=STREAM)
    assert first.state is second.state is RunState.KEPT
    assert first.verdicts == second.verdicts
    assert len(right.registry.champions(STREAM)) == 2
    current = (wild.state / "models" / STREAM / "current").resolve()
    champion = right.registry.champion(STREAM)
    assert champion is not None
    assert model_digest(current) == champion.digest
    calm_champion = left.registry.champion(STREAM)
    assert calm_champion is not None
    assert champion.digest == calm_champion.digest
