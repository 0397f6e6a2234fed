"""Bodies of requests: JSON or NDJSON, gzip or not, to records; or what is wrong with them, and in which line."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_JSON = ("application/json", "text/json")
_LINES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
_MOST_UNPACKED = 64 * 1024 * 1024
_MOST_OBJECTS = 500_000
_MOST_VALUES = 5_000_000
_DECODER = msgspec.json.Decoder()
_HALF = re.compile(rb"(?<!\\)(?:\\\\)*(\\u[dD][89abAB][0-9a-fA-F]{2})(?!\\u[dD][c-fC-F])")


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


def records_in(body: bytes, *, content_type: str, content_encoding: str, many: str) -> Iterator[tuple[int, object]]:
    """Yield each record with its line, or its place in the array, from 1.

    A body is one object, an array of objects, an object with an array called ``many``, or one object a line.

    Raises:
        BatchError: 400 for what is no JSON or gzip, 413 for what unpacks to too much, 415 for other content.
    """
    content = bounded(unpacked(body, content_encoding))
    return records_of_whole(content, many=many) if form_of(content_type) == "whole" else _by_line(content)


def form_of(content_type: str) -> Literal["whole", "lines"]:
    """Return how the records of a body are written.

    Raises:
        BatchError: 415 for other content.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in _JSON:
        return "whole"
    if kind in _LINES:
        return "lines"
    raise BatchError(415, "Unsupported content", f'send {_JSON[0]} or {_LINES[0]}, not "{kind or "nothing"}"')


def unpacked(body: bytes, encoding: str, *, most: int = _MOST_UNPACKED) -> bytes:
    """Return the content of a body that may be packed.

    Raises:
        BatchError: 400 for what does not unpack, 413 for what unpacks to more than ``most`` bytes, 415 for another
            coding.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding != "gzip":
        raise BatchError(415, "Unsupported encoding", f'send gzip or no Content-Encoding, not "{coding}"')
    content = bytearray()
    while body:
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content += unpacker.decompress(body, most + 1 - len(content))
        except zlib.error as error:
            raise BatchError(400, "Not gzip", f"the body cannot be unpacked: {error}") from None
        if len(content) > most:
            raise BatchError(413, "Too large", f"the body unpacks to more than {most:,} bytes; send less at once")
        if not unpacker.eof:
            raise BatchError(400, "Not gzip", "the body ends in the middle")
        body = unpacker.unused_data  # gzip may come in several members
    return bytes(content)


def bounded(content: bytes) -> bytes:
    """Return the content as it is; what would become far more in memory than it is in bytes is refused unread.

    Characters are counted, in texts too, which no honest request has so many of.

    Raises:
        BatchError: 413 for too many lines, objects or values.
    """
    for signs, most, named in (
        (b"\n", _MOST_OBJECTS, "lines"),
        (b"{[", _MOST_OBJECTS, "objects"),
        (b",", _MOST_VALUES, "values"),
    ):
        # What is shorter than that cannot have so many, which spares most requests the counting.
        if len(content) > most and sum(content.count(signs[at : at + 1]) for at in range(len(signs))) > most:
            raise BatchError(413, "Too large", f"the body has more than {most:,} {named}; send less at once")
    return content


def records_of_whole(content: bytes, *, many: str) -> Iterator[tuple[int, object]]:
    """Yield each record of one JSON value with its place, from 1; see ``records_in``."""
    value = decoded(content, line=None)
    if isinstance(value, dict) and isinstance(value.get(many), list):
        value = value[many]
    yield from enumerate(value if isinstance(value, list) else [value], 1)


def _by_line(content: bytes) -> Iterator[tuple[int, object]]:
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.strip():
            yield number, decoded(line, line=number)


def decoded(content: bytes, *, line: int | None) -> object:
    """Return the JSON value that a body, or a line of it, holds.

    Raises:
        BatchError: 400 for what is no UTF-8 or JSON.
    """
    try:
        content.decode("utf-8")
        return _DECODER.decode(content)
    except UnicodeDecodeError as error:
        raise BatchError(400, "Not UTF-8", f"byte {error.start} is not UTF-8", line=line) from None
    except (msgspec.DecodeError, RecursionError) as error:
        raise BatchError(400, "Not JSON", _fault(content, error), line=line) from None


def _fault(content: bytes, error: Exception) -> str:
    """Return what is wrong; half a character, as of a text that was cut by length, is nothing the decoder can name."""
    half = _HALF.search(content)
    if half is None:
        return str(error)
    return f"{half[1].decode()} is half a character: the text was cut within one; send U+FFFD in its place"
