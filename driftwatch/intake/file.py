"""Follows a log file through rotation, truncation and restarts: nothing twice, nothing lost."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Literal, cast

import msgspec
import structlog

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Cursor, Page, Text
from driftwatch.intake.records import MOST_BYTES, Accepted, Records, Rejected

if TYPE_CHECKING:
    from driftwatch.domain.protocols import Clock

log = structlog.get_logger()

_HEAD = 1_024
_LONGEST_LINE = 8 * 1024 * 1024
_BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSettings:
    """A log file that is followed.

    Args:
        type: ``file``.
        path: of the file; it need not exist yet.
        format: ``jsonl``, ``lines``, or ``auto`` to tell by the file's first byte.
        body: field path of the text.
        id: field path of the text's id; without one its place in the log is its id.
        time: field path of its time.
        group: field path of its session or author.
        labels: names of attributes and the field paths of their values.
        max_bytes: longer bodies are cut.
        name: of the source; two sources of a stream need different ones.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    type: Literal["file"] = "file"
    path: Path
    format: Literal["auto", "jsonl", "lines"] = "auto"
    body: str = "text"
    id: str | None = None
    time: str | None = None
    group: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    max_bytes: int = MOST_BYTES
    name: str = "file"

    def __post_init__(self) -> None:
        if self.max_bytes < 1:
            raise ValueError("max_bytes must be at least 1")
        records_of(self)


def records_of(settings: FileSettings) -> Records:
    """Return the reader of records that the settings describe.

    Raises:
        ValueError: a field path is none.
    """
    return Records(
        body=settings.body,
        id=settings.id,
        time=settings.time,
        group=settings.group,
        labels=settings.labels,
        max_bytes=settings.max_bytes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a log was read.

    Args:
        generation: number of files finished before this one.
        offset: bytes of it read, up to the end of a line.
        inode: of the file.
        head: hash of its first bytes, to know it again under another name.
        head_bytes: how many bytes that hash is of.
    """

    generation: int = 0
    offset: int = 0
    inode: int = 0
    head: str = ""
    head_bytes: int = 0


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
        self._records = records_of(settings)

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return up to ``limit`` texts after the cursor.

        Raises:
            DataError: the file cannot be read.
        """
        position = msgspec.json.decode(after.position, type=Position) if after is not None else Position()
        try:
            return self._read(position, limit)
        except OSError as error:
            raise DataError(
                f"the log cannot be read: {error.strerror or error}",
                where=str(self._settings.path),
                cure="let the user that driftwatch runs as read it",
                retryable=True,
            ) from error

    def _read(self, position: Position, limit: int) -> Page:
        path = self._settings.path
        found = _find(path, position)
        if found is None:
            return Page(texts=(), cursor=None)
        file, at = found
        # The writer of a file just renamed may go on writing to it until it has opened the new one: only when that one
        # has something in it is the old one finished.
        finished = file != path and path.is_file() and path.stat().st_size > 0
        page, end = self._read_file(file, at, limit, finished=finished)
        if not finished or page.more:
            moved = end != position
            return replace(page, cursor=self._cursor(end) if moved else None)
        # A rotated file that was read to its end: its last line is whole, with or without a line feed.
        following = _begun(_next_after(file, path), generation=end.generation + 1)
        return replace(page, cursor=self._cursor(following), more=True)

    def _read_file(self, file: Path, position: Position, limit: int, *, finished: bool) -> tuple[Page, Position]:
        texts: list[Text] = []
        rejected: Counter[str] = Counter()
        offset = position.offset
        more = False
        read = 0
        with _opened(file) as stream:
            head = stream.read(_HEAD)
            is_json = self._is_json(head)
            stream.seek(offset)
            for line, length, whole in _lines(stream):
                if not whole and not finished:
                    break
                if read >= limit:
                    more = True
                    break
                self._take(line, is_json, f"{self._settings.name}:{position.generation}:{offset}", texts, rejected)
                offset += length
                read += 1
        counts = {reason: count for reason, count in rejected.items() if count}
        end = _fingerprinted(replace(position, offset=offset), head, file)
        return Page(texts=tuple(texts), cursor=None, rejected=counts, more=more), end

    def _take(self, line: bytes | None, is_json: bool, place: str, texts: list[Text], rejected: Counter[str]) -> None:
        if line is None:
            rejected["line-too-long"] += 1
            return
        if not line.strip():
            return
        read = self._records.json if is_json else self._records.line
        match read(line, place=place, now=self._clock.now()):
            case Accepted(text=text, cut=cut):
                texts.append(text)
                rejected["cut"] += cut
            case Rejected(reason=reason):
                rejected[reason] += 1

    def _is_json(self, head: bytes) -> bool:
        if self._settings.format != "auto":
            return self._settings.format == "jsonl"
        return head.lstrip()[:1] == b"{"

    def _cursor(self, position: Position) -> Cursor:
        return Cursor(source=self._settings.name, position=msgspec.json.encode(position).decode())


def _find(path: Path, position: Position) -> tuple[Path, Position] | None:
    """Return the file that the position is in and where in it, or None where there is nothing to read."""
    if not position.head:
        return (path, position) if path.is_file() else None
    here = [path] if path.is_file() else []
    same = [file for file in (*here, *_neighbours(path)) if _is_same(file, position)]
    if same:
        # Of files that begin alike, the one that was read is the one with its inode.
        return min(same, key=lambda file: file.stat().st_ino != position.inode), position
    if not here:
        return None
    log.warning("log_cut_off", path=str(path), generation=position.generation)
    return path, Position(generation=position.generation + 1)


def _is_same(file: Path, position: Position) -> bool:
    try:
        with _opened(file) as stream:
            head = stream.read(position.head_bytes)
            if len(head) < position.head_bytes or _hash(head) != position.head:
                return False
            if file.suffix == ".gz":
                return True
            return os.fstat(stream.fileno()).st_size >= position.offset
    except (OSError, EOFError, zlib.error):
        return False


def _neighbours(path: Path) -> list[Path]:
    """Return the rotated files beside the log, oldest first: ``log.1``, ``log-20260101``, ``log.1.gz`` and so on."""
    try:
        beside = [each for each in path.parent.iterdir() if each.name != path.name and _is_rotated(each.name, path)]
        return sorted(beside, key=lambda each: (each.stat().st_mtime_ns, each.name))
    except OSError:
        return []


def _next_after(file: Path, path: Path) -> Path:
    """Return the file that was written after a rotated one; the reader may have missed several rotations."""
    neighbours = _neighbours(path)
    later = neighbours[neighbours.index(file) + 1 :] if file in neighbours else []
    packed = file.name.removesuffix(".gz")
    return next((each for each in later if each.name.removesuffix(".gz") != packed), path)


def _begun(file: Path, *, generation: int) -> Position:
    """Return the position at a file's beginning, the file known by what stands there."""
    with _opened(file) as stream:
        head = stream.read(_HEAD)
    return Position(
        generation=generation, inode=file.stat().st_ino, head=_hash(head) if head else "", head_bytes=len(head)
    )


def _is_rotated(name: str, path: Path) -> bool:
    rest = name.removesuffix(".gz")
    if rest.startswith(path.name) and rest[len(path.name) : len(path.name) + 1] in (".", "-", "_", ""):
        return True
    return rest.startswith(path.stem + "-") and rest.endswith(path.suffix)


def _opened(file: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(file, "rb")) if file.suffix == ".gz" else file.open("rb")


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


def _fingerprinted(position: Position, head: bytes, file: Path) -> Position:
    """Know the file by as much of its beginning as was read: those bytes never change again."""
    size = min(position.offset, _HEAD, len(head))
    if size <= position.head_bytes:
        return position
    return replace(position, head=_hash(head[:size]), head_bytes=size, inode=file.stat().st_ino)


def _hash(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
