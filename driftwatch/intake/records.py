"""From one record of JSON, or one plain line, to a text; or the reason why not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import msgspec

from driftwatch.domain.text import Text, Turn
from driftwatch.intake.chats import turns_of
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.openai import exchange_of

if TYPE_CHECKING:
    from driftwatch.intake.exchange import Exchange

MOST_BYTES = 64 * 1024
LONGEST_ID = 500
LONGEST_LABEL = 100
LONGEST_TARGET = 500
_MILLISECONDS_FROM = 1e11
LONGEST_CHARACTER = 4  # bytes in UTF-8
AHEAD = timedelta(hours=1)  # clocks that are set apart; more is a wrong one
_DECODER = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that is no text, why, and whether what the reason names is not there at all."""

    reason: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Accepted:
    """A text, whether its body had to be cut, and whether its time lay ahead of ours and was replaced."""

    text: Text
    cut: bool
    ahead: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a record holds, as far as its form says it by itself."""

    body: str
    turns: tuple[Turn, ...] = ()
    id: str | None = None
    time: object | None = None
    group: str | None = None


Form = Literal["fields", "openai"]
"""How a record is written: by field paths, or as requests to and answers of a model are logged."""

Watch = Literal["prompt", "completion"]
"""Which end of a logged exchange is the text."""


class Records:
    """Reads records by field paths.

    Args:
        body: path of the text.
        id: path of its id; None to make one of the record's place.
        time: path of its time: ISO 8601, or seconds or milliseconds since 1970; None for the time of reading.
        group: path of its session or author.
        labels: names of attributes and the paths of their values.
        target: path of the class that would be right.
        turns: path of a chat; where ``body`` names nothing, its last message is the text.
        max_bytes: longer bodies and messages are cut.
        form: of the records.
        watch: which end of an exchange is the text, where they are exchanges.

    Raises:
        ValueError: a path is none.
    """

    def __init__(  # noqa: PLR0913 - as many as a record has fields
        self,
        *,
        body: str = "text",
        id: str | None = None,  # noqa: A002 - named as in the configuration
        time: str | None = None,
        group: str | None = None,
        labels: Mapping[str, str] | None = None,
        target: str | None = None,
        turns: str | None = None,
        max_bytes: int = MOST_BYTES,
        form: Form = "fields",
        watch: Watch = "prompt",
    ) -> None:
        self._form, self._watch = form, watch
        self._body = FieldPath.parse(body)
        self._id, self._time, self._group = (FieldPath.parse(path) if path else None for path in (id, time, group))
        self._target, self._turns = (FieldPath.parse(path) if path else None for path in (target, turns))
        self._labels = {name: FieldPath.parse(path) for name, path in (labels or {}).items()}
        self._max_bytes = max_bytes

    def line(self, line: bytes, *, place: str, now: datetime) -> Accepted | Rejected:
        """Read a plain line."""
        try:
            body = line.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError:
            return Rejected("not-utf8")
        return self._accept(_Found(body=body), {}, place, now)

    def json(self, content: bytes, *, place: str, now: datetime) -> Accepted | Rejected:
        """Read one JSON object."""
        try:
            record = _DECODER.decode(content)
        except UnicodeDecodeError:
            return Rejected("not-utf8")
        except (msgspec.DecodeError, RecursionError):
            return Rejected("not-json" if is_utf8(content) else "not-utf8")
        return self.record(record, place=place, now=now)

    def record(self, record: object, *, place: str, now: datetime) -> Accepted | Rejected:
        """Read a decoded record; ``place`` makes its id where it has none."""
        if not isinstance(record, Mapping):
            return Rejected("not-an-object")
        found = self._exchanged(exchange_of(record)) if self._form == "openai" else self._fields(record)
        return found if isinstance(found, Rejected) else self._accept(found, record, place, now)

    def exchange(self, exchange: Exchange, *, place: str, now: datetime) -> Accepted | Rejected:
        """Read an exchange that was found elsewhere; ``place`` makes its id where it has none."""
        found = self._exchanged(exchange)
        return found if isinstance(found, Rejected) else self._accept(found, exchange.attributes, place, now)

    def _exchanged(self, exchange: Exchange | None) -> _Found | Rejected:
        if exchange is None:
            return Rejected("bad-turns")
        body = exchange.words(self._watch)
        if body is None:
            return Rejected("no-body")
        return _Found(body=body, turns=exchange.turns, id=exchange.id, time=exchange.time, group=exchange.group)

    def _fields(self, record: Mapping[str, object]) -> _Found | Rejected:
        turns = self._chat(record)
        if turns is None:
            return Rejected("bad-turns")
        body = self._body.find(record)
        if body is None and turns:
            body = turns[-1].content
        if body is None:
            return Rejected("no-body")
        if not isinstance(body, str):
            return Rejected("body-not-text")
        return _Found(body=body, turns=turns)

    def _chat(self, record: Mapping[str, object]) -> tuple[Turn, ...] | None:
        """Return the record's chat, empty where it has none; None where it is no chat."""
        found = self._turns.find(record) if self._turns is not None else None
        return () if found is None else turns_of(found)

    def _accept(self, found: _Found, record: Mapping[str, object], place: str, now: datetime) -> Accepted | Rejected:
        body, turns = found.body, found.turns
        if not body.strip():
            return Rejected("empty")
        identity = word_of(self._id.find(record)) if self._id is not None else found.id or place
        if identity is None or len(identity) > LONGEST_ID:
            return Rejected("no-id" if identity is None else "bad-id")
        told = self._time.find(record) if self._time is not None else found.time
        seen_at = now if told is None and self._time is None else moment(told)
        if seen_at is None:
            return Rejected("bad-time", missing=told is None)
        ahead = seen_at - now > AHEAD
        labels = {name: word for name, path in self._labels.items() if (word := word_of(path.find(record))) is not None}
        group = word_of(self._group.find(record)) if self._group is not None else found.group
        target = word_of(self._target.find(record)) if self._target is not None else None
        said = (body, identity, group or "", target or "", *labels.values())
        if any(map(_has_surrogates, (*said, *(f"{turn.role}{turn.content}" for turn in turns)))):
            return Rejected("not-utf8")
        shortened = _cut(body, self._max_bytes)
        text = Text(
            id=identity,
            body=shortened,
            seen_at=now if ahead else seen_at,
            group=group[:LONGEST_ID] if group is not None else None,
            labels={name: word[:LONGEST_LABEL] for name, word in labels.items()},
            target=target if target is not None and len(target) <= LONGEST_TARGET else None,
            turns=tuple(_shortened(turn, self._max_bytes) for turn in turns),
        )
        return Accepted(text, cut=len(shortened) < len(body), ahead=ahead)


def word_of(value: object) -> str | None:
    """Return a string, number or truth as a word; None for anything else, and for nothing."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else None


def moment(value: object) -> datetime | None:
    """Return the moment that ISO 8601, or seconds or milliseconds since 1970, say; None where it is none of these."""
    try:
        if isinstance(value, datetime):
            return value.astimezone(UTC) if value.tzinfo is not None else value.replace(tzinfo=UTC)
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            if at.tzinfo is UTC:
                return at
            return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _shortened(turn: Turn, most: int) -> Turn:
    content = _cut(turn.content, most)
    return turn if content is turn.content else replace(turn, content=content)


def _cut(body: str, most: int) -> str:
    if len(body) * LONGEST_CHARACTER <= most:
        return body
    encoded = body.encode("utf-8")
    return body if len(encoded) <= most else encoded[:most].decode("utf-8", "ignore")


def _has_surrogates(body: str) -> bool:
    if body.isascii():
        return False
    try:
        body.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def is_utf8(content: bytes) -> bool:
    """Whether these bytes are text."""
    if content.isascii():
        return True
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
