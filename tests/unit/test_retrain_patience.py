"""What is waited for, and what is not."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from driftwatch.domain.errors import ModelError, RunError, StoreUnavailableError
from driftwatch.retrain.patience import patiently


def failing(*errors: Exception) -> tuple[Callable[[], None], list[int]]:
    """Return work that fails with each error in turn, then goes well, and the list of its tries."""
    left, tries = list(errors), list[int]()

    def work() -> None:
        tries.append(len(tries))
        if left:
            raise left.pop(0)

    return work, tries


def wrapped(cause: Exception) -> Exception:
    error = RuntimeError("it could not be written")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "passing",
    [
        StoreUnavailableError("disk full"),
        RunError("0.1 GB are free", retryable=True),
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        wrapped(OSError(errno.ENOSPC, "No space left on device")),
        RuntimeError("I/O error: No space left on device (os error 28)"),
    ],
)
def test_what_passes_is_waited_for(passing: Exception, tmp_path: Path) -> None:
    work, tries = failing(passing, passing)
    patiently(work, folder=tmp_path, stopping=threading.Event(), first_pause=0.0)
    assert tries == [0, 1, 2]


@pytest.mark.parametrize(
    "lasting", [ModelError("damaged"), ChildProcessError("died"), OSError(errno.EACCES, "no"), ValueError("bug")]
)
def test_everything_else_is_not(lasting: Exception, tmp_path: Path) -> None:
    work, tries = failing(lasting)
    with pytest.raises(type(lasting)):
        patiently(work, folder=tmp_path, stopping=threading.Event(), first_pause=0.0)
    assert tries == [0]


def test_a_stop_ends_the_wait(tmp_path: Path) -> None:
    stopping = threading.Event()

    def work() -> None:
        stopping.set()
        raise StoreUnavailableError("disk full")

    patiently(work, folder=tmp_path, stopping=stopping, first_pause=3_600.0)
