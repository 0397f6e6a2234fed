"""Reads training data: JSON Lines, plain text, CSV, Parquet, and folders saved by ``datasets``."""

from __future__ import annotations

import csv
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Text, Turn
from driftwatch.intake.chats import turns_of
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.pieces import LINES, PARQUET, PROSE, TABLES, Piece, check_readable, check_same
from driftwatch.intake.records import moment, word_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from datasets import Dataset

_USUAL = ("text", "body", "content", "sentence", "prompt", "message")
_WHEN = datetime(1970, 1, 1, tzinfo=UTC)
_BLOCK = 1024 * 1024
_BATCH = 1_000
_LONGEST_FIELD = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingFields:
    """Names of fields or columns, or paths into them such as ``messages[0].content``.

    Args:
        text: of the text; None to take the last message of its chat, or else the only usual one.
        time: of its time: ISO 8601, or seconds or milliseconds since 1970; None where it has none.
        target: of its class; None where it has none.
        turns: of its chat, a list of messages with role and content; None where it has none.
        group: of its session or author; None where it has none.
    """

    text: str | None = None
    time: str | None = None
    target: str | None = None
    turns: str | None = None
    group: str | None = None


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


def _text(
    body: str,
    seen_at: datetime,
    target: str | None = None,
    turns: tuple[Turn, ...] = (),
    group: str | None = None,
) -> Text:
    digest = hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Text(id=f"t:{digest}", body=body, seen_at=seen_at, target=target, turns=turns, group=group)


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
            yield _text(record, _untimed(fields, where))
        elif isinstance(record, dict):
            yield _value(record, fields, where)
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
            yield _value({str(name): each for name, each in row.items()}, fields, f"{path}:{rows.line_num}")
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{path}:{rows.line_num}") from None


def _plain(piece: Piece, fields: TrainingFields) -> Iterator[Text]:
    """Yield paragraphs; in a file without blank lines, lines."""
    seen_at = _untimed(fields, str(piece.path))
    # A file is looked through twice rather than held: whether it has a second paragraph may show at its end.
    if next(islice(_paragraphs(piece), 1, None), None) is None:
        yield from (_text(line, seen_at) for _, line in _lines(piece) if line.strip())
    else:
        yield from (_text(paragraph, seen_at) for paragraph in _paragraphs(piece))


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
        names = _columns(dict.fromkeys(file.schema_arrow.names), fields, str(path))
        groups = range(file.num_row_groups)[piece.begin : piece.end]
        first = 1 + sum(file.metadata.row_group(group).num_rows for group in range(piece.begin))
        for batch in file.iter_batches(_BATCH, row_groups=list(groups), columns=names):
            yield from _rows(batch.to_pylist(), fields, path, first=first)
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
    names = _columns(dict.fromkeys(part.column_names), fields, str(path))
    for batch in part.select_columns(names).iter(batch_size=_BATCH):
        rows = [dict(zip(names, row, strict=True)) for row in zip(*(batch[name] for name in names), strict=True)]
        yield from _rows(rows, fields, path, first=first)
        first += len(rows)


def _columns(columns: dict[str, Any], fields: TrainingFields, where: str) -> list[str]:
    """Return the names of the columns that are read."""
    text = [] if fields.text is None and fields.turns is not None else [_field_of(columns, fields.text, where)]
    wanted = (fields.time, fields.target, fields.turns, fields.group)
    more = [_field_of(columns, each, where) for each in wanted if each is not None]
    return list(dict.fromkeys(FieldPath.root(columns, name) for name in (*text, *more)))


def _rows(rows: Sequence[dict[str, Any]], fields: TrainingFields, path: Path, *, first: int) -> Iterator[Text]:
    for place, row in enumerate(rows):
        yield _value(row, fields, f"{path}:{first + place}", cure="name the text's column")


def _value(record: dict[str, Any], fields: TrainingFields, where: str, *, cure: str = "name the text's field") -> Text:
    turns = _chat(record, fields.turns, where)
    if fields.text is None and turns:
        body = turns[-1].content
    else:
        name = _field_of(record, fields.text, where)
        body = _string(_found(record, name), name, where, cure)
    seen_at = _WHEN
    if fields.time is not None:
        seen_at = _when(_found(record, _field_of(record, fields.time, where)), fields.time, where)
    target, group = (
        None if name is None else word_of(_found(record, _field_of(record, name, where)))
        for name in (fields.target, fields.group)
    )
    return _text(body, seen_at, target, turns, group)


def _chat(record: dict[str, Any], name: str | None, where: str) -> tuple[Turn, ...]:
    if name is None:
        return ()
    turns = turns_of(_found(record, _field_of(record, name, where)))
    if turns is None:
        raise DataError(
            f'"{name}" is no chat',
            where=where,
            cure='write a list of messages such as [{"role": "user", "content": "…"}]',
        )
    return turns


def _found(record: dict[str, Any], name: str) -> object:
    return record[name] if name in record else FieldPath.parse(name).find(record)


def _string(value: object, name: str, where: str, cure: str) -> str:
    if not isinstance(value, str):
        raise DataError(f'"{name}" is no text but {type(value).__name__}', where=where, cure=cure)
    return value


def _when(value: object, name: str, where: str) -> datetime:
    """Return a text's time; CSV gives seconds since 1970 as text, Parquet times as such."""
    if isinstance(value, datetime):
        value = value.isoformat()
    elif isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    found = moment(value)
    if found is None:
        raise DataError(
            f'"{name}" is no time: {value!r:.60}',
            where=where,
            cure="write times like 2026-11-02T12:00:00Z, or as seconds since 1970",
        )
    return found


def _untimed(fields: TrainingFields, where: str) -> datetime:
    """Return the time of plain text, which is unknown; more than its words it cannot give."""
    given = (("time", fields.time), ("target", fields.target), ("turns", fields.turns), ("group", fields.group))
    for kind, name in given:
        if name is not None:
            raise DataError(
                f'plain text has no field "{name}" for its {kind}',
                where=where,
                cure=f"give JSON Lines, CSV or Parquet, or leave out {kind} in the stream's reference",
            )
    return _WHEN


def _field_of(record: dict[str, Any], field: str | None, where: str) -> str:
    if field is not None:
        if field in record or FieldPath.root(record, field) in record:
            return field
        known = ", ".join(sorted(record)[:10])
        raise DataError(f'there is no field "{field}"', where=where, cure=f"fields here: {known}")
    usual = [name for name in _USUAL if name in record]
    if usual:
        return usual[0]
    if len(record) == 1:
        return next(iter(record))
    raise DataError(
        "it does not say which field is the text", where=where, cure='set field = "…" in the stream\'s reference'
    )
