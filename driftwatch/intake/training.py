"""Reads training data: JSON Lines, plain text, CSV, Parquet, and folders saved by ``datasets``."""

from __future__ import annotations

import csv
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Text, Turn
from driftwatch.intake.chats import turns_of
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.records import moment, word_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_USUAL = ("text", "body", "content", "sentence", "prompt", "message")
_WHEN = datetime(1970, 1, 1, tzinfo=UTC)
_BINARY = b"\0"
_SNIFFED = 4_096
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
    yield from islice((text for path in paths for text in _texts(path, fields)), limit)


def _text(
    body: str,
    seen_at: datetime,
    target: str | None = None,
    turns: tuple[Turn, ...] = (),
    group: str | None = None,
) -> Text:
    digest = hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Text(id=f"t:{digest}", body=body, seen_at=seen_at, target=target, turns=turns, group=group)


def _texts(path: Path, fields: TrainingFields) -> Iterator[Text]:
    if path.is_dir():
        return _saved(path, fields)
    if not path.is_file():
        raise DataError(
            "there is no such file",
            where=str(path),
            cure="check the path; those in a configuration begin at its folder",
        )
    readers: dict[str, Callable[[Path, TrainingFields], Iterator[Text]]] = {
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".json": _json_lines,
        ".csv": _csv,
        ".tsv": _csv,
        ".parquet": _parquet,
        ".txt": _plain,
        ".md": _plain,
        ".log": _plain,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        known = " ".join(readers)
        raise DataError(
            f'"{path.suffix}" is no kind of training data known here', where=str(path), cure=f"known: {known}"
        )
    if reader is not _parquet:
        _check_text(path)
    return reader(path, fields)


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


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"byte {error.start + 1} is not UTF-8", where=f"{path}:{number}", cure="save it as UTF-8"
                ) from None


def _json_lines(path: Path, fields: TrainingFields) -> Iterator[Text]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
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


def _csv(path: Path, fields: TrainingFields) -> Iterator[Text]:
    csv.field_size_limit(_LONGEST_FIELD)
    lines = (line + "\n" for _, line in _lines(path))
    rows = csv.DictReader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        for row in rows:
            yield _value({str(name): each for name, each in row.items()}, fields, f"{path}:{rows.line_num}")
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{path}:{rows.line_num}") from None


def _plain(path: Path, fields: TrainingFields) -> Iterator[Text]:
    """Yield paragraphs; in a file without blank lines, lines."""
    seen_at = _untimed(fields, str(path))
    block: list[str] = []
    blocks: list[list[str]] = []
    for _, line in _lines(path):
        if line.strip():
            block.append(line)
        elif block:
            blocks.append(block)
            block = []
    if block:
        blocks.append(block)
    if len(blocks) == 1:
        yield from (_text(line, seen_at) for line in blocks[0])
    else:
        yield from (_text(" ".join(lines), seen_at) for lines in blocks)


def _parquet(path: Path, fields: TrainingFields) -> Iterator[Text]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = _columns(dict.fromkeys(file.schema_arrow.names), fields, str(path))
        first = 1
        for batch in file.iter_batches(columns=names):
            yield from _rows(batch.to_pylist(), fields, path, first=first)
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"this is no Parquet file: {error}", where=str(path), cure="write it anew") from None


def _saved(path: Path, fields: TrainingFields) -> Iterator[Text]:
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"this folder was not saved by datasets: {error}", where=str(path), cure="name the files in it one by one"
        ) from None
    for part in loaded.values() if isinstance(loaded, DatasetDict) else (loaded,):
        names = _columns(dict.fromkeys(part.column_names), fields, str(path))
        first = 1
        for batch in part.select_columns(names).iter(batch_size=1_000):
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
