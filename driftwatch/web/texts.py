"""Texts over HTTP: ``POST /v1/streams/{stream}/texts``, answered once they are durable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLine:
    """A record that was left out, by its line (or place in the array), counted from 1."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of a request's texts once they were durable, or dropped because the stream was full."""

    stored: int
    duplicates: int
    sampled_out: int
    dropped: int = 0
    rejected: tuple[RejectedLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Body:
    """What a request brought, and what its headers say that it is."""

    content: bytes
    content_type: str
    content_encoding: str


class Intake(Protocol):
    """Takes the bodies of one stream in."""

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> Receipt:
        """Parse and store a body in one transaction; called in a worker thread.

        Raises:
            ProblemError: the body cannot be used as it is.
            StoreUnavailableError: the store cannot take it now; nothing was stored.
        """
        ...

    def take_each(self, bodies: Sequence[Body]) -> Sequence[Receipt | BaseException]:
        """Parse and store several bodies in as few transactions as they fit into; called in a worker thread.

        Returns:
            What became of each, in their order: its receipt, or what ``take`` would raise. A body that cannot be used
            does not keep the others from being stored.
        """
        ...

    def backlog(self) -> int:
        """Return the stream's texts not yet assessed, at once; it may be a few seconds old."""
        ...
