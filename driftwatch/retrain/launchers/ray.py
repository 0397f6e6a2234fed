"""Starts jobs on a Ray cluster, through its dashboard's REST interface: the daemon needs no ray of its own.

Ray takes a submission id once, so two daemons that launch the same run at the same time start one job. Ids are never
used again, for Ray may write a job's end after the id was deleted: a run's jobs are numbered. The nodes reach
``state_dir`` (and the configuration) under the same path as the daemon, on storage whose locks hold across hosts.

Source: Ray's documentation, "Ray Jobs REST API" and "Ray Jobs CLI" (stop signals).
"""

from __future__ import annotations

import hashlib
import shlex
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.errors import RunError
from driftwatch.domain.protocols import JobStatus
from driftwatch.retrain import locks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta
    from pathlib import Path

    import httpx

    from driftwatch.domain.run import RunId, RunSpec
    from driftwatch.retrain.launchers.settings import RaySettings

log = structlog.get_logger()

STOP_SECONDS = 20
"""Between Ray's SIGTERM and its SIGKILL; Ray takes it when a job starts, so a later ``grace`` can only be longer."""

NICENESS = 10
_LAST_WAIT = 30.0
_PAUSE = 0.2
_NOT_FOUND = 404
_SHOWN = 300


@dataclass(frozen=True, slots=True)
class _Details:
    """What the dashboard says of a job."""

    status: str
    driver_node_id: str | None = None

    @property
    def active(self) -> bool:
        """Whether it waits for a node or works on one."""
        return self.status in ("PENDING", "RUNNING")


class RayLauncher:
    """Jobs as Ray jobs, whose ids name run and attempt.

    Args:
        runs: folder of all runs' folders, on storage that every node shares.
        config: path of the configuration, likewise.
        settings: of the cluster.
        token: sent as a bearer token; None for a cluster without authentication.
        stop_seconds: between the request to stop and the kill.
    """

    def __init__(
        self,
        runs: Path,
        *,
        config: Path,
        settings: RaySettings,
        token: str | None = None,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        self._runs = runs
        self._config = config
        self._settings = settings
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._stop_seconds = stop_seconds
        self._attempts: dict[str, int] = {}

    def launch(self, spec: RunSpec) -> None:
        """Submit the run's job; a no-op while one is pending or at work.

        Raises:
            RunError: the cluster does not answer (retryable), or refuses the job.
        """
        folder = self._runs / spec.id
        folder.mkdir(parents=True, exist_ok=True)
        attempt, known = self._latest(spec.id)
        if known is not None and known.active:
            return
        answer = self._ask("POST", "/api/jobs/", body=self._submission(spec, folder, attempt + 1))
        if answer.is_success:
            log.info("job_submitted", run=spec.id, submission=self._name(spec.id, attempt + 1))
            return
        _, known = self._latest(spec.id)  # somebody may have been quicker
        if known is None or not known.active:
            raise RunError(f"Ray refused the job: {_said(answer)}", where=self._settings.address)

    def poll(self, run: RunId) -> JobStatus:
        """Say whether a job is pending or at work on the run.

        Raises:
            RunError: the cluster does not answer; may be asked again.
        """
        attempt, known = self._latest(run)
        if known is not None and known.active:
            where = f" on node {known.driver_node_id}" if known.driver_node_id else ""
            return JobStatus(
                running=True, detail=f"Ray job {self._name(run, attempt)} is {known.status.lower()}{where}"
            )
        held = locks.is_held(self._runs / run)  # by a job of a node that the cluster has lost sight of
        return JobStatus(running=held, detail=f"process {locks.holder(self._runs / run)}" if held else "")

    def cancel(self, run: RunId, *, grace: timedelta) -> None:
        """Have Ray stop the job, which kills it after a while; a no-op where none is.

        Raises:
            RunError: it is still there afterwards.
        """
        attempt, known = self._latest(run)
        if known is None or not known.active:
            return
        self._ask("POST", f"{self._path(run, attempt)}/stop")
        deadline = time.monotonic() + max(grace.total_seconds(), self._stop_seconds) + _LAST_WAIT
        while self.poll(run).running:
            if time.monotonic() > deadline:
                cure = f"ray job stop {self._name(run, attempt)}"
                raise RunError("the job cannot be ended", where=self._settings.address, cure=cure)
            time.sleep(_PAUSE)

    def _latest(self, run: str) -> tuple[int, _Details | None]:
        """Return the number of the run's latest job and what is known of it: 0 and None where there is none."""
        attempt = self._attempts.get(run, 0)
        known = self._details(run, attempt) if attempt else None
        if known is None:
            attempt = 0  # a cluster that was started anew has forgotten its jobs
        while (following := self._details(run, attempt + 1)) is not None:
            attempt, known = attempt + 1, following
        self._attempts[run] = attempt
        return attempt, known

    def _submission(self, spec: RunSpec, folder: Path, attempt: int) -> Mapping[str, object]:
        program = shlex.join([*self._settings.command, spec.id, "--config", str(self._config)])
        log_file = shlex.quote(str(folder / "log.jsonl"))
        devices = spec.recipe.devices
        return {
            "submission_id": self._name(spec.id, attempt),
            "entrypoint": f"exec nice -n {NICENESS} {program} < /dev/null >> {log_file} 2>&1",
            "entrypoint_num_cpus": self._settings.cpus * devices,
            "entrypoint_num_gpus": self._settings.gpus * devices,
            "runtime_env": {"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": f"{self._stop_seconds:g}"}},
            "metadata": {"run": spec.id, "stream": spec.stream, "rule": spec.rule, "recipe": spec.recipe.name},
        }

    def _name(self, run: str, attempt: int) -> str:
        """Return the submission id: the run's, and whose run it is where several deployments share a cluster."""
        return f"driftwatch-{run}-{hashlib.sha256(str(self._runs).encode()).hexdigest()[:8]}-{attempt}"

    def _path(self, run: str, attempt: int) -> str:
        return f"/api/jobs/{self._name(run, attempt)}"

    def _details(self, run: str, attempt: int) -> _Details | None:
        answer = self._ask("GET", self._path(run, attempt))
        if answer.status_code == _NOT_FOUND:
            return None
        if not answer.is_success:
            raise RunError(
                f"Ray cannot say how the job is: {_said(answer)}", where=self._settings.address, retryable=True
            )
        try:
            return msgspec.json.decode(answer.content, type=_Details)
        except msgspec.DecodeError as error:
            raise RunError(
                f"this is no answer of Ray's: {error}",
                where=self._settings.address,
                cure="let retrain.ray.address name the cluster's dashboard",
            ) from error

    def _ask(self, method: str, path: str, *, body: Mapping[str, object] | None = None) -> httpx.Response:
        import httpx

        try:
            return httpx.request(
                method,
                self._settings.address.rstrip("/") + path,
                json=body,
                headers=self._headers,
                timeout=self._settings.timeout.total_seconds(),
                trust_env=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RunError(
                f"the Ray cluster does not answer: {error or type(error).__name__}",
                where=self._settings.address,
                cure="start it with ray start --head, and let retrain.ray.address name its dashboard",
                retryable=True,
            ) from error


def _said(answer: httpx.Response) -> str:
    """Return the last line with words of an answer: of Ray's tracebacks, the one for people."""
    lines = [line for line in answer.text.splitlines() if any(map(str.isalnum, line))] or ["nothing"]
    return f"{answer.status_code} {lines[-1][:_SHOWN]}"
