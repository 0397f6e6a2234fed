"""Starts jobs as services of their own: the daemon may only ask, a dispatcher that systemd starts does it.

A request stays in the spool until the job holds the run's lock, so there is no moment at which a run under way looks
idle: ask for the request first, then for the lock.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import RunError
from driftwatch.domain.protocols import JobStatus
from driftwatch.retrain import locks
from driftwatch.retrain.launchers import spool as requests
from driftwatch.retrain.launchers.spool import Request, Verb

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from driftwatch.domain.run import RunId, RunSpec

log = structlog.get_logger()

PATIENCE = 180.0
"""Seconds until somebody must have taken a request up: longer than the unit's start may take."""

_LAST_WAIT = 30.0
_PAUSE = 0.05
_CURE = "systemctl enable --now driftwatch-dispatch.path"


class SystemdLauncher:
    """Jobs as instances of ``driftwatch-retrain@.service``.

    Args:
        runs: folder of all runs' folders.
        spool: where the dispatcher looks for requests.
        patience: seconds until a request that nobody takes up is an error.
    """

    def __init__(self, runs: Path, *, spool: Path, patience: float = PATIENCE) -> None:
        self._runs = runs
        self._spool = spool
        self._patience = patience

    def launch(self, spec: RunSpec) -> None:
        """Ask for the run's service; a no-op while its job works or is asked for.

        Raises:
            RunError: the spool takes no request.
        """
        folder = self._runs / spec.id
        folder.mkdir(parents=True, exist_ok=True)
        if not locks.is_held(folder):
            self._ask(Request(spec.id, Verb.START))
            log.info("job_asked_for", run=spec.id)

    def poll(self, run: RunId) -> JobStatus:
        """Say whether a job is at work on the run, or asked for.

        Raises:
            RunError: nobody takes requests up.
        """
        asked = requests.asked_at(self._spool, Request(run, Verb.START))
        folder = self._runs / run
        if locks.is_held(folder):
            return JobStatus(running=True, detail=f"driftwatch-retrain@{run}, process {locks.holder(folder)}")
        if asked is None:
            return JobStatus(running=False)
        if (waited := time.time() - asked) > self._patience:
            raise RunError(
                f"nobody has taken up the request for run {run} in {waited:.0f} s",
                where=str(self._spool),
                cure=_CURE,
                retryable=True,
            )
        return JobStatus(running=True, detail=f"driftwatch-retrain@{run} is asked for")

    def cancel(self, run: RunId, *, grace: timedelta) -> None:
        """Ask for the service's stop, and after ``grace`` for its kill; a no-op where none runs.

        Raises:
            RunError: it is still there after the kill.
        """
        folder = self._runs / run
        requests.withdraw(self._spool, Request(run, Verb.START))
        for verb, patience in ((Verb.CANCEL, grace.total_seconds()), (Verb.KILL, _LAST_WAIT)):
            if not locks.is_held(folder):
                break
            self._ask(Request(run, verb))
            self._wait(folder, patience)
        if locks.is_held(folder):
            raise RunError(
                "the job cannot be ended", where=str(folder), cure=f"systemctl kill driftwatch-retrain@{run}"
            )
        for verb in Verb:
            requests.withdraw(self._spool, Request(run, verb))

    def _ask(self, request: Request) -> None:
        try:
            self._spool.mkdir(mode=0o700, parents=True, exist_ok=True)
            requests.put(self._spool, request)
        except OSError as error:
            raise RunError(
                f"the service cannot be asked for: {error.strerror}",
                where=str(self._spool / request.name),
                cure="make room, and let the daemon write there",
                retryable=True,
            ) from error

    @staticmethod
    def _wait(folder: Path, patience: float) -> None:
        deadline = time.monotonic() + patience
        while locks.is_held(folder) and time.monotonic() < deadline:
            time.sleep(_PAUSE)
