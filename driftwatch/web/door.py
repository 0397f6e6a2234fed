"""What every way in over HTTP does: limits, a body, and an answer after the commit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import structlog

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.web.exchange import ProblemError, Request, Response, as_json
from driftwatch.web.limits import RateLimit, WebSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from driftwatch.web.feedback import FeedbackReceipt
    from driftwatch.web.texts import Receipt

log = structlog.get_logger()

CONTENT_TYPES = ("application/json", "application/x-ndjson", "application/jsonl", "application/ndjson")
_RETRY_SECONDS = 5


class Taker(Protocol):
    """Takes the bodies of one stream in, texts or feedback."""

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> Receipt | FeedbackReceipt:
        """Parse and store a body in one transaction; called in a worker thread.

        Raises:
            ProblemError: the body cannot be used as it is.
            StoreUnavailableError: the store cannot take it now; nothing was stored.
        """
        ...

    def backlog(self) -> int:
        """Return what waits to be worked on before more can be taken in; 0 where nothing ever does."""
        ...


class Door:
    """Handles the requests that bring one kind of thing, for all streams.

    Args:
        takes: the kind, such as ``texts``.
        intake: by stream.
        settings: limits.
        now: monotonic seconds.
    """

    def __init__(
        self, takes: str, intake: Mapping[str, Taker], settings: WebSettings, *, now: Callable[[], float]
    ) -> None:
        self._takes = takes
        self._intake = intake
        self._settings = settings
        self._rates = {
            stream: RateLimit(per_second=settings.per_second, burst=settings.burst, now=now) for stream in intake
        }
        self._in_flight = 0
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="intake")

    async def __call__(self, request: Request, stream: str) -> Response:
        """Answer 202 after the commit, or raise the problem."""
        intake = self._intake.get(stream)
        if intake is None:
            raise ProblemError(
                HTTPStatus.NOT_FOUND, "Unknown stream", f"no stream {stream!r} takes {self._takes} over HTTP"
            )
        content_type = _content_type(request)
        self._check_load(stream, intake)
        self._in_flight += 1
        try:
            body = await request.body(most=self._settings.max_bytes, within=self._settings.body_seconds)
            receipt = await self._take(intake, body, content_type, request.headers.get("content-encoding", "identity"))
        finally:
            self._in_flight -= 1
        return as_json(asdict(receipt), status=HTTPStatus.ACCEPTED)

    def close(self) -> None:
        """Let go of the threads after the requests they work on."""
        self._threads.shutdown(wait=True)

    def _check_load(self, stream: str, intake: Taker) -> None:
        if (wait := self._rates[stream].take()) is not None:
            raise _too_many(f"stream {stream!r} takes {self._settings.per_second:g} requests a second", wait)
        if self._in_flight >= self._settings.in_flight:
            raise _too_many(f"{self._in_flight} requests are being taken in already", 1)
        if (backlog := intake.backlog()) >= self._settings.backlog:
            raise _too_many(f"{backlog} texts of stream {stream!r} wait to be assessed", _RETRY_SECONDS)

    async def _take(
        self, intake: Taker, body: bytes, content_type: str, content_encoding: str
    ) -> Receipt | FeedbackReceipt:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._threads,
                lambda: intake.take(body, content_type=content_type, content_encoding=content_encoding),
            )
        except StoreUnavailableError as error:
            log.warning("intake_refused", what=error.what, where=error.where, cure=error.cure)
            raise ProblemError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "Store unavailable",
                f"{error.what}; nothing of this request was stored",
                retry_after=_RETRY_SECONDS,
            ) from error


def _content_type(request: Request) -> str:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() not in CONTENT_TYPES:
        raise ProblemError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Unsupported content type",
            f"content type {given!r} is not taken; send application/json or application/x-ndjson",
            headers={"accept-post": ", ".join(CONTENT_TYPES)},
        )
    return given


def _too_many(detail: str, wait: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.TOO_MANY_REQUESTS, "Too many requests", f"{detail}; try again in {wait} s", retry_after=wait
    )
