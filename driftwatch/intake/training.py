"""Reads training data: JSON Lines, plain text, CSV, Parquet, and folders saved by ``datasets``."""

from __future__ import annotations

import csv
from itertools import groupby, islice
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.intake.pieces import LINES, PARQUET, PROSE, TABLES, Piece, check_readable, check_same
from driftwatch.intake.training_records import (
    TrainingFields,
    columns_of,
    text_of,
    text_of_record,
    texts_of_rows,
    untimed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from datasets import Dataset

    from driftwatch.domain.text import Text

_BLOCK = 1024 * 1024
_BATCH = 1_000
_LONGEST_FIELD = 16 * 1024 * 1024


def read_training(
    paths: Sequence[Path],
    *,
    field: str | None = None,
    time: str | None = None,
    target: str | None = None,
    turns: str | None = None,
    group: str | None = None,
    limit: int | None = None,
) -> Iterator[Text]:
    """Yield the texts of training files in order.

    A text's id is the hash of its body; its time is 1970, which stands for unknown, unless a field names it.

    Args:
        paths: files, or folders saved by ``datasets``.
        field: as ``text`` of ``TrainingFields``.
        time: see there.
        target: see there.
        turns: see there.
        group: see there.
        limit: most texts.

    Raises:
        DataError: a file is missing, is no text, has no such field, or a time or chat is none; with file and line.
    """
    fields = TrainingFields(text=field, time=time, target=target, turns=turns, group=group)
    yield from islice((text for path in paths for text in _texts(Piece(path=path), fields)), limit)


def read_piece(piece: Piece, fields: TrainingFields) -> Iterator[Text]:
    """Yield the texts of a piece as ``read_training`` does those of files.

    Raises:
        DataError: see there; or the file is not the one that was cut.
    """
    check_same(piece)
    try:
        yield from _texts(piece, fields)
    except DataError:
        if piece.begin and piece.path.suffix.lower() in LINES:
            # How many lines come before a piece is only counted for what is to be said of a bad one.
            for _ in _json_lines(piece, fields, before=_lines_before(piece)):
                pass
        raise


def _texts(piece: Piece, fields: TrainingFields) -> Iterator[Text]:
    path = piece.path
    if path.is_dir():
        return _saved(piece, fields)
    check_readable(path)
    readers: dict[str, Callable[[Piece, TrainingFields], Iterator[Text]]] = {
        **dict.fromkeys(LINES, _json_lines),
        **dict.fromkeys(TABLES, _csv),
        PARQUET: _parquet,
        **dict.fromkeys(PROSE, _plain),
    }
    return readers[path.suffix.lower()](piece, fields)


def _lines(piece: Piece, *, before: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the lines that begin in a piece with their numbers, of which ``before`` were passed."""
    with piece.path.open("rb") as stream:
        at = piece.begin
        if at:
            stream.seek(at - 1)
            at += len(stream.readline()) - 1
        for number, line in enumerate(stream, before + 1):
            if piece.end is not None and at >= piece.end:
                return
            try:
                yield number, line.decode("utf-8-sig" if at == 0 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"byte {error.start + 1} is not UTF-8", where=f"{piece.path}:{number}", cure="save it as UTF-8"
                ) from None
            at += len(line)


def _lines_before(piece: Piece) -> int:
    """Return how many lines begin before a piece."""
    with piece.path.open("rb") as stream:
        whole, left = 0, piece.begin - 1
        while left > 0 and (block := stream.read(min(_BLOCK, left))):
            whole += block.count(b"\n")
            left -= len(block)
    return whole + 1


def _json_lines(piece: Piece, fields: TrainingFields, *, before: int = 0) -> Iterator[Text]:
    for number, line in _lines(piece, before=before):
        if not line.strip():
            continue
        where = f"{piece.path}:{number}"
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise DataError(f"this is no JSON: {error}", where=where, cure="write one JSON object a line") from None
        if isinstance(record, str):
            yield text_of(record, untimed(fields, where))
        elif isinstance(record, dict):
            yield text_of_record(record, fields, where)
        else:
            raise DataError(
                "this is no JSON object", where=where, cure='write one object a line, such as {"text": "…"}'
            )


def _csv(piece: Piece, fields: TrainingFields) -> Iterator[Text]:
    csv.field_size_limit(_LONGEST_FIELD)
    path = piece.path
    lines = (line + "\n" for _, line in _lines(piece))
    rows = csv.DictReader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        for row in rows:
            yield text_of_record({str(name): each for name, each in row.items()}, fields, f"{path}:{rows.line_num}")
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{path}:{rows.line_num}") from None


def _plain(piece: Piece, fields: TrainingFields) -> Iterator[Text]:
    """Yield paragraphs; in a file without blank lines, lines."""
    seen_at = untimed(fields, str(piece.path))
    # A file is looked through twice rather than held: whether it has a second paragraph may show at its end.
    if next(islice(_paragraphs(piece), 1, None), None) is None:
        yield from (text_of(line, seen_at) for _, line in _lines(piece) if line.strip())
    else:
        yield from (text_of(paragraph, seen_at) for paragraph in _paragraphs(piece))


def _paragraphs(piece: Piece) -> Iterator[str]:
    for blank, lines in groupby((line for _, line in _lines(piece)), key=lambda line: not line.strip()):
        if not blank:
            yield " ".join(lines)


def _parquet(piece: Piece, fields: TrainingFields) -> Iterator[Text]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = piece.path
    try:
        file = pq.ParquetFile(path)
        names = columns_of(dict.fromkeys(file.schema_arrow.names), fields, str(path))
        groups = range(file.num_row_groups)[piece.begin : piece.end]
        first = 1 + sum(file.metadata.row_group(group).num_rows for group in range(piece.begin))
        for batch in file.iter_batches(_BATCH, row_groups=list(groups), columns=names):
            yield from texts_of_rows(batch.to_pylist(), fields, path, first=first)
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"this is no Parquet file: {error}", where=str(path), cure="write it anew") from None


def saved_parts(path: Path) -> Sequence[Dataset]:
    """Return the parts of a folder saved by ``datasets``, one after the other.

    Raises:
        DataError: it was not.
    """
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"this folder was not saved by datasets: {error}", where=str(path), cure="name the files in it one by one"
        ) from None
    return list(loaded.values()) if isinstance(loaded, DatasetDict) else [loaded]


def _saved(piece: Piece, fields: TrainingFields) -> Iterator[Text]:
    passed = 0
    for part in saved_parts(piece.path):
        begin = min(max(piece.begin - passed, 0), len(part))
        end = len(part) if piece.end is None else min(max(piece.end - passed, 0), len(part))
        passed += len(part)
        if begin < end:
            yield from _saved_rows(part.select(range(begin, end)), fields, piece.path, first=begin + 1)


def _saved_rows(part: Dataset, fields: TrainingFields, path: Path, *, first: int) -> Iterator[Text]:
    names = columns_of(dict.fromkeys(part.column_names), fields, str(path))
    for batch in part.select_columns(names).iter(batch_size=_BATCH):
        rows = [dict(zip(names, row, strict=True)) for row in zip(*(batch[name] for name in names), strict=True)]
        yield from texts_of_rows(rows, fields, path, first=first)
        first += len(rows)
