"""Counts windows and decisions, which are kept for ever, without reading them all again and again."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from driftwatch.metrics.snapshot import DecisionsFigures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.drift import WindowResult
    from driftwatch.store import Position, Store


class StepTally:
    """Counts all of them at its first look, and what came since at each further one.

    So a look costs as much after years as on the first day. Nothing of what is counted is ever deleted, and of a
    stream's windows and its rules' decisions none is stored before an earlier one. Several threads may use it.
    """

    def __init__(self) -> None:
        self._windows: Counter[tuple[str, str]] = Counter()
        self._before: dict[str, int] = {}
        self._decisions: dict[tuple[str, str, str], DecisionsFigures] = {}
        self._after = 0
        self._newest: dict[str, WindowResult] = {}
        self._guard = threading.Lock()

    def windows(self, store: Store, positions: Mapping[str, Position]) -> Mapping[tuple[str, str], int]:
        """Return the windows by (stream, outcome).

        Args:
            store: to read the windows from that came since the last look.
            positions: where the assessment of each stream stands.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._guard:
            for stream, position in positions.items():
                first = self._before.get(stream, 0)
                if position.index > first:
                    came = store.windows.outcomes(stream, first=first, before=position.index)
                    self._windows.update({(stream, outcome): count for outcome, count in came.items()})
                    self._before[stream] = position.index
            return dict(self._windows)

    def newest(self, store: Store, stream: str, position: Position) -> WindowResult | None:
        """Return the newest window of a stream; None before the first.

        Raises:
            StoreError: the store cannot be read.
        """
        with self._guard:
            held = self._newest.get(stream)
            if held is None or held.index != position.index - 1:
                held = store.windows.result(stream, position.index - 1)
                if held is not None:
                    self._newest[stream] = held
            return held

    def decisions(self, store: Store) -> Mapping[tuple[str, str, str], DecisionsFigures]:
        """Return the decisions by (stream, rule, action).

        Raises:
            StoreError: the store cannot be read.
        """
        with self._guard:
            for key, came in store.decisions.tally(after=self._after).items():
                before = self._decisions.get(key, DecisionsFigures())
                self._decisions[key] = DecisionsFigures(count=before.count + came.count, newest=came.newest)
                self._after = max(self._after, came.newest)
            return dict(self._decisions)
