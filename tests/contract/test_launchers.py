"""What every launcher promises, held by each of them with a real program."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import job_child
import pytest
from launching import BENCHES, Bench, missing
from run_samples import run_spec

from driftwatch.domain.errors import ConflictError, RunError
from driftwatch.domain.run import RunId, RunSpec
from driftwatch.retrain.launchers import ChildLauncher, RayLauncher, RaySettings, SystemdLauncher, hold_lock
from driftwatch.retrain.locks import is_held
from driftwatch.retrain.recipe import builtin_recipes

DEADLINE = 180.0
GRACE = timedelta(seconds=60)


def spec(run: str = "run-1") -> RunSpec:
    return run_spec(run, recipe=builtin_recipes()["small"])


def until(condition: Callable[[], bool]) -> None:
    """Wait for the condition, at most until the deadline."""
    end = time.monotonic() + DEADLINE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.01)


@pytest.fixture(scope="module", autouse=True)
def importable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        yield


@pytest.fixture(scope="module", params=list(BENCHES))
def kind(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench of each kind, made once: a systemd boots in a second, a cluster in ten."""
    if reason := missing(request.param):
        pytest.skip(reason)
    with BENCHES[request.param](tmp_path_factory.mktemp(request.param)) as bench:
        yield bench


@pytest.fixture
def bench(kind: Bench) -> Iterator[Bench]:
    """Give a bench without runs; whatever still works there at the end is killed."""
    yield kind
    for began in kind.runs.glob("*/began"):
        run = began.parent.name
        if is_held(began.parent):
            kind.end(int(kind.beginnings(run)[-1][0]))
        until(partial(is_idle, kind, run))
        shutil.rmtree(began.parent)


def is_idle(bench: Bench, run: str) -> bool:
    return not bench.make("polite").poll(RunId(run)).running


def test_a_launched_job_works_and_is_seen(bench: Bench) -> None:
    launcher = bench.make("polite")
    assert not launcher.poll(RunId("run-1")).running
    launcher.launch(spec())
    assert launcher.poll(RunId("run-1")).running, "from the moment that launch returns"
    until(lambda: bool(bench.beginnings()))
    pid, niceness, session, *arguments = bench.beginnings()[0]
    assert launcher.poll(RunId("run-1")).running
    assert session == pid != str(os.getpid()), "a session of its own"
    assert int(niceness) in (10, min(19, os.nice(0) + 10))
    assert arguments == ["run-1", "--config", "/etc/driftwatch.toml"]


def test_a_job_looks_under_way_until_it_ended(bench: Bench) -> None:
    """No moment between asking and beginning in which it looks idle, for it would be asked for again."""
    launcher = bench.make("polite")
    launcher.launch(spec())
    while not bench.beginnings():
        assert launcher.poll(RunId("run-1")).running


def test_launching_again_is_a_no_op_while_one_works(bench: Bench) -> None:
    launcher = bench.make("polite")
    for _ in range(3):
        launcher.launch(spec())
    bench.make("polite").launch(spec())
    until(lambda: bool(bench.beginnings()))
    launcher.launch(spec())
    launcher.cancel(RunId("run-1"), grace=GRACE)
    assert len(bench.beginnings()) == 1


def test_two_daemons_and_many_threads_at_once_start_one_job(bench: Bench) -> None:
    launchers = [bench.make("polite") for _ in range(8)]
    threads = [threading.Thread(target=launcher.launch, args=(spec(),)) for launcher in launchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: bool(bench.beginnings()))
    bench.make("polite").cancel(RunId("run-1"), grace=GRACE)
    assert len(bench.beginnings()) == 1


def test_a_job_that_ended_can_be_launched_again(bench: Bench) -> None:
    launcher = bench.make("brief")
    for times in (1, 2):
        launcher.launch(spec())
        until(lambda: not launcher.poll(RunId("run-1")).running)
        assert len(bench.beginnings()) == times
    assert (bench.runs / "run-1" / "log.jsonl").read_text() == "at work\nat work\n", (
        "what it says goes to the run's log"
    )


def test_a_killed_job_is_seen_as_gone_and_launched_again(bench: Bench) -> None:
    launcher = bench.make("polite")
    launcher.launch(spec())
    until(lambda: bool(bench.beginnings()))
    bench.end(int(bench.beginnings()[0][0]))
    until(lambda: not launcher.poll(RunId("run-1")).running)
    launcher.launch(spec())
    until(lambda: len(bench.beginnings()) == 2)


def test_runs_are_apart(bench: Bench) -> None:
    launcher = bench.make("polite")
    launcher.launch(spec("run-1"))
    launcher.launch(spec("run-2"))
    until(lambda: bool(bench.beginnings()) and bool(bench.beginnings("run-2")))
    launcher.cancel(RunId("run-1"), grace=GRACE)
    assert not launcher.poll(RunId("run-1")).running
    assert launcher.poll(RunId("run-2")).running


def test_cancel_asks_first(bench: Bench) -> None:
    launcher = bench.make("polite")
    launcher.launch(spec())
    until(lambda: bool(bench.beginnings()))
    bench.make("polite").cancel(RunId("run-1"), grace=GRACE)
    assert not launcher.poll(RunId("run-1")).running


def test_cancel_kills_who_does_not_listen(bench: Bench) -> None:
    launcher = bench.make("stubborn")
    launcher.launch(spec())
    until(lambda: bool(bench.beginnings()))
    launcher.cancel(RunId("run-1"), grace=timedelta(seconds=0.1))
    assert not launcher.poll(RunId("run-1")).running


def test_cancelling_what_does_not_run_is_a_no_op(bench: Bench) -> None:
    bench.make("polite").cancel(RunId("run-9"), grace=GRACE)


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """Give the runs' folder; whatever still works there at the end is killed."""
    yield tmp_path
    for began in tmp_path.glob("*/began"):
        if is_held(began.parent):
            os.kill(int(began.read_text().splitlines()[-1].split()[0]), signal.SIGKILL)
            until(lambda folder=began.parent: not is_held(folder))  # type: ignore[misc]


def beginnings(runs: Path) -> list[str]:
    file = runs / "run-1" / "began"
    return file.read_text().splitlines() if file.exists() else []


class TestChildLauncher:
    """What only the detached child promises."""

    def test_the_job_outlives_its_launcher(self, runs: Path) -> None:
        (runs / "run-1").mkdir()
        program = f"""
import sys; sys.path[:0] = {sys.path!r}
from pathlib import Path
from test_launchers import ChildLauncher, spec
ChildLauncher(Path({str(runs)!r}), config=Path("c"),
    program=(sys.executable, {job_child.__file__!r}, {str(runs)!r}, "polite")).launch(spec())
"""
        subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True, env={**os.environ})
        until(lambda: bool(beginnings(runs)))
        launcher = ChildLauncher(runs, config=Path("c"))
        assert launcher.poll(RunId("run-1")).running
        launcher.launch(spec())
        launcher.cancel(RunId("run-1"), grace=GRACE)
        assert len(beginnings(runs)) == 1

    def test_a_program_that_cannot_be_started(self, runs: Path) -> None:
        launcher = ChildLauncher(runs, config=Path("c"), program=("/nowhere/driftwatch",))
        with pytest.raises(RunError, match="cannot be started: No such file"):
            launcher.launch(spec())
        assert not launcher.poll(RunId("run-1")).running

    def test_a_second_holder_is_told_who_holds_the_lock(self, runs: Path) -> None:
        with hold_lock(runs / "run-1"):
            with pytest.raises(ConflictError, match=f"process {os.getpid()} is already at work"):
                hold_lock(runs / "run-1").__enter__()
            assert is_held(runs / "run-1")
        assert not is_held(runs / "run-1")

    def test_a_lock_descriptor_of_something_else_is_not_taken_for_the_lock(
        self, runs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with (runs / "other").open("w") as other:
            monkeypatch.setenv("DRIFTWATCH_LOCK_FD", str(other.fileno()))
            with hold_lock(runs / "run-1"):
                assert is_held(runs / "run-1")
            other.write("still open")


class TestSystemdLauncher:
    """What only the spool promises."""

    def test_a_request_that_nobody_takes_up_is_told(self, runs: Path) -> None:
        launcher = SystemdLauncher(runs, spool=runs / "spool", patience=60)
        launcher.launch(spec())
        assert launcher.poll(RunId("run-1")).detail == "driftwatch-retrain@run-1 is asked for"
        os.utime(runs / "spool" / "run-1.request", (0, 0))
        with pytest.raises(RunError, match=r"nobody has taken up.*systemctl enable --now driftwatch-dispatch.path"):
            launcher.poll(RunId("run-1"))
        launcher.cancel(RunId("run-1"), grace=GRACE)
        assert list((runs / "spool").iterdir()) == []

    def test_a_spool_that_takes_nothing_is_told(self, runs: Path) -> None:
        (runs / "spool").write_text("a file")
        with pytest.raises(RunError, match="cannot be asked for"):
            SystemdLauncher(runs, spool=runs / "spool").launch(spec())


class TestRayLauncher:
    """What only the cluster promises."""

    def test_a_cluster_that_does_not_answer_is_told(self, runs: Path) -> None:
        launcher = RayLauncher(runs, config=Path("c"), settings=RaySettings(address="http://127.0.0.1:9"))
        with pytest.raises(RunError, match="does not answer") as caught:
            launcher.launch(spec())
        assert caught.value.retryable

    @pytest.mark.parametrize("kind", ["ray"], indirect=True)
    def test_jobs_go_where_there_is_room(self, kind: Bench) -> None:
        launcher = kind.make("polite")
        for run in ("run-1", "run-2"):
            launcher.launch(spec(run))
        until(lambda: bool(kind.beginnings()) and bool(kind.beginnings("run-2")))
        nodes = {launcher.poll(RunId(run)).detail.rpartition(" ")[2] for run in ("run-1", "run-2")}
        assert len(nodes) == 2, "each node has one processor"
        for run in ("run-1", "run-2"):
            launcher.cancel(RunId(run), grace=GRACE)
