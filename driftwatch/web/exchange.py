"""One HTTP request and its response, as the handlers see them."""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any

import msgspec

from driftwatch.web.caller import NOBODY, Caller

Message = MutableMapping[str, Any]
"""What ASGI passes around; nothing of it goes further than this room."""

Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
_POLICY = "content-security-policy"
_PLAIN_POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src {styles}"
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)
_STYLED = re.compile(r"<[^>]*\sstyle=")
_SCRIPTED_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What is sent back."""

    status: HTTPStatus = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, send: Send, *, more: Mapping[str, str] | None = None) -> None:
        """Write it out with the headers every response carries.

        Args:
            send: of ASGI.
            more: the operator's headers, which take the place of ours; a content policy is held besides a page's own.
        """
        headers = {
            **_HEADERS,
            "content-type": self.content_type,
            "content-length": str(len(self.body)),
            **self.headers,
            **(more or {}),
        }
        if _POLICY in self.headers and more and _POLICY in more:
            headers[_POLICY] = f"{self.headers[_POLICY]}, {more[_POLICY]}"
        await send(
            {
                "type": "http.response.start",
                "status": self.status.value,
                "headers": [
                    (name.encode("ascii"), value.encode("latin-1", "replace")) for name, value in headers.items()
                ],
            }
        )
        await send({"type": "http.response.body", "body": self.body})


def as_json(value: object, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return the value as a JSON response."""
    return Response(status=status, body=msgspec.json.encode(value) + b"\n", content_type="application/json")


def as_text(text: str, *, status: HTTPStatus = HTTPStatus.OK) -> Response:
    """Return a plain text response."""
    return Response(status=status, body=text.encode() + b"\n")


def as_page(html: str, *, scripted: bool = False) -> Response:
    """Return a page that may load nothing; a scripted one runs its own scripts in a sandbox without an origin."""
    policy = _SCRIPTED_POLICY if scripted else _PLAIN_POLICY.format(styles=_styles(html))
    return Response(
        body=html.encode(),
        content_type="text/html; charset=utf-8",
        headers={"content-security-policy": policy + "; frame-ancestors 'none'"},
    )


def _styles(html: str) -> str:
    """Return which styles a page may use: its own sheets by their hashes, and its elements' where it has any."""
    sheets = [b64encode(sha256(sheet.encode()).digest()).decode() for sheet in _STYLE.findall(html)]
    hashes = " ".join(f"'sha256-{each}'" for each in sheets) or "'none'"
    return hashes + ("; style-src-attr 'unsafe-inline'" if _STYLED.search(html) else "")


class ProblemError(Exception):
    """A request that is answered with a problem (RFC 9457).

    Args:
        status: the HTTP status.
        title: the kind of problem, always the same for the same kind.
        detail: what is wrong with this request, and what to do.
        line: the line of the body it is about, counted from 1.
        retry_after: seconds after which to try again.
        headers: more response headers.
    """

    def __init__(
        self,
        status: HTTPStatus,
        title: str,
        detail: str,
        *,
        line: int | None = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.line = status, title, detail, line
        self._headers = {**(headers or {}), **({"retry-after": str(retry_after)} if retry_after is not None else {})}

    def response(self) -> Response:
        """Return it as ``application/problem+json``."""
        problem: dict[str, str | int] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.line is not None:
            problem["line"] = self.line
        body = msgspec.json.encode(problem) + b"\n"
        return Response(status=self.status, body=body, content_type="application/problem+json", headers=self._headers)


class ClientGoneError(Exception):
    """The client left before its request was complete; there is nobody to answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What came in.

    Args:
        method: such as ``GET``.
        segments: the path's parts, each decoded on its own, so that no part holds a hidden ``/``.
        headers: by lower-case name.
        receive: gives the body's chunks.
        caller: who asks; known once the request was admitted.
    """

    method: str
    segments: tuple[str, ...]
    headers: Mapping[str, str]
    receive: Receive
    caller: Caller = NOBODY

    async def body(self, *, most: int, within: float) -> bytes:
        """Read the body.

        Args:
            most: largest size in bytes, held while reading, whatever the headers promise.
            within: seconds the whole body may take.

        Raises:
            ProblemError: it is too large or too slow.
            ClientGoneError: the connection closed half-way.
        """
        promised = self.headers.get("content-length", "")
        if promised.isdecimal() and int(promised) > most:
            raise _too_large(most)
        try:
            async with asyncio.timeout(within):
                return await self._read(most)
        except TimeoutError:
            raise ProblemError(
                HTTPStatus.REQUEST_TIMEOUT, "Body too slow", f"the body did not arrive within {within:g} s"
            ) from None

    async def _read(self, most: int) -> bytes:
        body = bytearray()
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            body += message.get("body", b"")
            if len(body) > most:
                raise _too_large(most)
            more = message.get("more_body", False)
        return bytes(body)


def _too_large(most: int) -> ProblemError:
    return ProblemError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "Body too large",
        f"the body is larger than {most} bytes; send fewer texts a request",
        headers={"connection": "close"},
    )
