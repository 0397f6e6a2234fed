"""Pieces of training data that are read one by one, on one host or on many: byte ranges, row groups or rows of files.

A line belongs to the piece that its first byte lies in, so every line is read once wherever files are cut. What stands
in quotes may hold line ends, and what lies between paragraphs may lie between pieces: CSV and plain text stay whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LINES = (".jsonl", ".ndjson", ".json")
TABLES = (".csv", ".tsv")
PARQUET = ".parquet"
PROSE = (".txt", ".md", ".log")
PIECE_BYTES = 32 * 1024 * 1024
"""About the size of a piece; what a worker holds at a time is in proportion."""
PIECE_ROWS = 200_000
"""Of a folder saved by ``datasets``, whose rows have no sizes of their own."""
_BINARY = b"\0"
_SNIFFED = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a training file.

    Args:
        path: of the file, or of a folder saved by ``datasets``.
        begin: the first byte of JSON Lines, row group of Parquet, or row of a saved folder; 0 of other files.
        end: the first one after it; None for all to the end.
        weight: about its bytes, for progress.
        size: bytes of the whole file when the pieces were cut; 0 of a folder.
    """

    path: Path
    begin: int = 0
    end: int | None = None
    weight: int = 0
    size: int = 0


def cut(paths: Sequence[Path], *, piece_bytes: int = PIECE_BYTES, piece_rows: int = PIECE_ROWS) -> list[Piece]:
    """Return the pieces of training files, in order.

    Raises:
        DataError: a file is missing, or not what its name says.
    """
    return [piece for path in paths for piece in _pieces(path.absolute(), piece_bytes, piece_rows)]


def check_same(piece: Piece) -> None:
    """Refuse a file that is another one here than where the pieces were cut.

    Raises:
        DataError: it has another size, or is not there.
    """
    if piece.size and (not piece.path.is_file() or piece.path.stat().st_size != piece.size):
        raise DataError(
            "the file has changed, or is another one on this host",
            where=str(piece.path),
            cure="keep training data as it is while it is read, under the same path on every node",
        )


def check_readable(path: Path) -> None:
    """Refuse what is no file of a kind known here.

    Raises:
        DataError: it is missing, of another kind, empty, or no text where it should be.
    """
    if not path.is_file():
        raise DataError(
            "there is no such file",
            where=str(path),
            cure="check the path; those in a configuration begin at its folder",
        )
    kinds = (*LINES, *TABLES, PARQUET, *PROSE)
    if path.suffix.lower() not in kinds:
        known = " ".join(kinds)
        raise DataError(
            f'"{path.suffix}" is no kind of training data known here', where=str(path), cure=f"known: {known}"
        )
    if path.suffix.lower() != PARQUET:
        _check_text(path)


def _check_text(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            head = stream.read(_SNIFFED)
    except OSError as error:
        raise DataError(f"it cannot be read: {error.strerror}", where=str(path)) from None
    if not head:
        raise DataError("the file is empty", where=str(path), cure="give a file that holds texts")
    if _BINARY in head:
        raise DataError("this is no text file", where=str(path), cure="give JSON Lines, text, CSV or Parquet")


def _pieces(path: Path, piece_bytes: int, piece_rows: int) -> Iterator[Piece]:
    if path.is_dir():
        yield from _rows(path, piece_rows)
        return
    check_readable(path)
    size = path.stat().st_size
    kind = path.suffix.lower()
    if kind in LINES and size > piece_bytes:
        for begin in range(0, size, piece_bytes):
            end = min(begin + piece_bytes, size)
            yield Piece(path=path, begin=begin, end=end, weight=end - begin, size=size)
    elif kind == PARQUET and size > piece_bytes:
        yield from _row_groups(path, size, piece_bytes)
    else:
        yield Piece(path=path, weight=size, size=size)


def _row_groups(path: Path, size: int, piece_bytes: int) -> Iterator[Piece]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        about = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"this is no Parquet file: {error}", where=str(path), cure="write it anew") from None
    begin, weight = 0, 0
    for group in range(about.num_row_groups):
        weight += about.row_group(group).total_byte_size
        if weight >= piece_bytes or group == about.num_row_groups - 1:
            yield Piece(path=path, begin=begin, end=group + 1, weight=weight, size=size)
            begin, weight = group + 1, 0


def _rows(path: Path, piece_rows: int) -> Iterator[Piece]:
    from driftwatch.intake.training import saved_parts

    total = sum(len(part) for part in saved_parts(path))
    weight = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    for begin in range(0, max(total, 1), piece_rows):
        end = min(begin + piece_rows, total)
        yield Piece(path=path, begin=begin, end=end, weight=weight * (end - begin) // max(total, 1))
