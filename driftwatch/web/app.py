"""The daemon's web face: intake, metrics, health, reload and pages."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.rights import Right
from driftwatch.web.access import Guard, open_to_all
from driftwatch.web.caller import Caller
from driftwatch.web.door import Door
from driftwatch.web.exchange import ClientGoneError, Message, ProblemError, Receive, Request, Response, Send, as_json
from driftwatch.web.limits import WebSettings
from driftwatch.web.operating import OperatorHandlers
from driftwatch.web.otlp import SIGNALS, OtlpDoor
from driftwatch.web.pages import PageHandlers
from driftwatch.web.routes import Route, Routes, segments_of
from driftwatch.web.sharing import TextDoor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from driftwatch.domain.control import Identity
    from driftwatch.web.feedback import FeedbackIntake, FeedbackReceipt
    from driftwatch.web.operating import Health, ReloadResult
    from driftwatch.web.otlp import OtlpIntake
    from driftwatch.web.pages import Pages
    from driftwatch.web.texts import Intake, Receipt

log = structlog.get_logger()

LOCAL = "driftwatch.local"
"""Set in the scope by the daemon's own socket; nothing that a client sends reaches the scope's keys."""

LOCAL_USER = "x-driftwatch-user"
"""Header with the account of who uses that socket."""


class App:
    """An ASGI application.

    Args:
        intake: by stream, for the streams with an ``http`` source.
        feedback: by stream.
        metrics: renders the metrics for an ``Accept`` header: body and content type; must answer at once.
        health: says how the daemon is; must answer at once.
        reload: loads configuration and policies anew for who asks; called in a thread.
        pages: where the pages come from.
        settings: limits of intake.
        now: monotonic seconds.
        otlp: by stream, for the streams with an ``otlp`` source.
        guard: who may ask for what.
        identity: returns who the daemon is; None where there is nobody to tell from another.
    """

    def __init__(  # noqa: PLR0913 - what stands behind the paths, by name
        self,
        *,
        intake: Mapping[str, Intake],
        metrics: Callable[[str], tuple[bytes, str]],
        health: Callable[[], Health],
        reload: Callable[[str], ReloadResult],
        pages: Pages,
        settings: WebSettings,
        now: Callable[[], float],
        feedback: Mapping[str, FeedbackIntake] = MappingProxyType({}),
        otlp: Mapping[str, OtlpIntake] = MappingProxyType({}),
        guard: Guard | None = None,
        identity: Callable[[], Identity] | None = None,
    ) -> None:
        self._guard = guard or open_to_all()
        texts = TextDoor(Right.TEXTS, intake, settings, now=now, answer=_accepted)
        said = Door(Right.FEEDBACK, feedback, settings, now=now, answer=_accepted)
        signals = [OtlpDoor(signal, otlp, settings, now=now, admit=self._admit) for signal in SIGNALS]
        self._close = [texts.close, said.close, *(door.close for door in signals)]
        operators = OperatorHandlers(metrics=metrics, health=health, reload=reload, identity=identity)
        self._routes = Routes(
            [
                *PageHandlers(pages).routes(),
                Route("POST", "/v1/streams/*/texts", texts, Right.TEXTS),
                Route("POST", "/v1/streams/*/feedback", said, Right.FEEDBACK),
                *(Route("POST", f"/v1/{door.signal}", door.for_all, None) for door in signals),
                *(Route("POST", f"/v1/streams/*/otlp/v1/{door.signal}", door, Right.TEXTS) for door in signals),
                *operators.routes(),
            ],
            self._admit,
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            response = await self._answer(scope, receive)
        except ClientGoneError:
            return
        await response.send(send, more=self._guard.headers())

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                for close in self._close:
                    await asyncio.to_thread(close)
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    async def _answer(self, scope: Message, receive: Receive) -> Response:
        try:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
            request = Request(
                method=scope["method"],
                segments=segments_of(scope.get("raw_path") or scope["path"].encode()),
                headers=headers,
                receive=receive,
                caller=_asking(scope, headers),
            )
            return await self._routes.answer(request)
        except ProblemError as problem:
            return problem.response()
        except ClientGoneError:
            raise
        except DriftwatchError as error:
            log.warning("request_failed", path=scope["path"], what=error.what, where=error.where, cure=error.cure)
            return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "Failed", str(error)).response()
        except Exception:  # a loop's boundary: one request must not end the server
            log.exception("request_crashed", path=scope["path"])
            return ProblemError(
                HTTPStatus.INTERNAL_SERVER_ERROR, "Failed", "an error of driftwatch itself; its log has the cause"
            ).response()

    async def _admit(self, request: Request, right: Right | None, stream: str | None) -> Caller:
        if request.caller.local:
            return request.caller
        return await self._guard.admit(request.headers, right=right, stream=stream, peer=request.caller.peer)


def create_app(  # noqa: PLR0913 - likewise
    *,
    intake: Mapping[str, Intake],
    metrics: Callable[[str], tuple[bytes, str]],
    health: Callable[[], Health],
    reload: Callable[[str], ReloadResult],
    pages: Pages,
    settings: WebSettings | None = None,
    now: Callable[[], float] = time.monotonic,
    feedback: Mapping[str, FeedbackIntake] = MappingProxyType({}),
    otlp: Mapping[str, OtlpIntake] = MappingProxyType({}),
    guard: Guard | None = None,
    identity: Callable[[], Identity] | None = None,
) -> App:
    """Return the ASGI app; see ``App`` for the arguments."""
    return App(
        intake=intake,
        metrics=metrics,
        health=health,
        reload=reload,
        pages=pages,
        settings=settings or WebSettings(),
        now=now,
        feedback=feedback,
        otlp=otlp,
        guard=guard,
        identity=identity,
    )


def _accepted(receipt: Receipt | FeedbackReceipt) -> Response:
    return as_json(receipt, status=HTTPStatus.ACCEPTED)


def _asking(scope: Message, headers: Mapping[str, str]) -> Caller:
    """Return who asks as far as the connection tells: on the daemon's own socket, whoever may open its folder."""
    if scope.get(LOCAL):
        return Caller(name=headers.get(LOCAL_USER, "somebody"), local=True)
    client = scope.get("client")
    return Caller(name="anonymous", peer=client[0] if client else "", known=False)
