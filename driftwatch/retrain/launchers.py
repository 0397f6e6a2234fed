"""Starts jobs as detached children that outlive the daemon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.domain.protocols import JobStatus
from driftwatch.retrain import locks
from driftwatch.retrain.locks import hold_lock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from pathlib import Path

    from driftwatch.domain.run import RunId, RunSpec

__all__ = ["JOB", "ChildLauncher", "hold_lock"]

log = structlog.get_logger()

JOB = (sys.executable, "-m", "driftwatch", "job")
"""The program that works on a run; it gets the run's id, ``--config`` and the configuration's path."""

NICENESS = 10
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
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def launch(self, spec: RunSpec) -> None:
        """Make sure that one job process works on the run; a no-op while one does.

        Raises:
            RunError: the program cannot be started.
        """
        self._reap()
        folder = self._runs / spec.id
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = locks.take(folder)
        if descriptor is None:
            return
        try:
            child = self._start(spec.id, folder, descriptor)
            locks.sign(descriptor, child.pid)
        finally:
            os.close(descriptor)
        self._children[spec.id] = child
        log.info("job_started", run=spec.id, pid=child.pid)

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

    def _start(self, run: RunId, folder: Path, descriptor: int) -> subprocess.Popen[bytes]:
        command = [*self._program, run, "--config", str(self._config)]
        try:
            with (folder / "log.jsonl").open("ab") as output:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, locks.INHERITED: str(descriptor)},
                    pass_fds=(descriptor,),
                    start_new_session=True,
                )
        except OSError as error:
            raise RunError(f"the job cannot be started: {error.strerror}", where=command[0]) from error
        with suppress(ProcessLookupError, PermissionError):
            os.setpriority(os.PRIO_PROCESS, child.pid, self._niceness)
        return child

    def _wait(self, folder: Path, patience: float) -> None:
        deadline = time.monotonic() + patience
        while locks.is_held(folder) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
        self._reap()

    def _reap(self) -> None:
        """Collect children that ended, so that none stays as a zombie."""
        self._children = {run: child for run, child in self._children.items() if child.poll() is None}


def _tell(pid: int | None, number: signal.Signals) -> None:
    """Send the signal to the job; a kill also reaches what it started."""
    if pid is None:
        return
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    if number is signal.SIGKILL:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)
