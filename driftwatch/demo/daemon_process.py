"""The real daemon as a child of the demo, and the driftwatch command as a user calls it."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.demo.workspace import Workspace

T = TypeVar("T")
_POLL_SECONDS = 0.25


class DaemonProcess:
    """``driftwatch run`` on the workspace; use as a context manager.

    Args:
        workspace: whose configuration it runs.
        keep: leave it running at the end.
    """

    def __init__(self, workspace: Workspace, *, keep: bool = False) -> None:
        self._workspace = workspace
        self._keep = keep
        self.log = workspace.folder / "daemon.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                _command("run", "--config", str(self._workspace.config)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=self._keep,
            )
        return self

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is not None and not self._keep:
            process.terminate()
            process.wait(30)

    @property
    def pid(self) -> int:
        """The daemon's process id."""
        return self._process.pid if self._process else 0

    def await_ready(self, *, seconds: float = 60) -> None:
        """Return once ``/-/ready`` says so."""
        self.until(self._ready, "the daemon to be ready", seconds=seconds)

    def until(
        self,
        ask: Callable[[], T | None],
        what: str,
        *,
        seconds: float,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> T:
        """Ask again and again until the answer is not None.

        Raises:
            DriftwatchError: the daemon ended, or the time is over.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (answer := ask()) is not None:
                return answer
            if self._process is not None and self._process.poll() is not None:
                raise DriftwatchError(
                    f"the daemon ended with code {self._process.returncode}",
                    where=str(self.log),
                    cure="read its last lines",
                )
            meanwhile()
            time.sleep(_POLL_SECONDS)
        raise DriftwatchError(
            f"waited {seconds:.0f} s in vain for {what}", where=str(self.log), cure="read the daemon's log"
        )

    def metrics(self) -> str:
        """Return what Prometheus would scrape."""
        return httpx.get(f"{self._workspace.url}/metrics", timeout=10).raise_for_status().text

    def _ready(self) -> bool | None:
        try:
            return True if httpx.get(f"{self._workspace.url}/-/ready", timeout=2).is_success else None
        except httpx.TransportError:
            return None


def driftwatch(workspace: Workspace, *arguments: str) -> None:
    """Run a driftwatch command on the workspace, its output shown as it comes.

    Raises:
        DriftwatchError: it failed.
    """
    done = subprocess.run(_command(*arguments, "--config", str(workspace.config)), check=False)
    if done.returncode:
        raise DriftwatchError(f"`driftwatch {' '.join(arguments)}` ended with code {done.returncode}")


def post(workspace: Workspace, path: str, texts: list[dict[str, str]]) -> int:
    """Send texts to the HTTP source as NDJSON and return how many it stored."""
    import json

    answer = httpx.post(
        f"{workspace.url}{path}",
        content="".join(json.dumps(text) + "\n" for text in texts),
        headers={"Content-Type": "application/x-ndjson"},
        timeout=30,
    )
    return int(answer.raise_for_status().json()["stored"])


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "driftwatch", *arguments]
