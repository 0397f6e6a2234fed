"""Production text on its way in: texts, cursors and pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message of a chat.

    Args:
        role: ``system``, ``user``, ``assistant`` or another role that the model's chat template knows.
        content: what was said, redacted once it reaches the store.
    """

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True, init=False)
class Text:
    """One production sample.

    Args:
        id: unique in its stream; the same id is taken in once.
        body: the text itself, already redacted once it reaches the store.
        seen_at: when it was produced or taken in, timezone-aware.
        group: session or author, whose texts depend on each other.
        labels: a few low-cardinality attributes.
        source: name of the source it came from; None where that is not known.
        target: the class that a classifier should have given; None where nobody said so.
        turns: the whole chat where the record holds one; ``body`` is then what is watched of it.
    """

    id: str
    body: str
    seen_at: datetime
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    target: str | None = None
    turns: tuple[Turn, ...] = ()

    # Written out because the one that dataclasses make for frozen classes takes four times as long, for every text.
    def __init__(
        self,
        *,
        id: str,
        body: str,
        seen_at: datetime,
        group: str | None = None,
        labels: Mapping[str, str] | None = None,
        source: str | None = None,
        target: str | None = None,
        turns: tuple[Turn, ...] = (),
    ) -> None:
        _set_id(self, id)
        _set_body(self, body)
        _set_seen_at(self, seen_at)
        _set_group(self, group)
        _set_labels(self, {} if labels is None else labels)
        _set_source(self, source)
        _set_target(self, target)
        _set_turns(self, turns)


_set_id, _set_body, _set_seen_at, _set_group, _set_labels, _set_source, _set_target, _set_turns = (
    Text.__dict__[each.name].__set__ for each in fields(Text)
)


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

    texts: Sequence[Text]
    cursor: Cursor | None
    rejected: Mapping[str, int] = field(default_factory=dict)
    more: bool = False
