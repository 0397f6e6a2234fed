"""A program that a demo runs beside itself."""

from __future__ import annotations

import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")
_POLL_SECONDS = 0.25
_LAST_SECONDS = 30
_LAST_WORDS = 300


class Process:
    """A program that runs until it is told to stop; use as a context manager.

    Args:
        name: as people know it, such as ``the daemon``.
        command: to start.
        log: gets all that it says.
        ready: address that answers with success once it works.
        keep: leave it running at the end.
        apart: give it a session of its own, so that Ctrl-C reaches it through us alone.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log: Path,
        ready: str,
        keep: bool = False,
        apart: bool = False,
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._ready_at = ready
        self._keep = keep
        self._apart = apart or keep
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=self._apart
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None or self._keep:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_SECONDS)
            return
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid if self._process else 0

    def await_ready(self, *, seconds: float = 60) -> None:
        """Return once it says that it works.

        Raises:
            DriftwatchError: it ended, or the time is over.
        """
        self.until(self._ready, f"{self.name} to be ready", seconds=seconds)

    def check(self) -> None:
        """Make sure that it runs.

        Raises:
            DriftwatchError: it has ended.
        """
        if self._process is not None and self._process.poll() is not None:
            what = f"{self.name} ended with code {self._process.returncode}{self._last_words()}"
            raise DriftwatchError(what, where=str(self.log), cure="read its last lines")

    def until(self, ask: Callable[[], T | None], what: str, *, seconds: float) -> T:
        """Ask again and again until the answer is not None.

        Raises:
            DriftwatchError: it ended, or the time is over.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (answer := ask()) is not None:
                return answer
            self.check()
            time.sleep(_POLL_SECONDS)
        raise DriftwatchError(
            f"waited {seconds:.0f} s in vain for {what}", where=str(self.log), cure=f"read the log of {self.name}"
        )

    def _last_words(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return f": {lines[-1][:_LAST_WORDS]}" if lines else ""

    def _ready(self) -> bool | None:
        try:
            return True if httpx.get(self._ready_at, timeout=2, trust_env=False).is_success else None
        except httpx.TransportError:
            return None
