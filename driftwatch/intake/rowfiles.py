"""Rows of files that are read in pieces: JSON Lines, plain, gzip or Zstandard, and Parquet, in bounded memory."""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from driftwatch.intake import openai
from driftwatch.intake.filesystem import is_connection, open_file
from driftwatch.intake.record_fields import roots

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.intake.folder import FolderSettings
    from driftwatch.intake.listing import Entry

FORMATS = (".jsonl", ".ndjson", ".json")
_PACKED = (".gz", ".zst")
_LONGEST_LINE = 8 * 1024 * 1024
_BLOCK = 256 * 1024
_BOMB_FROM = 256 * 1024 * 1024
_BOMB_RATIO = 200  # text packs 3 to 30 times smaller
_MOST_GROUP_BYTES = 512 * 1024 * 1024
_BATCH = 1_000
_NOT_UTF8 = b"\xff"
"""Stands for a row with such words."""
_READ_ERRORS = (OSError, EOFError, zlib.error, ValueError)


class UnreadableFileError(Exception):
    """A file that cannot be read as what its name says; ``reason`` is counted."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Row:
    """A row: JSON as it stands in the file, or a record; its place makes an id."""

    place: str
    content: bytes | dict[str, object]


@dataclass(slots=True, kw_only=True)
class Rows:
    """What one read gave; ``broken`` says why a file ended before its end."""

    rows: list[Row] = field(default_factory=list)
    count: int = 0
    too_long: int = 0
    ended: bool = False
    broken: str | None = None


class RowFile(Protocol):
    """A file that is read in pieces."""

    @property
    def position(self) -> int:
        """Where to go on."""
        ...

    def read(self, limit: int) -> Rows:
        """Return up to ``limit`` rows."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


def is_known(name: str) -> bool:
    """Whether a file's name says that it is of a format we read."""
    return _plain(name).endswith(FORMATS) or name.endswith(".parquet")


def open_rows(system: Any, entry: Entry, settings: FolderSettings, *, begin: int) -> RowFile:  # noqa: ANN401 - fsspec's
    """Open a file at a position.

    Raises:
        UnreadableFileError: it is not what its name says.
        OSError: it cannot be reached.
    """
    hashed, raw = settings.id is None, open_file(system, entry)
    errors = _parquet_errors() if entry.name.endswith(".parquet") else _READ_ERRORS
    try:
        if entry.name.endswith(".parquet"):
            return ParquetRows(raw, settings, begin=begin, hashed=hashed)
        return LineRows(raw, entry, begin=begin, hashed=hashed)
    except UnreadableFileError:
        raw.close()
        raise
    except errors as error:
        raw.close()
        if is_connection(error):
            raise
        raise UnreadableFileError("unreadable-file") from error


class LineRows:
    """JSON Lines, unpacked on the way; no line longer than 8 MiB is held.

    Args:
        raw: the file as it lies there.
        entry: its name and size.
        begin: unpacked bytes to pass over.
        hashed: whether places carry a hash of their line.
    """

    def __init__(self, raw: Any, entry: Entry, *, begin: int, hashed: bool) -> None:  # noqa: ANN401 - fsspec's file
        self._raw, self._size, self._hashed = raw, entry.size, hashed
        self._stream = _unpacked(raw, entry.name)
        self.position = 0
        self._pass_over(begin, seekable=_plain(entry.name) == entry.name)

    def read(self, limit: int) -> Rows:
        """Return up to ``limit`` rows."""
        rows = Rows()
        try:
            while rows.count < limit and not rows.ended:
                self._line(rows)
        except UnreadableFileError as error:
            rows.ended, rows.broken = True, error.reason
        except _READ_ERRORS as error:
            if is_connection(error):
                raise
            rows.ended, rows.broken = True, "unreadable-file"
        return rows

    def close(self) -> None:
        """Close it."""
        self._stream.close()
        self._raw.close()

    def _line(self, rows: Rows) -> None:
        at, line = self.position, self._stream.readline(_LONGEST_LINE)
        self._move(len(line))
        if not line:
            rows.ended = True
        elif len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := self._stream.readline(_BLOCK)) and not rest.endswith(b"\n"):
                self._move(len(rest))
            self._move(len(rest))
            rows.too_long += 1
            rows.count += 1
        elif content := line.strip():
            known = f"{at}:{blake2b(content, digest_size=8).hexdigest()}" if self._hashed else str(at)
            rows.rows.append(Row(known, content))
            rows.count += 1

    def _move(self, length: int) -> None:
        self.position += length
        if self.position > _BOMB_FROM and self.position > _BOMB_RATIO * self._size:
            raise UnreadableFileError("unpacks-too-much")

    def _pass_over(self, begin: int, *, seekable: bool) -> None:
        if seekable and begin:
            self._stream.seek(begin)
            self.position = begin
        while self.position < begin:
            block = self._stream.read(min(_BLOCK, begin - self.position))
            if not block:
                raise UnreadableFileError("unreadable-file")
            self.position += len(block)


class ParquetRows:
    """Parquet, in batches of rows; a group of rows too large for memory is left out.

    Args:
        raw: the file.
        settings: which columns are read.
        begin: rows to pass over.
        hashed: whether places carry a hash of their row.
    """

    def __init__(self, raw: Any, settings: FolderSettings, *, begin: int, hashed: bool) -> None:  # noqa: ANN401
        from pyarrow.parquet import ParquetFile

        self._raw, self._hashed = raw, hashed
        self._file = ParquetFile(raw, buffer_size=_BLOCK, pre_buffer=False)
        there = set(self._file.schema_arrow.names)
        wanted = (*(openai.COLUMNS if settings.records == "openai" else ()), *roots(settings))
        self._columns = [name for name in wanted if name in there]
        if not self._columns:
            raise UnreadableFileError("no-column")
        self.position = 0
        self._left_out = 0
        self._batches = self._records(begin)

    def read(self, limit: int) -> Rows:
        """Return up to ``limit`` rows."""
        rows = Rows()
        try:
            while rows.count < limit and (record := next(self._batches, None)) is not None:
                rows.rows.append(Row(self._place(record), record or _NOT_UTF8))
                self.position += 1
                rows.count += 1
        except _parquet_errors() as error:
            if is_connection(error):
                raise
            rows.broken = "unreadable-file"
        rows.ended = rows.count < limit
        if self._left_out:
            rows.broken, self._left_out = rows.broken or "row-group-too-large", 0
        return rows

    def close(self) -> None:
        """Close it."""
        self._file.close()
        self._raw.close()

    def _records(self, begin: int) -> Iterator[dict[str, object]]:
        for group in range(self._file.num_row_groups):
            about = self._file.metadata.row_group(group)
            if self.position + about.num_rows <= begin:
                self.position += about.num_rows
            elif self._bytes(about) > _MOST_GROUP_BYTES:
                self.position += about.num_rows
                self._left_out += 1
            else:
                yield from self._group(group, begin)

    def _group(self, group: int, begin: int) -> Iterator[dict[str, object]]:
        skip = max(begin - self.position, 0)
        self.position += skip
        for batch in self._file.iter_batches(_BATCH, row_groups=[group], columns=self._columns, use_threads=False):
            if skip >= batch.num_rows:
                skip -= batch.num_rows
                continue
            yield from _records_of(batch.slice(skip))
            skip = 0

    def _bytes(self, about: Any) -> int:  # noqa: ANN401 - pyarrow's metadata
        chunks = (about.column(number) for number in range(about.num_columns))
        wanted = (each for each in chunks if each.path_in_schema.partition(".")[0] in self._columns)
        return sum(each.total_uncompressed_size for each in wanted)

    def _place(self, record: dict[str, object]) -> str:
        if not self._hashed:
            return str(self.position)
        content = msgspec.json.encode(record, enc_hook=str)
        return f"{self.position}:{blake2b(content, digest_size=8).hexdigest()}"


def _parquet_errors() -> tuple[type[Exception], ...]:
    """Return what reading Parquet raises where it cannot be read."""
    from pyarrow import ArrowException

    return (*_READ_ERRORS, ArrowException)


def _records_of(batch: Any) -> list[dict[str, object]]:  # noqa: ANN401 - pyarrow's
    """Return rows as records; one with words that are no UTF-8, which whoever wrote it did not check, is empty."""
    try:
        records: list[dict[str, object]] = batch.to_pylist()
    except UnicodeDecodeError:
        if batch.num_rows == 1:
            return [{}]
        return [record for number in range(batch.num_rows) for record in _records_of(batch.slice(number, 1))]
    return records


def _unpacked(raw: Any, name: str) -> Any:  # noqa: ANN401 - a binary stream
    if name.endswith(".gz"):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw), _BLOCK)
    if name.endswith(".zst"):
        import pyarrow as pa

        return io.BufferedReader(pa.CompressedInputStream(raw, "zstd"), _BLOCK)
    from fsspec.spec import AbstractBufferedFile

    # Files of buckets have no lines of a limited length; those of this machine need no second buffer.
    return io.BufferedReader(raw, _BLOCK) if isinstance(raw, AbstractBufferedFile) else raw


def _plain(name: str) -> str:
    return name.removesuffix(".gz").removesuffix(".zst")
