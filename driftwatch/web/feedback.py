"""Feedback over HTTP: ``POST /v1/streams/{stream}/feedback``, answered once it is durable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedbackReceipt:
    """What became of a request's feedback once it was durable.

    Args:
        stored: how much of it was new, or said more than before.
        repeated: how much said again what is known.
        unknown: how much of what was stored is of ids that no text has (yet).
    """

    stored: int
    repeated: int
    unknown: int


class FeedbackIntake(Protocol):
    """Takes the feedback on one stream's texts in."""

    def take(self, body: bytes, *, content_type: str, content_encoding: str) -> FeedbackReceipt:
        """Parse and store a body in one transaction; called in a worker thread.

        Raises:
            ProblemError: the body cannot be used as it is.
            StoreUnavailableError: the store cannot take it now; nothing was stored.
        """
        ...

    def backlog(self) -> int:
        """Return 0: feedback waits for nothing."""
        ...
