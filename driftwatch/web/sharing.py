"""Requests of a stream that arrive at once are taken in by one thread, in one look and mostly in one commit.

A thread for each costs as much as what it does: it is woken, takes the interpreter from the others at every statement
and every sum over many texts, and wakes the server's own again. Senders that wait for one commit are answered at once
and so mostly come again at once: what arrives in one turn of the server's loop goes to one thread. Nobody waits for
anybody else's commit, and there is no timer.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.web.door import Door
from driftwatch.web.texts import Body, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Executor

    from driftwatch.web.door import Taker
    from driftwatch.web.exchange import Response
    from driftwatch.web.limits import WebSettings
    from driftwatch.web.texts import Intake

LARGE = 256 * 1024
"""Bytes of a body that has a thread of its own: small ones are not to wait for it, and it gains nothing by company."""

MOST = 1024 * 1024
"""Bytes that are taken in together at most, unless there is one body alone."""

FEW = 4
"""Bodies that are taken in together at most: one group is looked through while another's commit waits for the disk."""

_PLAIN = ("", "identity")
Outcome: TypeAlias = Receipt | BaseException


class Sharing:
    """Brings the bodies of one stream to threads, those of one turn of the loop together; used in the loop alone.

    Args:
        take_each: takes bodies in, and returns what became of each; called in a thread.
        threads: that do it.
    """

    def __init__(self, take_each: Callable[[Sequence[Body]], Sequence[Outcome]], threads: Executor) -> None:
        self._take_each, self._threads = take_each, threads
        self._arrived: list[_Waiting] = []

    async def take(self, body: Body) -> Receipt:
        """Return what became of a body, once it is durable.

        Raises:
            ProblemError: the body cannot be used as it is.
            StoreUnavailableError: the store cannot take it now; nothing of it was stored.
        """
        loop = asyncio.get_running_loop()
        own = _Waiting(body, loop.create_future())
        self._arrived.append(own)
        if len(self._arrived) == 1:
            loop.call_soon(self._begin, loop)  # after the others that arrive in this turn
        outcome = await own.answer
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Have those taken in that arrived."""
        arrived, self._arrived = self._arrived, []
        for group in _groups(arrived):
            try:
                self._threads.submit(self._work, loop, group)
            except RuntimeError:  # its threads take nothing more
                error = StoreUnavailableError("the server is stopping", where="intake", cure="send it again")
                _settle(group, [error] * len(group))

    def _work(self, loop: asyncio.AbstractEventLoop, group: Sequence[_Waiting]) -> None:
        outcomes: Sequence[Outcome]
        try:
            outcomes = self._take_each([each.body for each in group])
        except BaseException as error:  # noqa: BLE001 - raised again wherever one of them is waited for
            outcomes = [error] * len(group)
        if not loop.is_closed():  # else there is nobody left to be told
            loop.call_soon_threadsafe(_settle, group, outcomes)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A body, and the place where what became of it is waited for."""

    body: Body
    answer: asyncio.Future[Outcome]


def _groups(arrived: Sequence[_Waiting]) -> Iterator[list[_Waiting]]:
    """Yield them in their order, so many together as a group may hold; who does not wait any more is left out."""
    group: list[_Waiting] = []
    size = 0
    for each in arrived:
        if each.answer.done():
            continue
        size += len(each.body.content)
        if group and (size > MOST or len(group) == FEW):
            yield group
            group, size = [], len(each.body.content)
        group.append(each)
    if group:
        yield group


def _settle(group: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
    for each, outcome in zip(group, outcomes, strict=True):
        if not each.answer.done():
            each.answer.set_result(outcome)


class TextDoor(Door[Receipt]):
    """Handles the requests that bring texts: those of a stream that arrive at once share a thread and a commit.

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
