"""Group commit: what several threads bring at once shares a transaction, and each learns what its own part came to."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from driftwatch.domain.errors import StoreError, StoreUnavailableError
from driftwatch.store.together import Together

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 60


class Disk:
    """Commits numbers; waits where it is told to, and refuses some."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.entered, self.go_on = threading.Event(), threading.Event()
        self.refused: dict[int, Exception] = {}

    def commit(self, numbers: Sequence[int]) -> list[int]:
        self.entered.set()
        assert self.go_on.wait(PATIENCE)
        self.groups.append(list(numbers))
        for number in numbers:
            if number in self.refused:
                raise self.refused[number]
        return [10 * number for number in numbers]


class Line:
    """A lock that says whenever it was let go: somebody stands in line now."""

    def __init__(self) -> None:
        self._lock, self.left = threading.Lock(), threading.Semaphore(0)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self.left.release()


def brought(together: Together[int, int], disk: Disk, numbers: Sequence[int], *, size: int = 1) -> list[Future[int]]:
    """Bring a first number, and while it is being committed the others, in their order."""
    together._guard = line = Line()  # type: ignore[assignment]
    pool = ThreadPoolExecutor(max_workers=len(numbers))
    first = pool.submit(together.take, numbers[0], size=size)
    assert disk.entered.wait(PATIENCE)
    for _ in range(2):  # it stood in line, and took the lead
        assert line.left.acquire(timeout=PATIENCE)
    others = []
    for number in numbers[1:]:
        others.append(pool.submit(together.take, number, size=size))
        assert line.left.acquire(timeout=PATIENCE)
    disk.go_on.set()
    pool.shutdown(wait=True)
    return [first, *others]


def test_what_comes_during_a_commit_shares_the_next_one() -> None:
    disk = Disk()
    found = brought(Together(disk.commit, most=100), disk, [1, 2, 3, 4])
    assert [each.result(0) for each in found] == [10, 20, 30, 40]
    assert disk.groups == [[1], [2, 3, 4]]


def test_a_transaction_takes_no_more_than_its_size() -> None:
    disk = Disk()
    found = brought(Together(disk.commit, most=2), disk, [1, 2, 3, 4, 5])
    assert [each.result(0) for each in found] == [10, 20, 30, 40, 50]
    assert disk.groups == [[1], [2, 3], [4, 5]]


def test_one_that_is_larger_than_a_transaction_goes_alone() -> None:
    disk = Disk()
    assert [each.result(0) for each in brought(Together(disk.commit, most=2), disk, [1, 2, 3], size=9)] == [10, 20, 30]
    assert disk.groups == [[1], [2], [3]]


def test_a_piece_that_cannot_be_stored_does_not_take_the_others_with_it() -> None:
    disk = Disk()
    disk.refused = {3: StoreError("no such number", where="here")}
    found = brought(Together(disk.commit, most=100), disk, [1, 2, 3, 4])
    assert [each.result(0) for each in (*found[:2], found[3])] == [10, 20, 40]
    with pytest.raises(StoreError, match="no such number"):
        found[2].result(0)


def test_a_full_disk_refuses_all_of_them_once() -> None:
    disk = Disk()
    disk.refused = {3: StoreUnavailableError("the disk is full", where="here")}
    found = brought(Together(disk.commit, most=100), disk, [1, 2, 3, 4])
    assert found[0].result(0) == 10
    for each in found[1:]:
        with pytest.raises(StoreUnavailableError, match="disk is full"):
            each.result(0)
    assert disk.groups == [[1], [2, 3, 4]]


def test_after_a_refusal_work_goes_on() -> None:
    disk = Disk()
    disk.go_on.set()
    disk.refused = {1: StoreUnavailableError("the disk is full", where="here")}
    together = Together(disk.commit, most=100)
    with pytest.raises(StoreUnavailableError):
        together.take(1, size=1)
    assert together.take(2, size=1) == 20


def test_what_one_thread_brings_at_once_is_settled_piece_by_piece() -> None:
    disk = Disk()
    disk.go_on.set()
    disk.refused = {3: StoreError("no such number", where="here")}
    found = Together(disk.commit, most=100).take_each([1, 2, 3, 4], sizes=[1] * 4)
    assert [found[0], found[1], found[3]] == [10, 20, 40]
    assert found[2] is disk.refused[3]
    assert disk.groups == [[1, 2, 3, 4], [1], [2], [3], [4]]


def test_what_one_thread_brings_fills_as_many_transactions_as_it_takes() -> None:
    disk = Disk()
    disk.go_on.set()
    together = Together(disk.commit, most=2)
    assert together.take_each([1, 2, 3, 4, 5], sizes=[1, 1, 1, 9, 1]) == [10, 20, 30, 40, 50]
    assert disk.groups == [[1, 2], [3], [4], [5]]
    assert together.take_each([], sizes=[]) == []
    assert together.take(6, size=1) == 60


def test_a_full_disk_refuses_a_transaction_and_the_next_is_tried_all_the_same() -> None:
    disk = Disk()
    disk.go_on.set()
    disk.refused = {2: StoreUnavailableError("the disk is full", where="here")}
    found = Together(disk.commit, most=2).take_each([1, 2, 3], sizes=[1] * 3)
    assert [type(each) for each in found] == [StoreUnavailableError, StoreUnavailableError, int]


def test_several_that_bring_several_share_and_wake_one_another() -> None:
    disk = Disk()
    together = Together(disk.commit, most=3)
    pool = ThreadPoolExecutor(max_workers=8)
    brought = [[number, number + 1, number + 2, number + 3] for number in range(0, 80, 4)]
    found = [pool.submit(together.take_each, each, sizes=[1] * 4) for each in brought]
    disk.go_on.set()
    assert [each.result(PATIENCE) for each in found] == [[10 * number for number in each] for each in brought]
    pool.shutdown(wait=True)
    assert max(map(len, disk.groups)) <= 3
    assert sorted(number for group in disk.groups for number in group) == list(range(80))
