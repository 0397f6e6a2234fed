"""What tells of the daemon itself and acts on it: metrics, health, who it is, and reload."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from driftwatch.domain.control import INSTANCE_PATH
from driftwatch.domain.rights import Right
from driftwatch.web.exchange import ProblemError, Request, Response, as_json, as_text
from driftwatch.web.routes import Route

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.domain.control import Identity


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


class OperatorHandlers:
    """Answers those who operate the daemon, and their programs.

    Args:
        metrics: renders the metrics for an ``Accept`` header: body and content type; must answer at once.
        health: says how the daemon is; must answer at once.
        reload: loads configuration and policies anew for who asks; called in a thread.
        identity: returns who the daemon is; None where there is nobody to tell from another.
    """

    def __init__(
        self,
        *,
        metrics: Callable[[str], tuple[bytes, str]],
        health: Callable[[], Health],
        reload: Callable[[str], ReloadResult],
        identity: Callable[[], Identity] | None,
    ) -> None:
        self._metrics, self._health, self._reload, self._identity = metrics, health, reload, identity

    def routes(self) -> list[Route]:
        """Return the paths that it answers at."""
        return [
            Route("GET", "/metrics", self._get_metrics, Right.METRICS),
            Route("GET", "/-/healthy", self._get_healthy, None),
            Route("GET", "/-/ready", self._get_ready, None),
            Route("GET", INSTANCE_PATH, self._get_instance, None),
            Route("POST", "/-/reload", self._post_reload, Right.RELOAD),
        ]

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


def _state(word: str, reasons: tuple[str, ...], *, known: bool) -> Response:
    """Answer anybody with a word; with the reasons, which name streams and files, whoever may read pages."""
    if not reasons:
        return as_text(word)
    said = "\n".join(reasons) if known else "log in to be told why"
    return as_text(f"not {word}\n{said}", status=HTTPStatus.SERVICE_UNAVAILABLE)


def _refuse_other_sites(request: Request) -> None:
    """A page elsewhere, open in a browser on this machine, must not be able to act here."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise ProblemError(HTTPStatus.FORBIDDEN, "Forbidden", "requests from other sites' pages are not answered")
