"""Bearer tokens: what a token may do, and finding it by its hash in constant time."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from driftwatch.domain.rights import INTAKE, Right

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token as it is kept: its hash. Tokens are long and random, so that a plain hash tells nothing of them.

    Args:
        name: in the audit log and messages.
        sha256: of the token.
        streams: whose texts and feedback it may bring; all of them where None.
        may: what it may do.
    """

    name: str
    sha256: bytes
    streams: frozenset[str] | None = frozenset()
    may: tuple[Right, ...] = INTAKE

    def allows(self, right: Right, stream: str | None) -> bool:
        """Whether it may do this, of this stream where the right is per stream."""
        if right not in self.may:
            return False
        return not right.per_stream or self.streams is None or stream in self.streams


def hashed(token: str) -> bytes:
    """Return the hash by which a token is kept."""
    return sha256(token.encode()).digest()


def found(tokens: Iterable[Token], given: str) -> Token | None:
    """Return the token that was given; every one is compared, so that the time tells nothing."""
    digest = hashed(given)
    match = None
    for token in tokens:
        if hmac.compare_digest(token.sha256, digest):
            match = token
    return match
