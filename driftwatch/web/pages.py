"""Self-contained pages of streams, windows and runs, and the paths that they stand at."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from driftwatch.web.exchange import ProblemError, Request, Response, as_page
from driftwatch.web.routes import Route
from driftwatch.web.status_page import status_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.web.view import StatusView

_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_INDEX = re.compile(r"[0-9]{1,12}")


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


class PageHandlers:
    """Shows pages.

    Args:
        pages: where they come from.
    """

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def routes(self) -> list[Route]:
        """Return the paths that pages stand at."""
        return [
            Route("GET", "/", self._get_status),
            Route("GET", "/streams/*/windows/*", self._get_window),
            Route("GET", "/streams/*/incidents/*", self._get_incident),
            Route("GET", "/streams/*/windows/*/report", self._get_report),
            Route("GET", "/runs/*", self._get_run),
        ]

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


async def _stream_page(pages: Callable[[str, int], Page | None], stream: str, index: str) -> Response:
    page = await asyncio.to_thread(pages, stream, int(index)) if _INDEX.fullmatch(index) else None
    return _shown(page, "there is no such window")


def _shown(page: Page | None, otherwise: str) -> Response:
    if page is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "Not found", otherwise)
    return as_page(page.html, scripted=page.scripted)
