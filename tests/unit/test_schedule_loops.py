from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from driftwatch.domain.errors import WorkerError
from driftwatch.schedule import Loop, Loops

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DEADLINE = 60.0


@dataclass
class Watch:
    """A clock that stands until it is moved."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at


def loop(round_: Callable[[], None], *, name: str = "analysis", every: float = 0.01) -> Loop:
    return Loop(name=name, every=timedelta(seconds=every), round=round_, patience=timedelta(minutes=1))


@contextmanager
def running(*loops: Loop, clock: Watch | None = None, **more: Callable[[str, Exception], None]) -> Iterator[Loops]:
    started = Loops(loops, clock=clock or Watch(), **more)
    started.start()
    try:
        yield started
    finally:
        started.stop()


class Rounds:
    """Counts rounds and lets a test wait for the nth."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure
        self._changed = threading.Condition()
        self.count = 0

    def __call__(self) -> None:
        with self._changed:
            self.count += 1
            self._changed.notify_all()
        if self._failure is not None:
            raise self._failure

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.count >= count, DEADLINE)


def test_a_loop_comes_round_again_and_again_and_stops() -> None:
    rounds, before = Rounds(), set(threading.enumerate())
    with running(loop(rounds)):
        rounds.wait_for(3)
        assert set(threading.enumerate()) - before
    assert set(threading.enumerate()) - before == set()


def hourly(round_: Callable[[], None]) -> Loop:
    return Loop(name="hourly", every=timedelta(hours=1), round=round_, patience=timedelta(hours=2))


def test_the_first_round_comes_at_once() -> None:
    rounds = Rounds()
    with running(hourly(rounds)):
        rounds.wait_for(1)


def test_waking_brings_the_next_round_forward() -> None:
    rounds, beaten = Rounds(), threading.Event()
    with running(hourly(rounds)) as loops:
        rounds.wait_for(1)
        while loops.heartbeats()["hourly"] is None:  # the first round is over, so the next may start
            beaten.wait(0.001)
        loops.wake("hourly")
        rounds.wait_for(2)


def test_rounds_of_a_loop_never_overlap() -> None:
    inside, most, rounds = 0, 0, Rounds()

    def round_() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.03)
        inside -= 1
        rounds()

    with running(loop(round_, every=0.005)):
        rounds.wait_for(4)
    assert most == 1


@pytest.mark.parametrize("failure", [WorkerError("the worker died", cure="none needed"), KeyError("a bug")])
def test_a_failed_round_is_counted_and_the_loop_goes_on(failure: Exception) -> None:
    rounds, told = Rounds(failure), []
    with running(loop(rounds), on_failure=lambda name, error: told.append((name, error))) as loops:
        rounds.wait_for(3)
    assert loops.failures()["analysis"] == rounds.count
    assert told[0] == ("analysis", failure)
    assert loops.heartbeats()["analysis"] == NOON


def test_one_loop_does_not_hold_up_another() -> None:
    blocked, free = threading.Event(), Rounds()

    def stand() -> None:
        blocked.wait(DEADLINE)

    with running(loop(stand, name="blocked"), loop(free, name="free")):
        free.wait_for(3)
        blocked.set()


def test_a_loop_that_does_not_come_round_is_named() -> None:
    clock, blocked, entered = Watch(), threading.Event(), threading.Event()

    def round_() -> None:
        entered.set()
        blocked.wait(DEADLINE)

    with running(loop(round_), clock=clock) as loops:
        assert entered.wait(DEADLINE)
        assert loops.stuck() == []
        clock.at = NOON + timedelta(seconds=61)
        assert loops.stuck() == ["loop analysis has not come round for 61 s"]
        loops.beat("analysis")
        assert loops.stuck() == []
        blocked.set()


def test_rounds_that_had_to_be_left_out_are_counted() -> None:
    blocked, entered = threading.Event(), threading.Event()

    def round_() -> None:
        entered.set()
        blocked.wait(DEADLINE)

    with running(loop(round_, every=0.005)) as loops:
        assert entered.wait(DEADLINE)
        for _ in range(int(DEADLINE / 0.01)):
            if loops.misses()["analysis"] >= 2:
                break
            blocked.wait(0.01)
        assert loops.misses()["analysis"] >= 2
        assert timedelta() <= loops.delays()["analysis"] < timedelta(seconds=DEADLINE)
        blocked.set()


def test_nothing_is_stuck_before_the_start() -> None:
    loops = Loops([loop(Rounds())], clock=Watch())
    assert loops.stuck() == []
    assert loops.heartbeats() == {"analysis": None}
    loops.stop()


@pytest.mark.parametrize(("every", "patience", "says"), [(0, 1, "longer than 0 s"), (5, 5, "longer than every")])
def test_loops_that_make_no_sense(every: int, patience: int, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Loop(name="x", every=timedelta(seconds=every), round=Rounds(), patience=timedelta(seconds=patience))
