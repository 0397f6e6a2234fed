"""A value read from files that follows them: the newest good one is in force, a bad one changes nothing."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import structlog

from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

log = structlog.get_logger()

LOOK_SECONDS = 1.0
"""Between two looks at the files: a change is in force this much later at the latest, with the next request."""

Value = TypeVar("Value")
_Signature = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[Value]):
    """What was read, and from which files."""

    value: Value
    files: tuple[Path, ...]


class Followed(Generic[Value]):
    """Holds the value in force.

    Args:
        what: it is, in the log.
        read: reads it; raises when it cannot be used.
        now: monotonic seconds.

    Raises:
        DriftwatchError: it cannot be used at the start.
    """

    def __init__(self, what: str, read: Callable[[], Reading[Value]], *, now: Callable[[], float]) -> None:
        self._what, self._read, self._now = what, read, now
        self._guard = threading.Lock()
        reading = read()
        self._value, self._files = reading.value, reading.files
        self._seen = _signature(self._files)
        self._looked = now()
        self.error: str | None = None

    def current(self) -> Value:
        """Return the value in force; looks at the files when it has not for a second."""
        with self._guard:
            if self._now() - self._looked >= LOOK_SECONDS:
                self._looked = self._now()
                self._look()
            return self._value

    def again(self) -> str | None:
        """Look at the files now; return what is wrong with them, None when what they say is in force."""
        with self._guard:
            self._looked = self._now()
            self._look(always=True)
            return self.error

    def _look(self, *, always: bool = False) -> None:
        signature = _signature(self._files)
        changed = signature != self._seen
        if not (changed or always or self.error):
            return
        self._seen = signature
        try:
            reading = self._read()
        except DriftwatchError as error:
            if str(error) != self.error:
                log.warning("access_kept", what=self._what, error=str(error))
            self.error = str(error)
            return
        cured = self.error is not None
        self._value, self._files, self.error = reading.value, reading.files, None
        self._seen = _signature(self._files)
        if changed or cured:
            log.info("access_changed", what=self._what)


def _signature(files: Iterable[Path]) -> _Signature:
    return tuple(_seen(file) for file in files)


def _seen(file: Path) -> tuple[str, int, int, int]:
    try:
        found = file.stat()
    except OSError:
        return str(file), 0, 0, 0
    return str(file), found.st_mtime_ns, found.st_size, found.st_ino
