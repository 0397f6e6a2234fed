"""A disk that is full is told as what it is, whoever comes across it, and may be retried."""

from __future__ import annotations

import errno
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from driftwatch.domain.errors import RunError
from driftwatch.retrain.checkpoints import KEPT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_WORDS = ("No space left on device", "Disk quota exceeded", "PytorchStreamWriter failed writing", "unexpected pos")
"""What libraries that lose the error's number say: safetensors' writer and torch's."""

_CURE = "make room, or move state_dir to a larger disk"


@contextmanager
def disk_told(folder: Path) -> Iterator[None]:
    """Turn a failure to write for want of room into an error that says so.

    Raises:
        RunError: retryable; nothing half-written counts for anything.
    """
    try:
        yield
    except Exception as error:
        if not _is_full(error):
            raise
        raise RunError("the disk is full", where=str(folder), cure=_CURE, retryable=True) from error


def _is_full(error: Exception) -> bool:
    if isinstance(error, RunError):
        return False
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    return any(word in str(error) for word in _WORDS)


def check_space(folder: Path, *, weights: int, trained: int, best: bool) -> None:
    """Refuse to begin what the disk cannot hold.

    Args:
        folder: where checkpoints lie.
        weights: numbers in the model.
        trained: of those, numbers that are trained; AdamW keeps two moments of each.
        best: whether the best weights are kept beside the checkpoints; better ones are whole before they go.

    Raises:
        RunError: retryable.
    """
    needed = 4 * ((weights + 2 * trained) * (KEPT + 1) + weights + 2 * trained * best)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RunError(
            f"a training of this model needs {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free",
            where=str(folder),
            cure=_CURE,
            retryable=True,
        )
