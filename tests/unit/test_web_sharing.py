"""Requests of a stream that arrive at once are taken in together: who shares, in which order, what each is told."""

from __future__ import annotations

import asyncio
import gzip
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import pytest
from web_client import Shelf, app_of, client_of, disk_full

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.web import Body, Receipt
from driftwatch.web.sharing import FEW, LARGE, MOST, Sharing

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Sequence

T = TypeVar("T")
PATIENCE = 20
BROKEN = b"broken"
DEADLY = b"deadly"


class Hall:
    """Takes bodies in, a permit a group, and fails at some."""

    def __init__(self) -> None:
        self.groups: list[list[bytes]] = []
        self._guard, self._permits, self._entered = threading.Lock(), threading.Semaphore(0), threading.Semaphore(0)

    def take_each(self, bodies: Sequence[Body]) -> list[Receipt | BaseException]:
        with self._guard:
            self.groups.append([each.content for each in bodies])
        self._entered.release()
        assert self._permits.acquire(timeout=PATIENCE)
        if any(each.content == DEADLY for each in bodies):
            raise MemoryError
        return [disk_full() if each.content == BROKEN else _receipt(len(each.content)) for each in bodies]

    def open(self, groups: int = 100) -> None:
        """Let so many groups through."""
        self._permits.release(groups)

    async def entered(self) -> None:
        """Wait until one more group is at work."""
        assert await asyncio.to_thread(self._entered.acquire, timeout=PATIENCE)


def _receipt(stored: int) -> Receipt:
    return Receipt(stored=stored, duplicates=0, sampled_out=0)


def _task(sharing: Sharing, content: bytes) -> asyncio.Task[Receipt]:
    return asyncio.create_task(sharing.take(Body(content, "application/json", "")))


@pytest.fixture
def hall() -> Hall:
    return Hall()


def run(story: Coroutine[object, object, T]) -> T:
    async def within() -> T:
        async with asyncio.timeout(PATIENCE):
            return await story

    return asyncio.run(within())


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield pool


def test_those_that_come_at_once_are_taken_in_at_once(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> list[int]:
        sharing = Sharing(hall.take_each, threads)
        hall.open()
        return [each.stored for each in await asyncio.gather(*(_task(sharing, b"x" * n) for n in (1, 2, 3)))]

    assert run(story()) == [1, 2, 3]
    assert hall.groups == [[b"x", b"xx", b"xxx"]]


def test_a_lone_request_waits_for_nobody(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> list[int]:
        sharing = Sharing(hall.take_each, threads)
        hall.open()
        return [(await _task(sharing, b"x" * n)).stored for n in (1, 2)]

    assert run(story()) == [1, 2]
    assert hall.groups == [[b"x"], [b"xx"]]


def test_nobody_waits_for_the_commit_of_another(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> list[int]:
        sharing = Sharing(hall.take_each, threads)
        first = [_task(sharing, b"x"), _task(sharing, b"xx")]
        await hall.entered()
        second = [_task(sharing, b"xxx")]
        await hall.entered()  # while the first are still at work
        assert not any(task.done() for task in (*first, *second))
        hall.open()
        return [each.stored for each in await asyncio.gather(*first, *second)]

    assert run(story()) == [1, 2, 3]
    assert hall.groups == [[b"x", b"xx"], [b"xxx"]]


def test_a_group_holds_no_more_bytes_than_it_may(hall: Hall, threads: ThreadPoolExecutor) -> None:
    sizes = [MOST // 2] * 3 + [2 * MOST, 1]

    async def story() -> list[int]:
        sharing = Sharing(hall.take_each, threads)
        hall.open()
        return [each.stored for each in await asyncio.gather(*(_task(sharing, b"x" * size) for size in sizes))]

    assert run(story()) == sizes
    found = [[len(each) for each in group] for group in hall.groups]
    assert sorted(found) == sorted([[MOST // 2] * 2, [MOST // 2], [2 * MOST], [1]])


def test_a_group_holds_no_more_bodies_than_it_may(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> list[int]:
        sharing = Sharing(hall.take_each, threads)
        hall.open()
        return [each.stored for each in await asyncio.gather(*(_task(sharing, b"x") for _ in range(2 * FEW + 1)))]

    assert run(story()) == [1] * (2 * FEW + 1)
    assert sorted(map(len, hall.groups)) == [1, FEW, FEW]


def test_one_that_fails_fails_alone(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> list[Receipt | BaseException]:
        sharing = Sharing(hall.take_each, threads)
        hall.open()
        return await asyncio.gather(*(_task(sharing, each) for each in (b"x", BROKEN, b"xx")), return_exceptions=True)

    first, broken, last = run(story())
    assert (first, last) == (_receipt(1), _receipt(2))
    assert isinstance(broken, StoreUnavailableError)
    assert len(hall.groups) == 1


def test_after_a_thread_that_dies_of_its_work_the_next_goes_on(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> tuple[list[Receipt | BaseException], Receipt]:
        sharing = Sharing(hall.take_each, threads)
        hall.open()
        both = await asyncio.gather(_task(sharing, b"x"), _task(sharing, DEADLY), return_exceptions=True)
        return list(both), await _task(sharing, b"xx")

    both, last = run(story())
    assert [type(each) for each in both] == [MemoryError, MemoryError]
    assert last == _receipt(2)


def test_who_does_not_wait_any_more_keeps_nobody_from_being_answered(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> int:
        sharing = Sharing(hall.take_each, threads)
        gone, stays = _task(sharing, b"gone"), _task(sharing, b"stays")
        await hall.entered()
        gone.cancel()
        hall.open()
        return (await stays).stored

    assert run(story()) == 5
    assert hall.groups == [[b"gone", b"stays"]], "it was on its way already; sent again, it is known"


def test_who_left_before_a_thread_had_it_is_left_out(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> int:
        sharing = Sharing(hall.take_each, threads)
        gone, stays = _task(sharing, b"gone"), _task(sharing, b"stays")
        asyncio.get_running_loop().call_soon(gone.cancel)  # after both have arrived
        hall.open()
        return (await stays).stored

    assert run(story()) == 5
    assert hall.groups == [[b"stays"]]


def test_when_the_threads_stop_who_is_at_work_is_answered_and_who_comes_told_to_send_it_again(hall: Hall) -> None:
    async def story() -> list[Receipt | BaseException]:
        threads = ThreadPoolExecutor(max_workers=8)
        sharing = Sharing(hall.take_each, threads)
        first = [_task(sharing, b"x"), _task(sharing, b"xx")]
        await hall.entered()
        threads.shutdown(wait=False)
        late = _task(sharing, b"xxx")
        hall.open()
        return await asyncio.gather(*first, late, return_exceptions=True)

    first, second, late = run(story())
    assert (first, second) == (_receipt(1), _receipt(2))
    assert isinstance(late, StoreUnavailableError)
    assert hall.groups == [[b"x", b"xx"]]


@pytest.mark.parametrize(
    ("headers", "content"),
    [({"content-encoding": "gzip"}, gzip.compress(b"{}")), ({}, b" " * (LARGE + 1))],
    ids=["packed", "large"],
)
def test_large_and_packed_bodies_go_alone(headers: dict[str, str], content: bytes) -> None:
    shelf = Shelf()

    async def story() -> list[int]:
        async with client_of(app_of(shelf)) as client:
            kind = {"content-type": "application/json"}
            posts = [
                client.post("/v1/streams/support/texts", content=each, headers={**kind, **more})
                for each, more in ((b"{}", {}), (content, headers), (b"{}", {"content-encoding": "identity"}))
            ]
            return [answer.status_code for answer in await asyncio.gather(*posts)]

    assert run(story()) == [202, 202, 202]
    assert sum(shelf.groups) == 2
    assert sorted(shelf.bodies) == sorted([b"{}", b"{}", content])
