"""Requests of a stream that wait at once are taken in together: who shares, in which order, and what each is told."""

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
from driftwatch.web.sharing import AT_ONCE, LARGE, MOST, Sharing

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
        self.at_work, self.most_at_work = 0, 0
        self._guard, self._permits, self._entered = threading.Lock(), threading.Semaphore(0), threading.Semaphore(0)

    def take_each(self, bodies: Sequence[Body]) -> list[Receipt | BaseException]:
        with self._guard:
            self.groups.append([each.content for each in bodies])
            self.at_work += 1
            self.most_at_work = max(self.most_at_work, self.at_work)
        self._entered.release()
        assert self._permits.acquire(timeout=PATIENCE)
        with self._guard:
            self.at_work -= 1
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


async def _busy(sharing: Sharing, hall: Hall) -> list[asyncio.Task[Receipt]]:
    """Have every thread of the stream at work on a body of one byte."""
    tasks = []
    for _ in range(AT_ONCE):
        tasks.append(_task(sharing, b"."))
        await hall.entered()
    return tasks


async def _waiting(sharing: Sharing, *contents: bytes) -> list[asyncio.Task[Receipt]]:
    tasks = [_task(sharing, content) for content in contents]
    await asyncio.sleep(0)  # each runs until it waits
    return tasks


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


def test_what_comes_while_all_threads_work_is_next_in_its_order(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> list[int]:
        sharing = Sharing(hall.take_each, threads)
        first = await _busy(sharing, hall)
        others = await _waiting(sharing, b"xx", b"xxx", b"xxxx")
        hall.open()
        return [each.stored for each in await asyncio.gather(*first, *others)]

    assert run(story()) == [*[1] * AT_ONCE, 2, 3, 4]
    assert hall.groups == [*[[b"."]] * AT_ONCE, [b"xx", b"xxx", b"xxxx"]]
    assert hall.most_at_work == AT_ONCE


def test_there_are_never_more_threads_at_work(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        sharing = Sharing(hall.take_each, threads)
        tasks = await _busy(sharing, hall)
        for _ in range(20):
            tasks += await _waiting(sharing, b"x")
            hall.open(1)
            await hall.entered()
        hall.open()
        await asyncio.gather(*tasks)

    run(story())
    assert hall.most_at_work == AT_ONCE
    assert sum(map(len, hall.groups)) == AT_ONCE + 20


def test_a_group_holds_no_more_bytes_than_it_may(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> None:
        sharing = Sharing(hall.take_each, threads)
        first = await _busy(sharing, hall)
        others = await _waiting(sharing, *[b"x" * (MOST // 2)] * 3, b"x" * (2 * MOST), b"y")
        hall.open()
        await asyncio.gather(*first, *others)

    run(story())
    sizes = [[len(each) for each in group] for group in hall.groups[AT_ONCE:]]
    assert sorted(sizes) == sorted([[MOST // 2] * 2, [MOST // 2], [2 * MOST], [1]])


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
    async def story() -> list[Receipt | BaseException]:
        sharing = Sharing(hall.take_each, threads)
        first = await _busy(sharing, hall)
        others = await _waiting(sharing, b"x", DEADLY)
        hall.open()
        found = await asyncio.gather(*first, *others, return_exceptions=True)
        return [*found[AT_ONCE:], await _task(sharing, b"xx")]

    *both, last = run(story())
    assert all(isinstance(each, MemoryError) for each in both)
    assert last == _receipt(2)


def test_who_does_not_wait_any_more_is_left_out(hall: Hall, threads: ThreadPoolExecutor) -> None:
    async def story() -> list[int]:
        sharing = Sharing(hall.take_each, threads)
        first = await _busy(sharing, hall)
        gone, stays = await _waiting(sharing, b"gone", b"stays")
        at_work = first.pop()
        gone.cancel()
        at_work.cancel()  # its thread works on, and has nobody to tell
        hall.open()
        return [each.stored for each in await asyncio.gather(*first, stays)]

    assert run(story()) == [*[1] * (AT_ONCE - 1), 5]
    assert hall.groups[AT_ONCE:] == [[b"stays"]]


def test_who_waits_when_the_threads_stop_is_told_to_send_it_again(hall: Hall) -> None:
    async def story() -> list[Receipt | BaseException]:
        threads = ThreadPoolExecutor(max_workers=8)
        sharing = Sharing(hall.take_each, threads)
        first = await _busy(sharing, hall)
        others = await _waiting(sharing, b"xx", b"xxx")
        threads.shutdown(wait=False)
        hall.open()
        return await asyncio.gather(*first, *others, return_exceptions=True)

    found = run(story())
    assert found[:AT_ONCE] == [_receipt(1)] * AT_ONCE, "what is at work is finished and answered"
    assert all(isinstance(each, StoreUnavailableError) for each in found[AT_ONCE:])
    assert len(hall.groups) == AT_ONCE


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
