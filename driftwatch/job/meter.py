"""How long a run has trained, over all of its processes: kept in its folder, so that no kill sets it back."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from driftwatch.retrain.folders import write_whole
from driftwatch.retrain.records import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SAVE_EVERY_SECONDS = 5.0
"""What a kill can lose of the count."""

_HOUR = 3_600.0


class Meter:
    """Counts the seconds of training, round by round; the probe is round 0.

    Args:
        file: where the count is kept.
        now: seconds from any fixed moment.

    Raises:
        RunError: the file cannot be read.
    """

    def __init__(self, file: Path, *, now: Callable[[], float] = monotonic) -> None:
        self._file = file
        self._now = now
        self._seconds = _read(file)
        self._round: int | None = None
        self._since = self._saved_at = now()

    @property
    def hours(self) -> float:
        """Hours of all rounds."""
        return sum(self._seconds.values()) / _HOUR

    def of_round(self, round: int) -> float:  # noqa: A002 - the word of the house
        """Return the hours of one round."""
        return self._seconds.get(round, 0.0) / _HOUR

    @contextmanager
    def measuring(self, round: int) -> Iterator[None]:  # noqa: A002
        """Count what the block takes to a round; it is saved however the block ends."""
        self._round, self._since = round, self._now()
        self._saved_at = self._since
        try:
            yield
        finally:
            self.tick()
            self._save()
            self._round = None

    def tick(self) -> None:
        """Count up to now, and save from time to time."""
        if self._round is None:
            return
        now = self._now()
        self._seconds[self._round] = self._seconds.get(self._round, 0.0) + now - self._since
        self._since = now
        if now - self._saved_at >= SAVE_EVERY_SECONDS:
            self._save()
            self._saved_at = now

    def _save(self) -> None:
        write_whole(self._file, msgspec.json.encode(self._seconds))


def _read(file: Path) -> dict[int, float]:
    return read_record(file, dict[int, float], name="the run's hours") or {}
