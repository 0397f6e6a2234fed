"""Repeats the daemon's loops and notices when one no longer comes round; nothing durable is kept here."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_SUBMITTED, JobSubmissionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from driftwatch.domain.protocols import Clock

log = structlog.get_logger()

MISFIRE_GRACE: int | None = None
"""However late a round is, it is run, once: what is due stands in the store, not in the clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Something done again and again.

    Args:
        name: in logs, metrics and health.
        every: time from one start to the next; a round that takes longer delays the next, two never overlap.
        round: does one round.
        patience: how long it may go without coming round before the daemon counts as stuck.
        spread: up to this much is added at random to each start, so that loops don't march in step.
    """

    name: str
    every: timedelta
    round: Callable[[], None]
    patience: timedelta
    spread: timedelta = timedelta()

    def __post_init__(self) -> None:
        if self.every <= timedelta():
            raise ValueError(f"loop {self.name!r}: every must be longer than 0 s, got {self.every}")
        if self.patience <= self.every:
            raise ValueError(f"loop {self.name!r}: patience ({self.patience}) must be longer than every ({self.every})")


class Loops:
    """Runs loops in threads of their own; a round that fails is logged and counted, and the loop goes on.

    Args:
        loops: what to run; names unique.
        clock: for heartbeats.
        on_failure: told about every failed round, after it was logged and counted.
    """

    def __init__(
        self,
        loops: Iterable[Loop],
        *,
        clock: Clock,
        on_failure: Callable[[str, Exception], None] = lambda _name, _error: None,
    ) -> None:
        self._loops = {loop.name: loop for loop in loops}
        self._clock = clock
        self._on_failure = on_failure
        self._guard = threading.Lock()
        self._beats: dict[str, datetime | None] = dict.fromkeys(self._loops)
        self._failures = dict.fromkeys(self._loops, 0)
        self._misses = dict.fromkeys(self._loops, 0)
        self._rounds = dict.fromkeys(self._loops, 0)
        self._delays = dict.fromkeys(self._loops, timedelta())
        self._started_at: datetime | None = None
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(max(len(self._loops), 1))},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": MISFIRE_GRACE},
        )

    def start(self) -> None:
        """Start every loop with a first round at once."""
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # what matters of it is logged by us
        self._started_at = self._clock.now()
        for loop in self._loops.values():
            self._scheduler.add_job(
                self._come_round,
                IntervalTrigger(
                    seconds=loop.every.total_seconds(), timezone=UTC, jitter=loop.spread.total_seconds() or None
                ),
                args=(loop,),
                id=loop.name,
                next_run_time=datetime.now(UTC),  # the scheduler's own time, not ours
            )
        self._scheduler.add_listener(self._note_start, EVENT_JOB_SUBMITTED | EVENT_JOB_MAX_INSTANCES)
        self._scheduler.start()

    def wake(self, name: str) -> None:
        """Bring the loop's next round forward to now; while a round goes on, the next keeps its time."""
        self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def beat(self, name: str) -> None:
        """Note that the loop is alive; a round that takes long by nature calls this on the way."""
        with self._guard:
            self._beats[name] = self._clock.now()

    def stop(self) -> None:
        """Start no more rounds and wait for those that go on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def heartbeats(self) -> dict[str, datetime | None]:
        """Return when each loop last came round; None before its first round."""
        with self._guard:
            return dict(self._beats)

    def failures(self) -> dict[str, int]:
        """Return the number of failed rounds of each loop."""
        with self._guard:
            return dict(self._failures)

    def patience(self) -> dict[str, timedelta]:
        """Return how long each loop may go without coming round."""
        return {name: loop.patience for name, loop in self._loops.items()}

    def rounds(self) -> dict[str, int]:
        """Return the number of rounds that each loop has come to the end of, failed ones included."""
        with self._guard:
            return dict(self._rounds)

    def misses(self) -> dict[str, int]:
        """Return the rounds of each loop that were left out since the one before still went on."""
        with self._guard:
            return dict(self._misses)

    def delays(self) -> dict[str, timedelta]:
        """Return how late each loop's newest round began."""
        with self._guard:
            return dict(self._delays)

    def stuck(self) -> list[str]:
        """Return the loops that have not come round within their patience, in words."""
        if self._started_at is None:
            return []
        now, beats = self._clock.now(), self.heartbeats()
        silent = {name: now - (beats[name] or self._started_at) for name in self._loops}
        return [
            f"loop {name} has not come round for {age.total_seconds():.0f} s"
            for name, age in silent.items()
            if age > self._loops[name].patience
        ]

    def _note_start(self, event: JobSubmissionEvent) -> None:
        late = datetime.now(UTC) - min(event.scheduled_run_times)  # both are the scheduler's own time, not ours
        with self._guard:
            if event.code == EVENT_JOB_MAX_INSTANCES:
                self._misses[event.job_id] += 1
            else:
                self._delays[event.job_id] = max(late, timedelta())

    def _come_round(self, loop: Loop) -> None:
        try:
            loop.round()
        except DriftwatchError as error:
            log.warning("round_failed", loop=loop.name, what=error.what, where=error.where, cure=error.cure)
            self._failed(loop.name, error)
        except Exception as error:  # a loop's boundary: logged, counted, and the loop goes on
            log.exception("round_crashed", loop=loop.name)
            self._failed(loop.name, error)
        with self._guard:
            self._rounds[loop.name] += 1
        self.beat(loop.name)

    def _failed(self, name: str, error: Exception) -> None:
        with self._guard:
            self._failures[name] += 1
        self._on_failure(name, error)
