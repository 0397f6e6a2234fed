"""Starts jobs as detached children that outlive the daemon."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.domain.protocols import JobStatus
from driftwatch.retrain import locks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from pathlib import Path

    from driftwatch.domain.run import RunId, RunSpec

log = structlog.get_logger()

JOB = (sys.executable, "-m", "driftwatch", "job")
"""The program that works on a run; it gets the run's id, ``--config`` and the configuration's path."""

NICENESS = 10
_LOCK_FD = 3
_OURS = (
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
)  # what the service manager wants to hear from the daemon only
_PAUSE = 0.05
_LAST_WAIT = 5.0


class ChildLauncher:
    """Jobs as children in sessions of their own: idle priority, output to the run's log, alive without their parent.

    The launcher takes the run's lock and hands it to the child with its descriptor, so there is no moment in which a
    second launch could start a second job.

    Args:
        runs: folder of all runs' folders.
        config: path of the configuration.
        program: what to start.
        niceness: added to the child's scheduling priority.
    """

    def __init__(self, runs: Path, *, config: Path, program: Sequence[str] = JOB, niceness: int = NICENESS) -> None:
        self._runs = runs
        self._config = config
        self._program = tuple(program)
        self._niceness = niceness
        self._children: set[int] = set()

    def launch(self, spec: RunSpec) -> None:
        """Make sure that one job process works on the run; a no-op while one does.

        Raises:
            RunError: the program cannot be started; retryable where there is no room for its lock.
        """
        self._reap()
        folder = self._runs / spec.id
        try:
            descriptor = locks.prepare(folder)
        except OSError as error:
            what = f"the job cannot be started: {error.strerror}"
            raise RunError(what, where=str(folder), cure="make room", retryable=True) from error
        if descriptor is None:
            return
        try:
            pid = self._start(spec.id, folder, descriptor)
            locks.sign(descriptor, pid)
        finally:
            os.close(descriptor)
        self._children.add(pid)
        log.info("job_started", run=spec.id, pid=pid)

    def poll(self, run: RunId) -> JobStatus:
        """Say whether a job process is at work on the run."""
        self._reap()
        folder = self._runs / run
        if not locks.is_held(folder):
            return JobStatus(running=False)
        return JobStatus(running=True, detail=f"process {locks.holder(folder) or 'unknown'}")

    def cancel(self, run: RunId, *, grace: timedelta) -> None:
        """Ask the job to stop, kill it and its children after ``grace``; a no-op where none runs.

        Raises:
            RunError: it is still there after the kill.
        """
        folder = self._runs / run
        for number, patience in ((signal.SIGTERM, grace.total_seconds()), (signal.SIGKILL, _LAST_WAIT)):
            if not locks.is_held(folder):
                return
            _tell(locks.holder(folder), number)
            self._wait(folder, patience)
        if locks.is_held(folder):
            raise RunError("the job cannot be ended", where=str(folder), cure="end its process by hand")

    def _start(self, run: RunId, folder: Path, descriptor: int) -> int:
        command = [*self._program, run, "--config", str(self._config)]
        try:
            pid = os.posix_spawnp(
                command[0],
                command,
                _environment(),
                file_actions=_descriptors(folder / "log.jsonl", descriptor),
                setsid=True,
            )
        except OSError as error:
            raise RunError(f"the job cannot be started: {error.strerror}", where=command[0]) from error
        with suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PROCESS, pid, self._niceness)
        return pid

    def _wait(self, folder: Path, patience: float) -> None:
        deadline = time.monotonic() + patience
        while locks.is_held(folder) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        self._reap()

    def _reap(self) -> None:
        """Collect children that ended, so that none stays as a zombie."""
        self._children = {pid for pid in self._children if _is_child(pid)}


def _environment() -> dict[str, str]:
    passed_on = {name: value for name, value in os.environ.items() if name not in _OURS}
    return {**passed_on, locks.INHERITED: str(_LOCK_FD)}


def _descriptors(output: Path, lock: int) -> list[tuple[int, int, int] | tuple[int, int, str, int, int]]:
    """Say what the child's descriptors are: nothing to read, the run's log to write to, and the lock."""
    return [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644),
        (os.POSIX_SPAWN_DUP2, 1, 2),
        (os.POSIX_SPAWN_DUP2, lock, _LOCK_FD),
    ]


def _is_child(pid: int) -> bool:
    """Whether the process is a child of ours that has not ended; one that has is collected."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False


def _tell(pid: int | None, number: signal.Signals) -> None:
    """Send the signal to the job; a kill also reaches what it started."""
    if pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    if number is signal.SIGKILL:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
