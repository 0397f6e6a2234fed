"""Production text on its way in: texts, cursors and pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One production sample.

    Args:
        id: unique in its stream; the same id is taken in once.
        body: the text itself, already redacted once it reaches the store.
        seen_at: when it was produced or taken in, timezone-aware.
        group: session or author, whose texts depend on each other.
        labels: a few low-cardinality attributes.
    """

    id: str
    body: str
    seen_at: datetime
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredText:
    """A text with its place in the store's order (``seq`` rises with every stored text)."""

    seq: int
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """How far a source has been read durably; ``position`` is only understood by its source."""

    source: str
    position: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one read of a source gave.

    Args:
        texts: texts in source order, not yet redacted nor sampled.
        cursor: the position after them; None when nothing was read and nothing moved.
        rejected: counts of skipped records by reason, such as ``not-json``.
        more: whether another read right now would find more.
    """

    texts: tuple[Text, ...]
    cursor: Cursor | None
    rejected: Mapping[str, int] = field(default_factory=dict)
    more: bool = False
