"""How far a growing column may be read: not beyond numbers that unfinished transactions may still fill in below.

A transaction that took number 9 may commit after the one that took 10: whoever read up to 10 by then never sees 9. So
a number is read up to only some time after it was first seen, and where the database can tell, not before every
transaction that was under way when it was seen has ended.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from datetime import datetime, timedelta

T = TypeVar("T")
_NOTES = 8
"""Notes taken within one time of settling: more would cost memory, fewer would read in jerks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """Transactions at a moment, in the order they began.

    Args:
        oldest: the oldest one still under way.
        next: the first that had not begun.
    """

    oldest: int
    next: int


@dataclass(frozen=True, slots=True)
class _Note(Generic[T]):
    highest: T
    at: datetime
    next: int | None


class Settling(Generic[T]):
    """Remembers the highest numbers seen, and says which of them have settled.

    Args:
        settle: time between seeing a number and reading up to it.
        longest: longest wait for transactions under way.
    """

    def __init__(self, *, settle: timedelta, longest: timedelta) -> None:
        self._settle, self._longest = settle, longest
        self._waiting: deque[_Note[T]] = deque()
        self._settled: T | None = None
        self.gave_up = 0

    def note(self, highest: T, *, at: datetime, horizon: Horizon | None) -> None:
        """Note a number that was just seen, with the transactions there were just after."""
        last = self._waiting[-1] if self._waiting else None
        if last is not None and (last.highest == highest or at - last.at < self._settle / _NOTES):
            return
        self._waiting.append(_Note(highest, at, horizon.next if horizon is not None else None))

    def settled(self, *, at: datetime, horizon: Horizon | None) -> T | None:
        """Return the highest number that may be read up to; None where there is none yet."""
        while self._waiting and self._is_settled(self._waiting[0], at, horizon):
            self._settled = self._waiting.popleft().highest
        return self._settled

    def _is_settled(self, note: _Note[T], at: datetime, horizon: Horizon | None) -> bool:
        if at - note.at < self._settle:
            return False
        if note.next is None or horizon is None or horizon.oldest >= note.next:
            return True
        if at - note.at < self._longest:
            return False
        self.gave_up += 1
        return True
