"""The daemon's threads: one per source that is read, one that assesses; each with a heartbeat, each stopped by an event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Source
    from driftwatch.intake.pipeline import Pipeline
    from driftwatch.store import Store

log = structlog.get_logger()

PAGE = 1_000
_PAUSE_AFTER_ERROR = timedelta(seconds=5)
Beat = Callable[[str], None]


class Loop(threading.Thread):
    """Calls ``turn`` until stopped; ``turn`` says how long to wait before the next call.

    An error that driftwatch raised is logged and tried again later. Anything else is a bug: the loop dies, and the daemon
    with it, so that systemd starts it anew instead of half of it going on.

    Args:
        name: of the thread and its heartbeat.
        turn: one turn of work; returns the pause before the next in seconds, 0 for none.
        beat: told the loop's name at every turn.
        on_death: called with the error that ended the loop.
    """

    def __init__(
        self, name: str, turn: Callable[[], float], *, beat: Beat, on_death: Callable[[str, BaseException], None]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self._turn = turn
        self._beat = beat
        self._on_death = on_death
        self._stopping = threading.Event()
        self._awake = threading.Event()

    def wake(self) -> None:
        """End the present pause."""
        self._awake.set()

    def stop(self) -> None:
        """Ask the loop to end after its present turn."""
        self._stopping.set()
        self._awake.set()

    def run(self) -> None:
        """Turn until stopped."""
        try:
            while not self._stopping.is_set():
                self._beat(self.name)
                pause = self._one()
                if pause and not self._stopping.is_set():
                    self._awake.wait(pause)
                self._awake.clear()
        except BaseException as error:
            log.exception("loop_died", loop=self.name)
            self._on_death(self.name, error)
            raise

    def _one(self) -> float:
        try:
            return self._turn()
        except DriftwatchError as error:
            log.warning("loop_error", loop=self.name, error=str(error))
            return _PAUSE_AFTER_ERROR.total_seconds()


def reading(
    source: Source, pipeline: Pipeline, store: Store, *, stream: str, name: str, poll: timedelta, taken: Callable[[], None]
) -> Callable[[], float]:
    """Return the turn that moves one page from a source into the store."""

    def turn() -> float:
        page = source.read(store.texts.cursor(stream, name), limit=PAGE)
        if page.cursor is not None:
            pipeline.take(page)
            taken()
        return 0.0 if page.more else poll.total_seconds()

    return turn


def assessing(cycles: Sequence[Cycle], *, poll: timedelta, stepped: Callable[[], None]) -> Callable[[], float]:
    """Return the turn that gives every stream one step."""

    def turn() -> float:
        outcomes = [cycle.step() for cycle in cycles]
        if any(outcome is not Progressed.WAITING for outcome in outcomes):
            stepped()
        if Progressed.FAILED in outcomes:
            return poll.total_seconds()
        return poll.total_seconds() if all(outcome is Progressed.WAITING for outcome in outcomes) else 0.0

    return turn
