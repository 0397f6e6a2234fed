"""Waits out what passes by itself: a full disk, a store that takes no write. Nothing else is tried twice here."""

from __future__ import annotations

import errno
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

log = structlog.get_logger()

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0
LEAST_FREE = 2**20
"""Bytes; with fewer free, whatever failed while writing failed for want of room."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def patiently(
    work: Callable[[], None], *, folder: Path, stopping: threading.Event, first_pause: float = FIRST_PAUSE
) -> None:
    """Do the work; where the disk is full or the store takes no write, wait and do it again, until told to stop.

    The work must leave nothing half-done behind that its next start would take for whole.

    Args:
        work: what to do; returns when there is no more.
        folder: on the disk that it writes to.
        stopping: set when it is to stop.
        first_pause: seconds before the second try; each further pause is twice as long, up to five minutes.

    Raises:
        Exception: whatever ``work`` fails with for another reason.
    """
    pause = first_pause
    while not stopping.is_set():
        try:
            work()
        except Exception as error:
            if not passes(error, folder):
                raise
            with suppress(OSError):  # the log may lie on the same disk
                log.warning("waiting_for_room", seconds=pause, error=str(error))
            stopping.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            return


def passes(error: BaseException, folder: Path) -> bool:
    """Say whether the same work may go well later without anybody changing it."""
    if isinstance(error, DriftwatchError) and error.retryable:
        return True
    return _of_a_full_disk(error) or _free(folder) < LEAST_FREE


def _of_a_full_disk(error: BaseException) -> bool:
    """Whether the error, or one that it came from, says so; libraries without an errno say it in words."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    if "No space left on device" in str(error):
        return True
    cause = error.__cause__ or error.__context__
    return cause is not None and _of_a_full_disk(cause)


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free
