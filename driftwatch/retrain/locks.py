"""The lock that says that a job is at work on a run: held by the job's process, gone with it however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = "lock"
"""Name of the lock file in a run's folder; it holds the process id of whoever holds the lock."""

INHERITED = "DRIFTWATCH_LOCK_FD"
"""Environment variable by which a launcher hands a job the descriptor of the lock it already holds for it."""

PATIENCE = 0.2
"""Seconds to wait for a lock: probes hold it for moments, jobs for hours."""

_PAUSE = 0.02


@contextmanager
def hold_lock(folder: Path) -> Iterator[None]:
    """Hold the run's lock while the block runs, taken over from the launcher where it passed one on.

    Raises:
        ConflictError: another process is at work on the run.
    """
    descriptor = _inherited(folder)
    if descriptor is None:
        descriptor = prepare(folder)
    if descriptor is None:
        raise ConflictError(
            f"process {holder(folder) or 'unknown'} is already at work on the run",
            where=str(folder),
            cure="wait for it, or cancel the run first",
        )
    try:
        sign(descriptor, os.getpid())
        yield
    finally:
        os.close(descriptor)


def take(folder: Path, *, patience: float = PATIENCE) -> int | None:
    """Return a descriptor that holds the run's lock alone, or None where another process keeps it."""
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + patience
    while not _flock(descriptor, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            return None
        time.sleep(_PAUSE)
    return descriptor


def prepare(folder: Path) -> int | None:
    """Make the run's folder and take its lock, with room in it for whoever will hold it; None where another holds it.

    Raises:
        OSError: there is no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = take(folder)
    if descriptor is not None:
        try:
            sign(descriptor, os.getpid())
        except OSError:
            os.close(descriptor)
            raise
    return descriptor


def sign(descriptor: int, pid: int) -> None:
    """Write who holds the lock."""
    os.pwrite(descriptor, f"{pid:<20}".encode(), 0)


def is_held(folder: Path) -> bool:
    """Whether any process holds the run's lock."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def holder(folder: Path) -> int | None:
    """Return the process id in the lock file; it means something only while the lock is held."""
    try:
        return int((folder / LOCK).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def _inherited(folder: Path) -> int | None:
    """Return the descriptor the launcher passed on, if it is of this run's lock."""
    number = os.environ.pop(INHERITED, "")
    if not number.isdecimal():
        return None
    descriptor = int(number)
    try:
        same = os.path.samestat(os.fstat(descriptor), (folder / LOCK).stat())
    except OSError:
        return None
    if not same:
        return None
    os.set_inheritable(descriptor, False)  # noqa: FBT003 - the function takes it by position only
    return descriptor


def _flock(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
