"""Requests of a stream that wait at once are taken in by one thread, in one look and mostly in one commit.

A thread for each costs as much as what it does: it is woken, takes the interpreter from the others at every statement
and every sum over many texts, and wakes the server's own again. So who finds a thread free is taken in at once, with
whatever arrived in the same turn of the loop, and what comes meanwhile is taken in together afterwards. There is no
timer: a lone request waits for nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.web.door import Door
from driftwatch.web.texts import Body, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from concurrent.futures import Executor

    from driftwatch.web.door import Taker
    from driftwatch.web.exchange import Response
    from driftwatch.web.limits import WebSettings
    from driftwatch.web.texts import Intake

LARGE = 256 * 1024
"""Bytes of a body that has a thread of its own: small ones are not to wait for it, and it gains nothing by company."""

MOST = 1024 * 1024
"""Bytes that are taken in together at most, unless there is one body alone."""

AT_ONCE = 2
"""Threads of a stream: one looks through what came while the other's commit waits for the disk."""

_PLAIN = ("", "identity")
Outcome: TypeAlias = Receipt | BaseException


class Sharing:
    """Brings the bodies of one stream to a thread, all that wait at once; used in the event loop alone.

    Args:
        take_each: takes bodies in, and returns what became of each; called in a thread.
        threads: that do it, ``AT_ONCE`` of them.
    """

    def __init__(self, take_each: Callable[[Sequence[Body]], Sequence[Outcome]], threads: Executor) -> None:
        self._take_each, self._threads = take_each, threads
        self._waiting: deque[_Waiting] = deque()
        self._at_work, self._beginning = 0, False

    async def take(self, body: Body) -> Receipt:
        """Return what became of a body, once it is durable.

        Raises:
            ProblemError: the body cannot be used as it is.
            StoreUnavailableError: the store cannot take it now; nothing of it was stored.
        """
        loop = asyncio.get_running_loop()
        own = _Waiting(body, loop.create_future())
        self._waiting.append(own)
        if self._at_work < AT_ONCE and not self._beginning:
            self._beginning = True
            loop.call_soon(self._begin, loop)  # after the others that came in this turn of the loop
        outcome = await own.answer
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have those taken in that are next, where there are any."""
        self._beginning = False
        group = self._first() if self._at_work < AT_ONCE else []
        if not group:
            return
        self._at_work += 1
        try:
            self._threads.submit(self._work, loop, group)
        except RuntimeError:  # its threads take nothing more
            error = StoreUnavailableError("the server is stopping", where="intake", cure="send it again")
            self._settle(loop, group, [error] * len(group))

    def _first(self) -> list[_Waiting]:
        """Return those that came first, in their order; who does not wait any more is left out."""
        group: list[_Waiting] = []
        size = 0
        while self._waiting:
            size += len(self._waiting[0].body.content)
            if group and size > MOST:
                break
            first = self._waiting.popleft()
            if not first.answer.done():
                group.append(first)
        return group

    def _work(self, loop: asyncio.AbstractEventLoop, group: Sequence[_Waiting]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = self._take_each([each.body for each in group])
        except BaseException as error:  # noqa: BLE001 - raised again wherever one of them is waited for
            outcomes = [error] * len(group)
        if not loop.is_closed():  # else there is nobody left to be told
            loop.call_soon_threadsafe(self._settle, loop, group, outcomes)

    def _settle(self, loop: asyncio.AbstractEventLoop, group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        self._at_work -= 1
        for each, outcome in zip(group, outcomes, strict=True):
            if not each.answer.done():
                each.answer.set_result(outcome)
        self._begin(loop)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A body, and the place where what became of it is waited for."""

    body: Body
    answer: asyncio.Future[Outcome]


class TextDoor(Door[Receipt]):
    """Handles the requests that bring texts: those of a stream that wait at once share a thread and a commit.

    Args:
        takes: what is taken in, for whoever is told that a stream does not.
        intake: by stream.
        settings: limits.
        now: monotonic seconds.
        answer: makes the response once everything is durable.
    """

    def __init__(
        self,
        takes: str,
        intake: Mapping[str, Intake],
        settings: WebSettings,
        *,
        now: Callable[[], float],
        answer: Callable[[Receipt], Response],
    ) -> None:
        super().__init__(takes, intake, settings, now=now, answer=answer)
        self._shared = {stream: Sharing(each.take_each, self._threads) for stream, each in intake.items()}

    async def taken(
        self, stream: str, intake: Taker[Receipt], body: bytes, *, content_type: str, content_encoding: str
    ) -> Receipt:
        """Return what became of a body; a large one, or one that is packed and may become so, is taken in alone."""
        if len(body) > LARGE or content_encoding.strip().lower() not in _PLAIN:
            return await super().taken(
                stream, intake, body, content_type=content_type, content_encoding=content_encoding
            )
        return await self._shared[stream].take(Body(body, content_type, content_encoding))
