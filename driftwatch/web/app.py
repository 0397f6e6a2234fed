"""The daemon's web face: intake, metrics, health, reload and pages."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.control import INSTANCE_PATH
from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.rights import Right
from driftwatch.web.access import Guard, open_to_all
from driftwatch.web.caller import Caller
from driftwatch.web.door import Door
from driftwatch.web.exchange import (
    ClientGoneError,
    Message,
    ProblemError,
    Receive,
    Request,
    Response,
    Send,
    as_json,
    as_page,
    as_text,
)
from driftwatch.web.limits import WebSettings
from driftwatch.web.otlp import SIGNALS, OtlpDoor
from driftwatch.web.routes import Route, Routes, segments_of
from driftwatch.web.sharing import TextDoor
from driftwatch.web.status_page import status_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from driftwatch.domain.control import Identity
    from driftwatch.web.feedback import FeedbackIntake, FeedbackReceipt
    from driftwatch.web.otlp import OtlpIntake
    from driftwatch.web.texts import Intake, Receipt
    from driftwatch.web.view import StatusView

log = structlog.get_logger()

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_INDEX = re.compile(r"[0-9]{1,12}")
LOCAL = "driftwatch.local"
"""Set in the scope by the daemon's own socket; nothing that a client sends reaches the scope's keys."""

LOCAL_USER = "x-driftwatch-user"
"""Header with the account of who uses that socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the daemon is.

    Args:
        unhealthy: why it should be restarted; empty while it is healthy.
        unready: why it does not take in and assess texts; empty while it does.
    """

    unhealthy: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadResult:
    """What a reload came to; on errors everything stays as it was.

    Args:
        errors: one a line, each with its place and cure.
        detail: what is in force now.
    """

    errors: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A self-contained page; ``scripted`` lets its own inline scripts run, in a sandbox."""

    html: str
    scripted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Where the pages come from; each returns None for what does not exist, and is called in a thread.

    Args:
        status: what the status page shows.
        window: the page of a stream's window.
        incident: what changed in a stream's window, since when, and what was done.
        report: the full report of a stream's window.
        run: the page of a run.
    """

    status: Callable[[], StatusView]
    window: Callable[[str, int], Page | None]
    incident: Callable[[str, int], Page | None]
    report: Callable[[str, int], Page | None]
    run: Callable[[str], Page | None]


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
        self._identity = identity
        self._guard = guard or open_to_all()
        self._metrics, self._health, self._reload, self._pages = metrics, health, reload, pages
        texts = TextDoor(Right.TEXTS, intake, settings, now=now, answer=_accepted)
        said = Door(Right.FEEDBACK, feedback, settings, now=now, answer=_accepted)
        signals = [OtlpDoor(signal, otlp, settings, now=now, admit=self._admit) for signal in SIGNALS]
        self._close = [texts.close, said.close, *(door.close for door in signals)]
        self._routes = Routes(
            [
                Route("GET", "/", self._get_status),
                Route("POST", "/v1/streams/*/texts", texts, Right.TEXTS),
                Route("POST", "/v1/streams/*/feedback", said, Right.FEEDBACK),
                *(Route("POST", f"/v1/{door.signal}", door.for_all, None) for door in signals),
                *(Route("POST", f"/v1/streams/*/otlp/v1/{door.signal}", door, Right.TEXTS) for door in signals),
                Route("GET", "/metrics", self._get_metrics, Right.METRICS),
                Route("GET", "/-/healthy", self._get_healthy, None),
                Route("GET", "/-/ready", self._get_ready, None),
                Route("GET", INSTANCE_PATH, self._get_instance, None),
                Route("POST", "/-/reload", self._post_reload, Right.RELOAD),
                Route("GET", "/streams/*/windows/*", self._get_window),
                Route("GET", "/streams/*/incidents/*", self._get_incident),
                Route("GET", "/streams/*/windows/*/report", self._get_report),
                Route("GET", "/runs/*", self._get_run),
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

    async def _get_metrics(self, request: Request) -> Response:
        body, content_type = self._metrics(request.headers.get("accept", ""))
        return Response(body=body, content_type=content_type)

    async def _get_healthy(self, request: Request) -> Response:
        return _state("healthy", self._health().unhealthy, known=request.caller.known)

    async def _get_ready(self, request: Request) -> Response:
        health = self._health()
        return _state("ready", (*health.unhealthy, *health.unready), known=request.caller.known)

    async def _get_instance(self, request: Request) -> Response:
        """Tell anybody a name that says nothing, and whoever may open the daemon's own socket who it is."""
        if self._identity is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, "Not found", "there is no daemon behind this")
        identity = self._identity()
        return as_json(identity if request.caller.local else {"instance": identity.instance})

    async def _post_reload(self, request: Request) -> Response:
        _refuse_other_sites(request)
        result = await asyncio.to_thread(self._reload, str(request.caller))
        if result.errors:
            raise ProblemError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "Not reloaded",
                "everything stays as it was: " + "; ".join(result.errors),
            )
        return as_json({"reloaded": True, "detail": result.detail})

    async def _get_status(self, _request: Request) -> Response:
        view = await asyncio.to_thread(self._pages.status)
        return as_page(status_page(view))

    async def _get_window(self, _request: Request, stream: str, index: str) -> Response:
        return await _stream_page(self._pages.window, stream, index)

    async def _get_incident(self, _request: Request, stream: str, index: str) -> Response:
        return await _stream_page(self._pages.incident, stream, index)

    async def _get_report(self, _request: Request, stream: str, index: str) -> Response:
        return await _stream_page(self._pages.report, stream, index)

    async def _get_run(self, _request: Request, run: str) -> Response:
        page = await asyncio.to_thread(self._pages.run, run) if _RUN.fullmatch(run) else None
        return _shown(page, "there is no such run")


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


async def _stream_page(pages: Callable[[str, int], Page | None], stream: str, index: str) -> Response:
    page = await asyncio.to_thread(pages, stream, int(index)) if _INDEX.fullmatch(index) else None
    return _shown(page, "there is no such window")


def _shown(page: Page | None, otherwise: str) -> Response:
    if page is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "Not found", otherwise)
    return as_page(page.html, scripted=page.scripted)


def _state(word: str, reasons: tuple[str, ...], *, known: bool) -> Response:
    """Answer anybody with a word; with the reasons, which name streams and files, whoever may read pages."""
    if not reasons:
        return as_text(word)
    said = "\n".join(reasons) if known else "log in to be told why"
    return as_text(f"not {word}\n{said}", status=HTTPStatus.SERVICE_UNAVAILABLE)


def _asking(scope: Message, headers: Mapping[str, str]) -> Caller:
    """Return who asks as far as the connection tells: on the daemon's own socket, whoever may open its folder."""
    if scope.get(LOCAL):
        return Caller(name=headers.get(LOCAL_USER, "somebody"), local=True)
    client = scope.get("client")
    return Caller(name="anonymous", peer=client[0] if client else "", known=False)


def _refuse_other_sites(request: Request) -> None:
    """A page elsewhere, open in a browser on this machine, must not be able to act here."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise ProblemError(HTTPStatus.FORBIDDEN, "Forbidden", "requests from other sites' pages are not answered")
