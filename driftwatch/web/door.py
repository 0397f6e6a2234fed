"""What every way in over HTTP does: limits, a body, and an answer after the commit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import structlog

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.web.exchange import ProblemError, Request, Response
from driftwatch.web.limits import RateLimit, WebSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

log = structlog.get_logger()

CONTENT_TYPES = ("application/json", "application/x-ndjson", "application/jsonl", "application/ndjson")
_RETRY_SECONDS = 5


R = TypeVar("R")
Receipt_co = TypeVar("Receipt_co", covariant=True)


class Taker(Protocol[Receipt_co]):
    """Takes the bodies of one stream in, of one kind."""

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> Receipt_co:
        """Parse and store a body in one transaction; called in a worker thread.

        Raises:
            ProblemError: the body cannot be used as it is.
            StoreUnavailableError: the store cannot take it now; nothing was stored.
        """
        ...

    def backlog(self) -> int:
        """Return what waits to be worked on before more can be taken in; 0 where nothing ever does."""
        ...


class Door(Generic[R]):
    """Handles the requests that bring one kind of thing, for all streams.

    Args:
        takes: the kind, such as ``texts``.
        intake: by stream.
        settings: limits.
        now: monotonic seconds.
        answer: makes the response once everything is durable.
        content_types: that are taken.
    """

    def __init__(
        self,
        takes: str,
        intake: Mapping[str, Taker[R]],
        settings: WebSettings,
        *,
        now: Callable[[], float],
        answer: Callable[[R], Response],
        content_types: tuple[str, ...] = CONTENT_TYPES,
    ) -> None:
        self._takes, self._answer, self._content_types = takes, answer, content_types
        self._intake = intake
        self._settings = settings
        self._rates = {
            stream: RateLimit(per_second=settings.per_second, burst=settings.burst, now=now) for stream in intake
        }
        self._in_flight = 0
        self._threads = ThreadPoolExecutor(max_workers=settings.in_flight, thread_name_prefix="intake")

    async def __call__(self, request: Request, stream: str) -> Response:
        """Answer after the commit, or raise the problem."""
        (receipt,) = await self.receive(request, [stream])
        return self._answer(receipt)

    async def receive(self, request: Request, streams: Sequence[str]) -> list[R]:
        """Read a body once and let every stream take it in.

        Raises:
            ProblemError: one of them cannot; what others stored before is known by its ids when it is sent again.
        """
        takers = [self._taker(stream) for stream in streams]
        content_type = self._content_type(request)
        for stream, taker in zip(streams, takers, strict=True):
            self._check_load(stream, taker)
        encoding = request.headers.get("content-encoding", "identity")
        self._in_flight += 1
        try:
            body = await request.body(most=self._settings.max_bytes, within=self._settings.body_seconds)
            return [
                await self._take(stream, taker, body, content_type, encoding)
                for stream, taker in zip(streams, takers, strict=True)
            ]
        finally:
            self._in_flight -= 1

    def close(self) -> None:
        """Let go of the threads after the requests they work on."""
        self._threads.shutdown(wait=True)

    def _content_type(self, request: Request) -> str:
        given = request.headers.get("content-type", "")
        if given.partition(";")[0].strip().lower() not in self._content_types:
            raise ProblemError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                "Unsupported content type",
                f"content type {given!r} is not taken; send {' or '.join(self._content_types[:2])}",
                headers={"accept-post": ", ".join(self._content_types)},
            )
        return given

    def _taker(self, stream: str) -> Taker[R]:
        taker = self._intake.get(stream)
        if taker is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, "Unknown stream", f"no stream {stream!r} takes {self._takes} over HTTP"
            )
        return taker

    def _check_load(self, stream: str, intake: Taker[R]) -> None:
        if (wait := self._rates[stream].take()) is not None:
            raise _too_many(f"stream {stream!r} takes {self._settings.per_second:g} requests a second", wait)
        if self._in_flight >= self._settings.in_flight:
            raise _too_many(f"{self._in_flight} requests are being taken in already", 1)
        if (backlog := intake.backlog()) >= self._settings.backlog:
            raise _too_many(f"{backlog} texts of stream {stream!r} wait to be assessed", _RETRY_SECONDS)

    async def taken(self, stream: str, intake: Taker[R], body: bytes, *, content_type: str, content_encoding: str) -> R:
        """Return what became of a body, which a thread of its own takes in."""
        del stream  # only those that share ask whose it is
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, lambda: intake.take(body, content_type=content_type, content_encoding=content_encoding)
        )

    async def _take(self, stream: str, intake: Taker[R], body: bytes, content_type: str, encoding: str) -> R:
        try:
            return await self.taken(stream, intake, body, content_type=content_type, content_encoding=encoding)
        except StoreUnavailableError as error:
            log.warning("intake_refused", what=error.what, where=error.where, cure=error.cure)
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Store unavailable",
                f"{error.what}; nothing of this request was stored",
                retry_after=_RETRY_SECONDS,
            ) from error


def _too_many(detail: str, wait: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS, "Too many requests", f"{detail}; try again in {wait} s", retry_after=wait
    )
