"""What every launcher promises, held by each of them with a real program."""

from __future__ import annotations

import os
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

from driftwatch.domain.errors import ConflictError, RunError
from driftwatch.domain.protocols import Launcher
from driftwatch.domain.run import GateLimits, RunId, RunSpec
from driftwatch.retrain.launchers import ChildLauncher, hold_lock
from driftwatch.retrain.locks import is_held
from driftwatch.retrain.recipe import builtin_recipes

DEADLINE = 20.0
GRACE = timedelta(seconds=10)
MakeLauncher = Callable[[str], Launcher]


def spec(run: str = "run-1") -> RunSpec:
    return RunSpec(
        id=RunId(run),
        stream="support",
        rule="drift",
        window=3,
        first_seq=1,
        last_seq=9,
        reference="r1",
        champion="v1",
        recipe=builtin_recipes()["small"],
        limits=GateLimits(),
    )


def until(condition: Callable[[], bool]) -> None:
    """Wait for the condition, at most until the deadline."""
    end = time.monotonic() + DEADLINE
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < end, "it never came true"
        pause.wait(0.01)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """Give the runs' folder; whatever still works there at the end is killed."""
    yield tmp_path
    for began in tmp_path.glob("*/began"):
        if is_held(began.parent):
            os.kill(int(began.read_text().splitlines()[-1].split()[0]), signal.SIGKILL)
            until(partial(is_free, began.parent))


def is_free(folder: Path) -> bool:
    return not is_held(folder)


@pytest.fixture(params=[ChildLauncher])
def make(request: pytest.FixtureRequest, runs: Path) -> MakeLauncher:
    kind: type[ChildLauncher] = request.param

    def launcher(manner: str = "polite") -> Launcher:
        program = (sys.executable, job_child.__file__, str(runs), manner)
        return kind(runs, config=Path("/etc/driftwatch.toml"), program=program)

    return launcher


def beginnings(runs: Path, run: str = "run-1") -> list[list[str]]:
    file = runs / run / "began"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_a_launched_job_works_and_is_seen(make: MakeLauncher, runs: Path) -> None:
    launcher = make("polite")
    assert not launcher.poll(RunId("run-1")).running
    launcher.launch(spec())
    assert launcher.poll(RunId("run-1")).running, "from the moment that launch returns"
    until(lambda: bool(beginnings(runs)))
    pid, niceness, session, *arguments = beginnings(runs)[0]
    assert pid in launcher.poll(RunId("run-1")).detail
    assert session == pid != str(os.getpid()), "a session of its own"
    assert int(niceness) == min(19, os.nice(0) + 10) or int(niceness) == 10
    assert arguments == ["run-1", "--config", "/etc/driftwatch.toml"]


def test_launching_again_is_a_no_op_while_one_works(make: MakeLauncher, runs: Path) -> None:
    launcher = make("polite")
    for _ in range(3):
        launcher.launch(spec())
    make("polite").launch(spec())
    until(lambda: bool(beginnings(runs)))
    launcher.launch(spec())
    launcher.cancel(RunId("run-1"), grace=GRACE)
    assert len(beginnings(runs)) == 1


def test_many_launchers_at_once_start_one_job(make: MakeLauncher, runs: Path) -> None:
    launchers = [make("polite") for _ in range(8)]
    threads = [threading.Thread(target=launcher.launch, args=(spec(),)) for launcher in launchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: bool(beginnings(runs)))
    make("polite").cancel(RunId("run-1"), grace=GRACE)
    assert len(beginnings(runs)) == 1


def test_a_job_that_ended_can_be_launched_again(make: MakeLauncher, runs: Path) -> None:
    launcher = make("brief")
    for times in (1, 2):
        launcher.launch(spec())
        until(lambda: not launcher.poll(RunId("run-1")).running)
        assert len(beginnings(runs)) == times


def test_a_killed_job_is_seen_as_gone_and_launched_again(make: MakeLauncher, runs: Path) -> None:
    launcher = make("polite")
    launcher.launch(spec())
    until(lambda: bool(beginnings(runs)))
    os.kill(int(beginnings(runs)[0][0]), signal.SIGKILL)
    until(lambda: not launcher.poll(RunId("run-1")).running)
    launcher.launch(spec())
    until(lambda: len(beginnings(runs)) == 2)


def test_runs_are_apart(make: MakeLauncher, runs: Path) -> None:
    launcher = make("polite")
    launcher.launch(spec("run-1"))
    launcher.launch(spec("run-2"))
    until(lambda: bool(beginnings(runs)) and bool(beginnings(runs, "run-2")))
    launcher.cancel(RunId("run-1"), grace=GRACE)
    assert not launcher.poll(RunId("run-1")).running
    assert launcher.poll(RunId("run-2")).running


def test_cancel_asks_first(make: MakeLauncher, runs: Path) -> None:
    launcher = make("polite")
    launcher.launch(spec())
    until(lambda: bool(beginnings(runs)))
    make("polite").cancel(RunId("run-1"), grace=GRACE)
    assert not launcher.poll(RunId("run-1")).running


def test_cancel_kills_who_does_not_listen(make: MakeLauncher, runs: Path) -> None:
    launcher = make("stubborn")
    launcher.launch(spec())
    until(lambda: bool(beginnings(runs)))
    launcher.cancel(RunId("run-1"), grace=timedelta(seconds=0.1))
    assert not launcher.poll(RunId("run-1")).running


def test_cancelling_what_does_not_run_is_a_no_op(make: MakeLauncher) -> None:
    make("polite").cancel(RunId("run-9"), grace=GRACE)


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

    def test_what_the_job_says_goes_to_the_runs_log(self, runs: Path) -> None:
        launcher = ChildLauncher(
            runs, config=Path("c"), program=(sys.executable, job_child.__file__, str(runs), "brief")
        )
        for _ in range(2):
            launcher.launch(spec())
            until(lambda: not launcher.poll(RunId("run-1")).running)
        assert (runs / "run-1" / "log.jsonl").read_text() == "at work\nat work\n"

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
