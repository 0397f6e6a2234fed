"""Whatever fails at whatever moment of a run: nothing half-done is served, and the ledger agrees with what is."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deployment import STREAM, Daemon, Deployment, job_pids, ready, until
from failing import RUN, JobProcess, ask, assert_whole, copy_of, each_state, opened, template
from postgres import Stores

from driftwatch.daemon.supervisor import Supervisor
from driftwatch.domain.errors import ConflictError
from driftwatch.domain.run import Run, RunState
from driftwatch.retrain.launchers import ChildLauncher
from driftwatch.store import Store
from driftwatch.wiring import SystemClock

pytestmark = pytest.mark.slow
WORKING = (
    RunState.QUEUED,
    RunState.COLLECTING,
    RunState.PROBING,
    RunState.TRAINING,
    RunState.JUDGING,
    RunState.PROMOTING,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Deployment:
    return template(tmp_path_factory.mktemp("original") / "here", stores)


@pytest.fixture
def deployment(original: Deployment, tmp_path: Path) -> Deployment:
    return copy_of(original, tmp_path / "here")


@pytest.fixture
def store(deployment: Deployment) -> Iterator[Store]:
    with opened(deployment) as store:
        yield store


def test_a_job_killed_in_every_state_ends_as_if_it_had_not_been(deployment: Deployment, store: Store) -> None:
    ask(store)
    killed: list[RunState] = []
    with JobProcess(deployment) as job:

        def kill(run: Run) -> None:
            job.kill()
            killed.append(run.state)
            assert_whole(deployment, store)
            job.start()

        end = each_state(store, kill)
        assert job.wait() == 0
    assert end.state is RunState.KEPT
    assert {RunState.QUEUED, RunState.PROBING, RunState.TRAINING, RunState.JUDGING, RunState.PROMOTING} <= set(killed)
    champion = store.registry.champion(STREAM)
    assert champion is not None
    assert champion.run == RUN
    assert len(store.registry.champions(STREAM)) == 2
    assert_whole(deployment, store)


def test_a_daemon_killed_in_every_state_goes_on_with_the_run(deployment: Deployment, store: Store) -> None:
    ask(store)
    killed: list[RunState] = []
    with Daemon(deployment) as daemon:

        def kill(run: Run) -> None:
            daemon.kill()
            killed.append(run.state)
            assert_whole(deployment, store)
            assert len(job_pids(deployment)) <= 1
            daemon.start()

        end = each_state(store, kill)
        until(lambda: ready(deployment), "the daemon to be ready")
        assert daemon.stop() == 0
    assert end.state is RunState.KEPT
    assert {RunState.QUEUED, RunState.TRAINING} <= set(killed)
    assert [moved.state for moved in end.transitions] == [*WORKING, RunState.KEPT], "each once"
    assert_whole(deployment, store)


def supervisor(deployment: Deployment, store: Store) -> Supervisor:
    launcher = ChildLauncher(deployment.state / "runs", config=deployment.config)
    return Supervisor(store, launcher, receivers=lambda: (), clock=SystemClock())


@pytest.mark.parametrize("state", ["queued", "collecting", "probing", "training", "judging", "awaiting-approval"])
def test_cancelled_in_a_state(deployment: Deployment, store: Store, state: str) -> None:
    ask(store, approve=True)
    tending = supervisor(deployment, store)

    def cancel(run: Run) -> None:
        if run.state is RunState.QUEUED:
            tending.tend()
        if run.state == state:
            store.runs.request_cancel(RUN)
            tending.tend()

    end = each_state(store, cancel)
    if end.state is RunState.AWAITING_APPROVAL:
        cancel(end)
    until(lambda: None if store.runs.get(RUN).state is not RunState.CANCELLED else True, "the cancel", seconds=30)
    until(lambda: None if job_pids(deployment) else True, "the job's end", seconds=30)
    tending.tend()
    assert store.runs.get(RUN).state is RunState.CANCELLED, "it stays so"
    assert_whole(deployment, store)
    with pytest.raises(ConflictError, match="cancelled"):
        store.runs.request_cancel(RUN)


def test_a_promotion_cannot_be_cancelled(deployment: Deployment, store: Store) -> None:
    ask(store, approve=True)
    with JobProcess(deployment):
        assert each_state(store, lambda _: None).state is RunState.AWAITING_APPROVAL
    store.runs.move(RUN, to=RunState.PROMOTING, reason="approved by a test")
    with pytest.raises(ConflictError, match="promoting"):
        store.runs.request_cancel(RUN)
    with JobProcess(deployment) as job:
        assert job.wait() == 0
    assert store.runs.get(RUN).state is RunState.KEPT
    with pytest.raises(ConflictError, match="kept"):
        store.runs.request_cancel(RUN)
    assert_whole(deployment, store)


@pytest.mark.parametrize("damage", ["missing", "half the weights", "a flipped byte"])
def test_a_champion_that_is_not_as_promoted_fails_the_run(deployment: Deployment, store: Store, damage: str) -> None:
    ask(store)
    champion = store.registry.champion(STREAM)
    assert champion is not None
    folder = deployment.state / "models" / STREAM / champion.version
    kept = deployment.folder / "kept"
    shutil.copytree(folder, kept)
    damaged(folder, damage)
    with JobProcess(deployment) as job:
        assert job.wait() == 0
    run = store.runs.get(RUN)
    assert run.state is RunState.FAILED
    reason = run.transitions[-1].reason
    assert "the model to retrain is missing or damaged" in reason
    assert "restore its folder from a backup" in reason
    shutil.rmtree(folder, ignore_errors=True)
    kept.rename(folder)
    assert_whole(deployment, store)


def damaged(folder: Path, how: str) -> None:
    weights = folder / "model.safetensors"
    if how == "missing":
        shutil.rmtree(folder)
    elif how == "half the weights":
        os.truncate(weights, weights.stat().st_size // 2)
    else:
        content = bytearray(weights.read_bytes())
        content[-9] ^= 64
        weights.write_bytes(content)


def test_a_candidate_that_does_not_load_is_never_promoted(deployment: Deployment, store: Store) -> None:
    ask(store)
    with JobProcess(deployment) as job:

        def damage(run: Run) -> None:
            if run.state is RunState.JUDGING:
                job.kill()
                merged, trained = (deployment.state / "runs" / RUN / name for name in ("candidate-1", "trained-1"))
                damaged(merged if merged.exists() else trained, "half the weights")
                job.start()

        end = each_state(store, damage)
    assert end.state in (RunState.FAILED, RunState.REJECTED)
    assert len(store.registry.champions(STREAM)) == 1
    assert_whole(deployment, store)


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root")
def test_a_full_disk_holds_a_run_up_and_no_more(original: Deployment, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        deployment = copy_of(original, disk / "here")
        waited: dict[RunState, int] = {}
        with opened(deployment) as store:
            ask(store)
            job = JobOnFullDisk(deployment, log_file=tmp_path / "job.log")
            with job:

                def fill(run: Run) -> None:
                    before = job.waits
                    with no_room(disk):
                        end = time.monotonic() + 60
                        while job.waits == before and store.runs.get(RUN).state is run.state:
                            assert time.monotonic() < end, f"neither waiting nor done: {run.state}"
                            assert job.alive, job.log.read_text()[-2_000:]
                            time.sleep(0.01)
                        assert_whole(deployment, store)
                    waited[run.state] = job.waits - before

                end = each_state(store, fill)
                assert job.wait() == 0
            assert end.state is RunState.KEPT
            assert waited[RunState.TRAINING] > 0
            assert waited[RunState.PROMOTING] > 0
            assert_whole(deployment, store)


class JobOnFullDisk(JobProcess):
    """A job that logs to another disk."""

    def __init__(self, deployment: Deployment, *, log_file: Path) -> None:
        super().__init__(deployment, log=log_file)

    @property
    def waits(self) -> int:
        return self.log.read_text().count("waiting_for_room")


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def no_room(disk: Path) -> Iterator[None]:
    """Fill the disk while the block runs."""
    ballast = disk / "ballast"
    try:
        with ballast.open("wb", buffering=0) as file:
            for size in (2**20, 2**12):
                try:
                    while file.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue
        yield
    finally:
        ballast.unlink()


def test_runs_wait_for_each_other(deployment: Deployment, store: Store) -> None:
    """Two runs asked for at once: one works, the other waits and says so."""
    ask(store)
    second = type(RUN)("docs-w0000004")
    ask(store, second)
    tending = supervisor(deployment, store)
    tending.tend()
    until(lambda: job_pids(deployment) or None, "the first run's job")
    tending.tend()
    assert len(job_pids(deployment)) == 1
    waiting = store.runs.get(second)
    assert waiting.state is RunState.QUEUED
    assert waiting.progress is not None
    assert waiting.progress.stage == "waiting for a slot, place in the queue"
    assert (waiting.progress.done, waiting.progress.total) == (1, 1)
    store.runs.request_cancel(RUN)
    tending.tend()
    tending.tend()
    assert ChildLauncher(deployment.state / "runs", config=deployment.config).poll(second).running
    store.runs.request_cancel(second)
    tending.tend()
    assert_whole(deployment, store)
