"""Follows a log file through rotation, truncation and restarts: nothing twice, nothing lost."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Cursor, Page
from driftwatch.intake.gathered import Gathered
from driftwatch.intake.lines import beginnings
from driftwatch.intake.plain import plain_of
from driftwatch.intake.record_fields import RecordFields, records_of
from driftwatch.intake.rotation import HEAD, Position, begins_with, find, fingerprinted, next_position, opened

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Clock

_LONGEST_LINE = 8 * 1024 * 1024
_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings(RecordFields):
    """A log file that is followed.

    Args:
        type: ``file``.
        path: of the file; it need not exist yet.
        format: ``jsonl``, ``lines``, or ``auto`` to tell by the file's first byte.
        id: field path of the text's id; without one its place in the log is its id.
        name: of the source; two sources of a stream need different ones.
    """

    type: Literal["file"] = "file"
    path: Path
    format: Literal["auto", "jsonl", "lines"] = "auto"
    name: str = "file"


class FileSource:
    """Reads a log from a cursor on.

    A file is known again by the hash of its beginning, so a cursor survives renames, copies and compression.

    Args:
        settings: which file and what its records look like.
        clock: for records without a time.
    """

    def __init__(self, settings: FileSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._records, self._plain = records_of(settings), plain_of(settings)

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return up to ``limit`` texts after the cursor.

        Raises:
            DataError: the file cannot be read.
        """
        position = msgspec.json.decode(after.position, type=Position) if after is not None else Position()
        try:
            return self._read(position, limit)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"the log cannot be read: {getattr(error, 'strerror', None) or error}",
                where=str(self._settings.path),
                cure="let the user that driftwatch runs as read it",
                retryable=True,
            ) from error

    def _read(self, position: Position, limit: int) -> Page:
        path = self._settings.path
        found = find(path, position)
        if found is None:
            return Page(texts=(), cursor=None)
        file, at = found
        following = next_position(file, path, at) if file != path else None
        page, end = self._read_file(file, at, limit, finished=following is not None)
        if following is None or page.more:
            moved = end != position
            return replace(page, cursor=self._cursor(end) if moved else None)
        # A rotated file that was read to its end: its last line is whole, with or without a line feed.
        return replace(page, cursor=self._cursor(following), more=True)

    def _read_file(self, file: Path, position: Position, limit: int, *, finished: bool) -> tuple[Page, Position]:
        gathered = Gathered()
        offset = position.offset
        more = False
        read = 0
        with opened(file) as stream:
            head = stream.read(HEAD)
            if not begins_with(head, position):
                # It was rotated away between the look and the opening: the next read finds it under its new name.
                return Page(texts=(), cursor=None, more=True), position
            is_json = self._is_json(head)
            where = f"{self._settings.name}:{position.generation}"
            while is_json and read < limit and (block := _block(stream, offset, limit - read)) is not None:
                self._take_all(block, where, offset, gathered)
                offset += len(block.content) + 1
                read += len(block.begins)
            stream.seek(offset)
            for line, length, whole in _lines(stream):
                if not whole and not finished:
                    break
                if read >= limit:
                    more = True
                    break
                self._take(line, f"{where}:{offset}", gathered, is_json=is_json)
                offset += length
                read += 1
        end = fingerprinted(replace(position, offset=offset), head, file)
        return gathered.page(None, more=more), end

    def _take_all(self, block: _Block, where: str, offset: int, gathered: Gathered) -> None:
        """Take whole lines of records."""

        def place(number: int) -> str:
            return f"{where}:{offset + block.begins[number]}"

        gathered.take_lines(block.content, self._plain, self._records, place=place, now=self._clock.now())

    def _take(self, line: bytes | None, place: str, gathered: Gathered, *, is_json: bool) -> None:
        if line is None:
            gathered.rejected["line-too-long"] += 1
        elif line.strip():
            read = self._records.json if is_json else self._records.line
            gathered.take(read(line, place=place, now=self._clock.now()))

    def _is_json(self, head: bytes) -> bool:
        if self._settings.format != "auto":
            return self._settings.format == "jsonl"
        return head.lstrip()[:1] == b"{"

    def _cursor(self, position: Position) -> Cursor:
        return Cursor(source=self._settings.name, position=msgspec.json.encode(position).decode())


@dataclass(frozen=True, slots=True)
class _Block:
    """Whole lines, without the last one's line feed, and where in them each begins."""

    content: bytes
    begins: list[int]


def _block(stream: BinaryIO, offset: int, most: int) -> _Block | None:
    """Return the next lines that end within a block; None where there is none, or too long a one."""
    stream.seek(offset)
    content, end, _ = stream.read(_BLOCK).rpartition(b"\n")
    if not end:
        return None
    begins = beginnings(content)
    if len(begins) > most:
        content, begins = content[: begins[most] - 1], begins[:most]
    return _Block(content, begins)


def _lines(stream: BinaryIO) -> Iterator[tuple[bytes | None, int, bool]]:
    """Yield each line without its end (None for one too long to hold), its length in bytes, and whether it ended."""
    while True:
        line = stream.readline(_LONGEST_LINE)
        if not line:
            return
        if line.endswith(b"\n"):
            yield line.rstrip(b"\r\n"), len(line), True
        elif len(line) < _LONGEST_LINE:
            yield line, len(line), False
        else:
            length, ended = _skip_rest(stream)
            yield None, len(line) + length, ended


def _skip_rest(stream: BinaryIO) -> tuple[int, bool]:
    length = 0
    while block := stream.readline(_BLOCK):
        length += len(block)
        if block.endswith(b"\n"):
            return length, True
    return length, False
