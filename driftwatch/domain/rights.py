"""What a request over HTTP may do."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    """One kind of request; who may make it is said by users and tokens."""

    TEXTS = "texts"
    FEEDBACK = "feedback"
    METRICS = "metrics"
    PAGES = "pages"
    RELOAD = "reload"

    @property
    def per_stream(self) -> bool:
        """Whether it is granted stream by stream."""
        return self in (Right.TEXTS, Right.FEEDBACK)


INTAKE = (Right.TEXTS, Right.FEEDBACK)
"""What a token may do unless it says otherwise."""

EVERYTHING = tuple(Right)
