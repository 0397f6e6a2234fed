"""Texts that are posted: from a request's body to a batch, or what is wrong with it, and in which line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Literal

import msgspec

from driftwatch.domain.text import Text
from driftwatch.intake.bodies import BatchError, bounded, decoded, form_of, records_of_whole, unpacked
from driftwatch.intake.drafts import Drafts
from driftwatch.intake.plain import plain_of
from driftwatch.intake.record_fields import RecordFields, records_of
from driftwatch.intake.records import Accepted, Rejected


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
    """A record that was skipped, and whether what the reason names is not there at all."""

    line: int
    reason: str
    missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a body held.

    Args:
        texts: in order.
        rejected: records skipped, by line or place in the array, from 1.
        cut: texts whose bodies were cut.
        ahead: texts whose times lay ahead of ours.
    """

    texts: Sequence[Text]
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
            found = (
                self._record(record, place, read, now) for place, record in records_of_whole(content, many="texts")
            )
            read.texts = [text for text in found if text is not None]
        if not read.texts:
            raise _nothing(read.rejected, self._settings)
        return Batch(texts=read.texts, rejected=tuple(read.rejected), cut=read.cut, ahead=read.ahead)

    def _lines(self, content: bytes, read: _Read, now: datetime) -> None:
        content = content.removesuffix(b"\n")
        if self._plain is None:
            long_way = self._long_way(content, None, read, now)
            read.texts = list(long_way.values())
        else:
            sifted = self._plain.lines(content, place=self._place, now=now)
            long_way = self._long_way(content, sifted.odd, read, now) if sifted.odd else {}
            read.texts = Drafts((sifted.part(long_way),))

    def _long_way(self, content: bytes, places: Sequence[int] | None, read: _Read, now: datetime) -> dict[int, Text]:
        """Read the lines at some places, or all, one after the other, and return what texts they are."""
        lines, texts = content.split(b"\n"), {}
        for place in range(len(lines)) if places is None else places:
            if lines[place].strip():
                text = self._record(decoded(lines[place], line=place + 1), place + 1, read, now)
                texts.update({place: text} if text is not None else {})
        return texts

    def _array(self, content: bytes, read: _Read, now: datetime) -> bool:
        """Read an array of plain records; False where it is none, or holds others."""
        found = self._plain.array(content, place=self._place, now=now) if self._plain else None
        if found is None or not found.ids or found.odd:
            return False
        read.texts = Drafts((found.part({}),))
        return True

    def _record(self, record: object, line: int, read: _Read, now: datetime) -> Text | None:
        place = self._place(line - 1)
        match self._records.record(_with_id(record, self._settings), place=place, now=now):
            case Accepted(text=text, cut=cut, ahead=ahead):
                read.cut += cut
                read.ahead += ahead
                return text
            case Rejected(reason=reason, missing=missing):
                read.rejected.append(RejectedRecord(line=line, reason=reason, missing=missing))
                return None

    def _place(self, number: int) -> str:
        return f"{self._settings.name}:{number + 1}"


@dataclass(slots=True)
class _Read:
    """What was read of a body so far."""

    texts: Sequence[Text] = ()
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
        "bad-time": f'there is no "{settings.time}" in it; send the time as ISO 8601 or seconds since 1970, or take '
        "time out of the source's settings, so that the time of arrival counts"
        if first.missing
        else f'"{settings.time}" is no time; write ISO 8601 or seconds since 1970',
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
