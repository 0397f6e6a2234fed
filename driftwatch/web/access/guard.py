"""Lets a request in, or says what is missing."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from driftwatch.domain.rights import EVERYTHING, Right
from driftwatch.web.access.passwords import Passwords
from driftwatch.web.access.tokens import Token, found
from driftwatch.web.caller import Caller
from driftwatch.web.exchange import ProblemError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = structlog.get_logger()

_LONGEST = 4_096
_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,255})(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Who may do what.

    Args:
        users: bcrypt hash of each user's password.
        rights: what a user may do; everything where it is not named.
        tokens: bearer tokens.
        headers: more headers of every answer.
        names: hosts that requests may be addressed to; any where None. Where nobody logs in, this is what keeps a page
            elsewhere, whose name was made to point at this machine (DNS rebinding), from reading ours.
    """

    users: Mapping[str, bytes] = field(default_factory=dict)
    rights: Mapping[str, tuple[Right, ...]] = field(default_factory=dict)
    tokens: tuple[Token, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] | None = None

    def open(self, right: Right) -> bool:
        """Whether anybody may: nothing is asked where nothing is set up, and tokens alone guard intake alone."""
        return not self.users and not (right.per_stream and self.tokens)


class Guard:
    """Admits requests.

    Args:
        access: who may do what, at the moment.
    """

    def __init__(self, access: Callable[[], Access]) -> None:
        self._access = access
        self._passwords = Passwords()

    def headers(self) -> Mapping[str, str]:
        """Return more headers of every answer."""
        return self._access().headers

    async def admit(self, headers: Mapping[str, str], *, right: Right | None, stream: str | None, peer: str) -> Caller:
        """Return who asks.

        Args:
            headers: of the request, by lower-case name.
            right: that it takes; None where anybody is answered, some with less.
            stream: it is about, where the right is per stream.
            peer: address it came from.

        Raises:
            ProblemError: 421 for another host's name, 401 without a login that is right, 403 where it may not, 429
                where too many logins wait.
        """
        access = self._access()
        _check_host(access, headers.get("host", ""))
        given = headers.get("authorization", "")
        if (right is None and not given) or not (access.users or access.tokens):
            return Caller(name="anonymous", peer=peer, known=not (access.users or access.tokens))
        if right is not None and not given and access.open(right):
            return Caller(name="anonymous", peer=peer)
        scheme, _, rest = given.partition(" ")
        if scheme.lower() == "bearer" and len(rest) <= _LONGEST:
            return self._by_token(access, rest.strip(), right, stream, peer)
        if scheme.lower() == "basic" and len(rest) <= _LONGEST:
            return await self._by_password(access, rest.strip(), right, peer)
        raise _unauthorized(access, "log in")

    def _by_token(self, access: Access, given: str, right: Right | None, stream: str | None, peer: str) -> Caller:
        token = found(access.tokens, given)
        if token is None:
            log.warning("login_refused", peer=peer, by="token")
            raise _unauthorized(access, "this token is not known")
        if right is not None and not token.allows(right, stream) and not (access.open(right)):
            of = f" of stream {stream!r}" if right.per_stream else ""
            raise _forbidden(f"token {token.name} may not: {right}{of}")
        return Caller(name=f"token {token.name}", peer=peer)

    async def _by_password(self, access: Access, given: str, right: Right | None, peer: str) -> Caller:
        user, password = _credentials(access, given)
        if not await self._passwords.right(access.users, user, password):
            log.warning("login_refused", peer=peer, by="password")
            raise _unauthorized(access, "user or password is wrong")
        if right is not None and right not in access.rights.get(user, EVERYTHING):
            raise _forbidden(f"user {user} may not: {right}")
        return Caller(name=f"user {user}", peer=peer)


def open_to_all() -> Guard:
    """Return a guard that asks nothing of anybody."""
    nothing = Access()
    return Guard(lambda: nothing)


def _check_host(access: Access, host: str) -> None:
    name = urlsplit(f"//{host}").hostname if _HOST.fullmatch(host) else None
    if access.names is not None and name not in access.names:
        raise ProblemError(
            HTTPStatus.MISDIRECTED_REQUEST,
            "Misdirected request",
            "this daemon is not known by that host's name; [daemon] names lists those it is",
        )


def _credentials(access: Access, given: str) -> tuple[str, bytes]:
    try:
        user, colon, password = base64.b64decode(given, validate=True).partition(b":")
        name = user.decode()
    except (binascii.Error, ValueError):
        raise _unauthorized(access, "the login cannot be read") from None
    if not colon:
        raise _unauthorized(access, "the login cannot be read")
    return name, password


def _unauthorized(access: Access, detail: str) -> ProblemError:
    basic = ['Basic realm="driftwatch", charset="UTF-8"'] if access.users else []
    bearer = ['Bearer realm="driftwatch"'] if access.tokens else []
    headers = {"www-authenticate": ", ".join([*basic, *bearer])}
    return ProblemError(HTTPStatus.UNAUTHORIZED, "Unauthorized", detail, headers=headers)


def _forbidden(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "Forbidden", detail)
