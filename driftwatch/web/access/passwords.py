"""Passwords against bcrypt hashes: slow on purpose for who guesses, once only for who knows, in nobody else's way.

Source: exporter-toolkit's web/handler.go and web/cache.go, whose cache is keyed by user, hash and password likewise.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING

from driftwatch.web.exchange import ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping

AT_ONCE = 2
"""Checks worked on together: bcrypt lets go of Python's lock, so two cores are the most that guessing can take."""

WAITING = 32
"""Checks that may wait; who comes later is told to come again."""

_REMEMBERED = 256
_LONGEST = 72
"""Bytes of a password that bcrypt looks at."""

_COST = slice(4, 6)


class Passwords:
    """Checks passwords; those found right are remembered by a keyed digest, so that each costs bcrypt once."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="bcrypt")
        self._open = 0

    async def right(self, users: Mapping[str, bytes], user: str, password: bytes) -> bool:
        """Whether it is the user's password; takes as long for a user who does not exist.

        Raises:
            ProblemError: too many checks wait.
        """
        known = user in users
        hashed = users[user] if known else _dummy(users)
        mark = self._mark(user, hashed, password)
        if known and mark in self._right:
            self._right.move_to_end(mark)
            return True
        matches = await self._check(password[:_LONGEST], hashed)
        if not (known and matches):
            return False
        self._right[mark] = None
        if len(self._right) > _REMEMBERED:
            self._right.popitem(last=False)
        return True

    async def _check(self, password: bytes, hashed: bytes) -> bool:
        import bcrypt

        if self._open >= AT_ONCE + WAITING:
            raise ProblemError(
                HTTPStatus.TOO_MANY_REQUESTS, "Too many logins", "too many logins are being checked", retry_after=1
            )
        self._open += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, bcrypt.checkpw, password, hashed)
        finally:
            self._open -= 1

    def _mark(self, user: str, hashed: bytes, password: bytes) -> bytes:
        parts = (user.encode(), hashed, password)
        return hmac.digest(self._key, b"".join(len(part).to_bytes(4) + part for part in parts), "sha256")


def _dummy(users: Mapping[str, bytes]) -> bytes:
    """Return a hash that no password has, as costly as the costliest of the users'."""
    cost = max((hashed[_COST] for hashed in users.values()), default=b"10")
    return b"$2b$" + cost + b"$" + b"." * 53
