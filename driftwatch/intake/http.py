"""Texts that are posted: from a request's body to a batch, or what is wrong with it, and in which line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from itertools import repeat
from typing import Literal

import msgspec

from driftwatch.domain.text import Text
from driftwatch.intake.bodies import BatchError, bounded, decoded, form_of, records_of_whole, unpacked
from driftwatch.intake.plain import plain_of
from driftwatch.intake.record_fields import RecordFields, records_of
from driftwatch.intake.records import Accepted, Rejected, is_utf8


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings(RecordFields):
    """Texts that are posted to ``/v1/streams/STREAM/texts``.

    Args:
        type: ``http``.
        id: field path of the text's id; one without gets a hash of itself: a repeated request counts once.
        name: of the source.
    """

    type: Literal["http"] = "http"
    id: str | None = "id"
    name: str = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRecord:
    """A record that was skipped."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a body held.

    Args:
        texts: in order.
        rejected: records skipped, by line or place in the array, from 1.
        cut: texts whose bodies were cut.
        ahead: texts whose times lay ahead of ours.
    """

    texts: tuple[Text, ...]
    rejected: tuple[RejectedRecord, ...]
    cut: int
    ahead: int = 0

    @property
    def counts(self) -> Mapping[str, int]:
        """Outcomes to count."""
        counts = Counter(each.reason for each in self.rejected)
        counts.update({"cut": self.cut, "clock-ahead": self.ahead})
        return +counts


class HttpReader:
    """Reads the bodies of requests.

    Args:
        settings: what their records look like.
    """

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._records, self._plain = records_of(settings), plain_of(settings)

    def read(self, body: bytes, *, content_type: str, content_encoding: str, now: datetime) -> Batch:
        """Read a body: one object, an array of objects, ``{"texts": […]}``, or one object a line.

        Records that are no texts are skipped and named, as long as one text is left.

        Raises:
            BatchError: 400 for what is no JSON or gzip, 413 for what unpacks to too much, 415 for other kinds of
                content, 422 where no record is a text.
        """
        content, kind = bounded(unpacked(body, content_encoding)), form_of(content_type)
        read = _Read()
        if kind == "lines":
            self._lines(content, read, now)
        elif not self._array(content, read, now):
            for place, record in records_of_whole(content, many="texts"):
                self._record(record, place, read, now)
        if not read.texts:
            raise _nothing(read.rejected, self._settings)
        return Batch(texts=tuple(read.texts), rejected=tuple(read.rejected), cut=read.cut, ahead=read.ahead)

    def _lines(self, content: bytes, read: _Read, now: datetime) -> None:
        lines = content.split(b"\n")
        quick = self._plain is not None and is_utf8(content)
        found = self._plain.lines(lines, place=self._place, now=now) if self._plain and quick else repeat(None)
        for number, (line, text) in enumerate(zip(lines, found, strict=False), 1):
            if text is not None:
                read.texts.append(text)
            elif line.strip():
                self._record(decoded(line, line=number), number, read, now)

    def _array(self, content: bytes, read: _Read, now: datetime) -> bool:
        """Read an array of plain records; False where it is none, or holds others."""
        found = self._plain.array(content, place=self._place, now=now) if self._plain and is_utf8(content) else None
        texts = [text for text in found or () if text is not None]
        if not texts or found is None or len(texts) < len(found):
            return False
        read.texts = texts
        return True

    def _record(self, record: object, line: int, read: _Read, now: datetime) -> None:
        place = self._place(line - 1)
        match self._records.record(_with_id(record, self._settings), place=place, now=now):
            case Accepted(text=text, cut=cut, ahead=ahead):
                read.texts.append(text)
                read.cut += cut
                read.ahead += ahead
            case Rejected(reason=reason):
                read.rejected.append(RejectedRecord(line=line, reason=reason))

    def _place(self, number: int) -> str:
        return f"{self._settings.name}:{number + 1}"


@dataclass(slots=True)
class _Read:
    """What was read of a body so far."""

    texts: list[Text] = field(default_factory=list)
    rejected: list[RejectedRecord] = field(default_factory=list)
    cut: int = 0
    ahead: int = 0


def _nothing(rejected: Sequence[RejectedRecord], settings: HttpSettings) -> BatchError:
    if not rejected:
        return BatchError(422, "No texts", "the body holds no record")
    first = rejected[0]
    hints = {
        "no-body": f'there is no "{settings.body}" in it',
        "body-not-text": f'"{settings.body}" is no string',
        "empty": f'"{settings.body}" is empty',
        "not-an-object": "it is no JSON object",
        "bad-time": f'"{settings.time}" is no time; write ISO 8601 or seconds since 1970',
        "no-id": f'there is no "{settings.id}" in it',
        "bad-turns": f'"{settings.turns or "messages"}" is no list of messages with role and content',
        "bad-id": f'"{settings.id}" is longer than 500 characters',
        "not-utf8": "it holds a lone surrogate, which is no text",
    }
    return BatchError(
        422, "No usable text", f"{first.reason}: {hints.get(first.reason, first.reason)}", line=first.line
    )


def _with_id(record: object, settings: HttpSettings) -> object:
    """Give a record without an id the hash of its content: the same request again is the same text."""
    if settings.id is None or not isinstance(record, dict) or "." in settings.id or "[" in settings.id:
        return record
    if record.get(settings.id) not in (None, ""):
        return record
    content = msgspec.json.encode(record, order="deterministic")
    return {**record, settings.id: f"h:{blake2b(content, digest_size=16).hexdigest()}"}
