"""Counts the alarms that begin while the daemon runs."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftwatch.domain.drift import WindowResult
    from driftwatch.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """Up to which window a stream was looked at, whether an alarm was in force there, and how many had begun."""

    window: int
    in_force: bool
    begun: int = 0


class AlarmTally:
    """Counts, per stream, windows with an alarm in force right after one without.

    It begins with the newest window when a stream is first looked at and reads only windows that came since, so it
    costs as much after years as on the first day. Several threads may use it.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._lock = threading.Lock()

    def count(self, store: Store, newest: WindowResult | None, *, stream: str) -> int:
        """Return the alarms begun since the stream was first looked at.

        Args:
            store: to read the windows between from.
            newest: window of the stream; None before the first.
            stream: whose alarms.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._lock:
            before = self._seen.get(stream)
            if newest is None:
                self._seen.setdefault(stream, _Seen(window=-1, in_force=False))
                return 0
            if before is None:
                self._seen[stream] = before = _Seen(window=newest.index, in_force=newest.alarmed)
            if newest.index > before.window:
                for result in store.windows.between(stream, first=before.window + 1, last=newest.index):
                    before = _after(before, result)
                self._seen[stream] = before
            return before.begun


def _after(before: _Seen, result: WindowResult) -> _Seen:
    begun = before.begun + (result.alarmed and not before.in_force)
    return _Seen(window=result.index, in_force=result.alarmed, begun=begun)
