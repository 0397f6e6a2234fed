"""Bodies of requests: JSON or NDJSON, gzip or not, to texts; or what is wrong with them, and in which line."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import ClassVar, Literal

import msgspec

from driftwatch.domain.text import Text
from driftwatch.intake.records import MOST_BYTES, Accepted, Records, Rejected

_JSON = ("application/json", "text/json")
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_MOST_UNPACKED = 64 * 1024 * 1024
_DECODER = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Texts that are posted to ``/v1/streams/STREAM/texts``.

    Args:
        type: ``http``.
        body: field path of the text.
        id: field path of the text's id; one without gets a hash of itself: a repeated request counts once.
        time: field path of its time.
        group: field path of its session or author.
        labels: names of attributes and the field paths of their values.
        max_bytes: longer bodies are cut.
        name: of the source.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    type: Literal["http"] = "http"
    body: str = "text"
    id: str | None = "id"
    time: str | None = None
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = MOST_BYTES
    name: str = "http"

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError("max_bytes must be at least 1")
        _records(self)


class BatchError(Exception):
    """A body of which nothing was taken.

    Args:
        status: of HTTP.
        title: the kind of problem.
        detail: what is wrong and what would be right.
        line: of the body, from 1, where one is to blame.
    """

    def __init__(self, status: int, title: str, detail: str, *, line: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.title, self.detail, self.line = status, title, detail, line


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
    """

    texts: tuple[Text, ...]
    rejected: tuple[RejectedRecord, ...]
    cut: int

    @property
    def counts(self) -> Mapping[str, int]:
        """Outcomes to count."""
        counts = Counter(each.reason for each in self.rejected)
        if self.cut:
            counts["cut"] = self.cut
        return counts


def parse_batch(
    body: bytes, *, content_type: str, content_encoding: str, settings: HttpSettings, now: datetime
) -> Batch:
    """Read a body: one object, an array of objects, ``{"texts": […]}``, or one object a line.

    Records that are no texts are skipped and named, as long as one text is left.

    Raises:
        BatchError: 400 for what is no JSON or gzip, 413 for what unpacks to too much, 415 for other kinds of
            content, 422 where no record is a text.
    """
    content = _unpacked(body, content_encoding)
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _JSON:
        records: Iterator[tuple[int, object]] = _whole(content)
    elif kind in _LINES:
        records = _by_line(content)
    else:
        raise BatchError(415, "Unsupported content", f'send {_JSON[0]} or {_LINES[0]}, not "{kind or "nothing"}"')
    return _batch(records, settings, now)


def _batch(records: Iterator[tuple[int, object]], settings: HttpSettings, now: datetime) -> Batch:
    reader = _records(settings)
    texts: list[Text] = []
    rejected: list[RejectedRecord] = []
    cut = 0
    for line, record in records:
        match reader.record(_with_id(record, settings), place=f"{settings.name}:{line}", now=now):
            case Accepted(text=text, cut=was_cut):
                texts.append(text)
                cut += was_cut
            case Rejected(reason=reason):
                rejected.append(RejectedRecord(line=line, reason=reason))
    if not texts:
        raise _nothing(rejected, settings)
    return Batch(texts=tuple(texts), rejected=tuple(rejected), cut=cut)


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
        "bad-id": f'"{settings.id}" is longer than 500 characters',
        "not-utf8": "it holds a lone surrogate, which is no text",
    }
    return BatchError(
        422, "No usable text", f"{first.reason}: {hints.get(first.reason, first.reason)}", line=first.line
    )


def _records(settings: HttpSettings) -> Records:
    return Records(
        body=settings.body,
        id=settings.id,
        time=settings.time,
        group=settings.group,
        labels=settings.labels,
        max_bytes=settings.max_bytes,
    )


def _with_id(record: object, settings: HttpSettings) -> object:
    """Give a record without an id the hash of its content: the same request again is the same text."""
    if settings.id is None or not isinstance(record, dict) or "." in settings.id or "[" in settings.id:
        return record
    if record.get(settings.id) not in (None, ""):
        return record
    content = msgspec.json.encode(record, order="deterministic")
    return {**record, settings.id: f"h:{blake2b(content, digest_size=16).hexdigest()}"}


def _unpacked(body: bytes, encoding: str) -> bytes:
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding != "gzip":
        raise BatchError(415, "Unsupported encoding", f'send gzip or no Content-Encoding, not "{coding}"')
    content = bytearray()
    while body:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content += unpacker.decompress(body, _MOST_UNPACKED + 1 - len(content))
        except zlib.error as error:
            raise BatchError(400, "Not gzip", f"the body cannot be unpacked: {error}") from None
        if len(content) > _MOST_UNPACKED:
            raise BatchError(
                413, "Too large", f"the body unpacks to more than {_MOST_UNPACKED:,} bytes; send less at once"
            )
        if not unpacker.eof:
            raise BatchError(400, "Not gzip", "the body ends in the middle")
        body = unpacker.unused_data  # gzip may come in several members
    return bytes(content)


def _whole(content: bytes) -> Iterator[tuple[int, object]]:
    value = _decoded(content, line=None)
    if isinstance(value, dict) and isinstance(value.get("texts"), list):
        value = value["texts"]
    yield from enumerate(value if isinstance(value, list) else [value], 1)


def _by_line(content: bytes) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield number, _decoded(line, line=number)


def _decoded(content: bytes, *, line: int | None) -> object:
    try:
        content.decode("utf-8")
        return _DECODER.decode(content)
    except UnicodeDecodeError as error:
        raise BatchError(400, "Not UTF-8", f"byte {error.start} is not UTF-8", line=line) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BatchError(400, "Not JSON", str(error), line=line) from None
