"""Which handler answers which request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from urllib.parse import unquote_to_bytes

from driftwatch.domain.rights import Right
from driftwatch.web.caller import Caller
from driftwatch.web.exchange import ProblemError, Request, Response

Handler = Callable[..., Awaitable[Response]]
"""Takes the request and the path's variable segments, in order."""

Admit = Callable[[Request, Right | None, str | None], Awaitable[Caller]]
"""Takes the request, the right it needs (None for what anybody is answered), and the stream it is about."""


@dataclass(frozen=True, slots=True)
class Route:
    """A path, its variable segments written ``*``, and the right that it takes; None for what anybody is answered."""

    method: str
    path: str
    handler: Handler
    right: Right | None = Right.PAGES

    def matches(self, segments: tuple[str, ...]) -> bool:
        """Whether the path is this one, whatever the method."""
        parts = _parts(self.path)
        return len(parts) == len(segments) and all(
            part in ("*", segment) for part, segment in zip(parts, segments, strict=True)
        )

    def variables(self, segments: tuple[str, ...]) -> list[str]:
        """Return the segments that stand for a ``*``."""
        return [segment for part, segment in zip(_parts(self.path), segments, strict=True) if part == "*"]


class Routes:
    """All routes of an app.

    Args:
        routes: of them, each path's and method's at most once.
        admit: says who asks, or raises the problem.
    """

    def __init__(self, routes: Iterable[Route], admit: Admit) -> None:
        self._routes = tuple(routes)
        self._admit = admit

    async def answer(self, request: Request) -> Response:
        """Call the handler, once the request is admitted.

        Raises:
            ProblemError: no such path, or not with this method, or not for who asks.
        """
        found = [route for route in self._routes if route.matches(request.segments)]
        if not found:
            raise ProblemError(HTTPStatus.NOT_FOUND, "Not found", "there is nothing at this path")
        method = "GET" if request.method == "HEAD" else request.method
        for route in found:
            if route.method == method:
                variables = route.variables(request.segments)
                stream = variables[0] if route.right is not None and route.right.per_stream else None
                caller = await self._admit(request, route.right, stream)
                return await route.handler(replace(request, caller=caller), *variables)
        allowed = ", ".join(sorted({route.method for route in found}))
        raise ProblemError(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "Method not allowed",
            f"{request.method} is not for this path; use {allowed}",
            headers={"allow": allowed},
        )


def segments_of(raw_path: bytes) -> tuple[str, ...]:
    """Split a path as it came over the wire and decode each part on its own.

    Raises:
        ProblemError: a part is no UTF-8.
    """
    try:
        return tuple(unquote_to_bytes(part).decode() for part in raw_path.partition(b"?")[0].split(b"/")[1:])
    except UnicodeDecodeError:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Bad path", "the path is not UTF-8") from None


@cache
def _parts(path: str) -> list[str]:
    """Return the segments of a route's path, of which there are a few."""
    return path.split("/")[1:]
