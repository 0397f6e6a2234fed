"""The daemon's end of the analysis worker: starts it, asks it, notices its death, starts another."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import msgspec
import structlog

from driftwatch.domain.analysis import Analysis, AnalysisRequest, Answer
from driftwatch.domain.errors import DriftwatchError, WorkerError
from driftwatch.frames import receive, send

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

_STOP_GRACE_SECONDS = 10


class WorkerRefusedError(DriftwatchError):
    """The worker named a cause: asking again is no use before somebody cures it."""


class WorkerChild:
    """Holds at most one worker process; ``assess`` is called from one thread at a time.

    Args:
        config: file handed to the child.
        threads: of numpy's products in it. On more than there is work for they wait for one another at full speed:
            evidence costs twice the CPU time on two threads for the same figures.
    """

    def __init__(self, config: Path, *, threads: int) -> None:
        self._config = config
        self._environment = {"OPENBLAS_NUM_THREADS": str(threads)} | os.environ
        self._process: subprocess.Popen[bytes] | None = None
        self._decoder = msgspec.msgpack.Decoder(Answer)
        self._starting = threading.Lock()
        self._stopped = False
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Process id of the living worker."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def stopped(self) -> bool:
        """Whether the worker was ended on purpose."""
        return self._stopped

    def assess(self, request: AnalysisRequest) -> Analysis:
        """Have one window assessed.

        Raises:
            WorkerError: the worker died; the same request may succeed with the next one.
            WorkerRefusedError: the request cannot succeed until its cause is cured.
        """
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise WorkerError("the analysis worker has no pipes")
        try:
            send(process.stdin, request)
            body = receive(process.stdout)
        except OSError:
            body = None
        if body is None:
            raise self._death(process)
        answer = self._decoder.decode(body)
        if answer.refusal is not None:
            raise WorkerRefusedError(answer.refusal.what, where=answer.refusal.where, cure=answer.refusal.cure)
        if answer.analysis is None:
            raise WorkerError("the analysis worker answered nothing")
        return answer.analysis

    def stop(self) -> None:
        """End the worker for good; a request in progress fails with ``WorkerError``."""
        with self._starting:
            self._stopped = True
            process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._stopped:
                raise WorkerError("the analysis worker is being stopped")
            if self._process is None or self._process.poll() is not None:
                if self._process is not None:
                    self._close(self._process)
                    self.restarts += 1
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "driftwatch", "worker", "--config", str(self._config)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=self._environment,
                )
                log.info("worker_started", pid=self._process.pid, restarts=self.restarts)
            return self._process

    def _death(self, process: subprocess.Popen[bytes]) -> WorkerError:
        try:
            code = process.wait(_STOP_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        log.warning("worker_died", how=how, pid=process.pid)
        return WorkerError(f"the analysis worker died ({how})", cure="its log lines before this one say why")

    @staticmethod
    def _close(process: subprocess.Popen[bytes]) -> None:
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    log.debug("worker_pipe_was_broken", pid=process.pid)
