"""Kill −9 of daemon, worker and job at many moments: nothing lost, nothing done twice, nothing half."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
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
from postgres import Stores

from driftwatch.daemon.supervisor import MOST_LAUNCHES
from driftwatch.domain.run import COST, RunState
from driftwatch.features.model import model_digest
from driftwatch.retrain.dataset import load_mix
from driftwatch.retrain.folders import file_hashes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from driftwatch.domain.drift import WindowResult
    from driftwatch.store import Store

T = TypeVar("T")
KILLS = 20
SHARES = {"daemon": 9, "worker": 8, "job": 6}
QUIET_WINDOWS, DRIFTED_WINDOWS, AFTER_WINDOWS = 3, 4, 3
pytestmark = [pytest.mark.slow, pytest.mark.both_stores]


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
        self._deaths: Counter[tuple[RunState, int, int]] = Counter()

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    def maybe(self) -> None:
        """Kill now if it is time.

        A worker's third death on the same texts is left out, since it would set them aside; and a job's fourth without
        progress, since the run would be given up where a job takes longer to begin than to be killed.
        """
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
            self._deaths[self._mark()] += kind == "job"
        self._due_at = self._next()

    def kill_daemon(self) -> None:
        self._daemon.kill()
        self._daemon.start()
        self.kills["daemon"] += 1

    def _victims(self) -> dict[str, list[int]]:
        jobs = job_pids(self._daemon.deployment) if self._deaths[self._mark()] < MOST_LAUNCHES - 2 else []
        if self._store.windows.position(STREAM).attempts > 1:
            return {"job": jobs}
        workers = [pid for pid in children(self._daemon.pid) if pid not in job_pids(self._daemon.deployment)]
        return {"daemon": [self._daemon.pid], "worker": workers, "job": jobs}

    def _mark(self) -> tuple[RunState, int, int]:
        """Return how far the run is, as whoever gives it up sees it."""
        run = next(iter(self._store.runs.list(stream=STREAM)), None)
        if run is None:
            return RunState.QUEUED, 0, 0
        return run.state, run.round, run.progress.done if run.progress else 0

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


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """A deployment that never ran."""
    return deploy(tmp_path_factory.mktemp("stock") / "here")


@pytest.fixture(scope="module")
def calm(stock: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """One that ran undisturbed, on SQLite, whatever the wild one's store is."""
    played = twin(stock, tmp_path_factory.mktemp("calm") / "here")
    play(played, seed=None)
    return played


def test_a_killed_deployment_ends_like_an_undisturbed_one(
    stock: Deployment, calm: Deployment, tmp_path: Path, stores: Stores
) -> None:
    wild = twin(stock, tmp_path / "wild", stores)
    killer = play(wild, seed=3)
    assert killer is not None
    print("kills:", killer.kills)
    assert killer.total >= KILLS
    assert min(killer.kills.values()) >= 2

    left, right = calm.store(), wild.store()
    assert left.counts.intake()[STREAM, "file", "stored"] == (QUIET_WINDOWS + DRIFTED_WINDOWS + AFTER_WINDOWS) * WINDOW
    assert first_difference(calm, wild) is None
    (run,) = right.runs.list(stream=STREAM)
    assert run.state is RunState.KEPT
    assert len(right.registry.champions(STREAM)) == 2
    champion = right.registry.champion(STREAM)
    assert champion is not None
    assert model_digest((wild.state / "models" / STREAM / "current").resolve()) == champion.digest


def first_difference(calm: Deployment, wild: Deployment) -> str | None:
    """Name the first thing, in the order in which they come about, that two deployments do not share."""
    for name, look in WATCHED.items():
        left, right = look(calm), look(wild)
        for key in sorted({*left, *right}):
            if left.get(key) != right.get(key):
                return f"{name}, {key}: {left.get(key)} in the calm one, {right.get(key)} in the wild one"
    return None


def _of_store(look: Callable[[Store], Mapping[str, object]]) -> Callable[[Deployment], Mapping[str, object]]:
    def looked(deployment: Deployment) -> Mapping[str, object]:
        store = deployment.store()
        try:
            return look(store)
        finally:
            store.close()

    return looked


def _texts(store: Store) -> dict[str, object]:
    window = store.texts.window(STREAM, after_seq=0, limit=10_000)
    texts = (stored.text for stored in window)
    return {f"{place:06d}": (text.id, text.body, text.seen_at) for place, text in enumerate(texts, 1)}


def _places(store: Store) -> dict[int, int]:
    """Return each text's place by its number: what a killed transaction drew of a PostgreSQL's numbers is gone."""
    window = store.texts.window(STREAM, after_seq=0, limit=10_000)
    return {stored.seq: place for place, stored in enumerate(window, 1)}


def _windows(store: Store) -> dict[str, object]:
    indices, places = range(store.windows.position(STREAM).index), _places(store)
    return {f"{index:06d}": _placed(store.windows.result(STREAM, index), places) for index in indices}


def _placed(result: WindowResult | None, places: Mapping[int, int]) -> WindowResult | None:
    if result is None or places == {place: place for place in places}:
        return result
    onset = result.onset
    if onset is not None:
        onset = replace(onset, seq=places[onset.seq], texts=places[result.last_seq] - places[onset.seq] + 1)
    return replace(result, first_seq=places[result.first_seq], last_seq=places[result.last_seq], onset=onset)


def _specs(store: Store) -> dict[str, object]:
    places = _places(store)
    specs = (run.spec for run in store.runs.list(stream=STREAM))
    return {spec.id: replace(spec, first_seq=places[spec.first_seq], last_seq=places[spec.last_seq]) for spec in specs}


def _data(deployment: Deployment) -> dict[str, object]:
    """Return every text of the run's data by its part and place."""
    (folder,) = (deployment.state / "runs").glob("*/data")
    mix = load_mix(folder)
    parts = {
        "train": mix.train,
        "select": mix.select,
        "judge": mix.judge,
        "remembered": mix.remembered,
        "canaries": mix.canaries,
    }
    return {f"{part} {at:06d}": text.body for part, texts in parts.items() for at, text in enumerate(texts)}


def _candidates(deployment: Deployment) -> dict[str, object]:
    """Return the files of every round's candidate by their content."""
    folders = sorted((deployment.state / "runs").glob("*/candidate-*"))
    return {f"{folder.name}/{name}": at for folder in folders for name, at in file_hashes(folder).items()}


WATCHED: Mapping[str, Callable[[Deployment], Mapping[str, object]]] = {
    "the champion's files": lambda deployment: file_hashes(deployment.folder / "champion"),
    "texts taken in": _of_store(lambda store: {" ".join(key): n for key, n in store.counts.intake().items()}),
    "text": _of_store(_texts),
    "window": _of_store(_windows),
    "decision": _of_store(lambda store: {f"{at:06d}": each for at, each in enumerate(taken(store))}),
    "run": _of_store(_specs),
    "the run's data": _data,
    "the run's candidates": _candidates,
    "the run's end": _of_store(lambda store: {run.spec.id: run.state for run in store.runs.list(stream=STREAM)}),
    "verdict": _of_store(
        lambda store: {
            f"{verdict.round} {verdict.gate}": verdict
            for run in store.runs.list(stream=STREAM)
            for verdict in run.verdicts
            if verdict.gate != COST  # hours may differ
        }
    ),
    "serving model": _of_store(lambda store: {each.version: each.digest for each in store.registry.champions(STREAM)}),
}
"""Everything that two deployments of the same script must share, in the order in which it comes about."""
