"""A change of the serving model under way: one at a time per stream, and known to a restart.

The mark says that ``current`` or the serving stack may be elsewhere than the ledger; it is written before the first
move and removed after the ledger's. Whoever finds it with no change under way brings both back to the ledger.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ConflictError
from driftwatch.retrain.folders import flush
from driftwatch.retrain.locks import sign, take

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from pathlib import Path

_MARK = ".changing"


@contextmanager
def change_alone(models: Path, *, patience: timedelta) -> Iterator[None]:
    """Keep every other change of the stream's serving model away while the block runs; a dead process holds nothing.

    Raises:
        ConflictError: another change is under way, and stayed so for the patience given.
    """
    models.mkdir(parents=True, exist_ok=True)
    descriptor = take(models, patience=patience.total_seconds())
    if descriptor is None:
        raise ConflictError(
            "another promotion or rollback of this stream is under way",
            where=str(models),
            cure="wait for its end: driftwatch runs list",
        )
    try:
        sign(descriptor, os.getpid())
        yield
    finally:
        os.close(descriptor)


def begin_change(models: Path) -> None:
    """Note durably that a change begins."""
    (models / _MARK).touch()
    flush(models)


def end_change(models: Path) -> None:
    """Note durably that link, serving stack and ledger agree again."""
    (models / _MARK).unlink(missing_ok=True)
    flush(models)


def change_begun(models: Path) -> bool:
    """Whether a change began and has not ended."""
    return (models / _MARK).exists()
