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
from driftwatch.domain.text import Text
from driftwatch.intake.records import moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_USUAL = ("text", "body", "content", "sentence", "prompt", "message")
_WHEN = datetime(1970, 1, 1, tzinfo=UTC)
_BINARY = b"\0"
_SNIFFED = 4_096
_LONGEST_FIELD = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """Names of fields or columns: of the text, None to take the only usual one; of its time, None where it has none."""

    text: str | None
    time: str | None


_Read = tuple[str, datetime]


def read_training(
    paths: Sequence[Path], *, field: str | None = None, time: str | None = None, limit: int | None = None
) -> Iterator[Text]:
    """Yield the texts of training files in order.

    A text's id is the hash of its body; its time is 1970, which stands for unknown, unless a field names it.

    Args:
        paths: files, or folders saved by ``datasets``.
        field: name of the text's field or column; None to take the only usual one.
        time: name of its time's field or column: ISO 8601, or seconds or milliseconds since 1970.
        limit: most texts.

    Raises:
        DataError: a file is missing, is no text, has no such field, or a time is none; with file and line.
    """
    fields = _Fields(text=field, time=time)
    found = (each for path in paths for each in _texts(path, fields))
    yield from islice((_text(body, seen_at) for body, seen_at in found), limit)


def _text(body: str, seen_at: datetime) -> Text:
    digest = hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Text(id=f"t:{digest}", body=body, seen_at=seen_at)


def _texts(path: Path, fields: _Fields) -> Iterator[_Read]:
    if path.is_dir():
        return _saved(path, fields)
    if not path.is_file():
        raise DataError(
            "there is no such file", where=str(path), cure="check the path; relative ones begin at the configuration"
        )
    readers: dict[str, Callable[[Path, _Fields], Iterator[_Read]]] = {
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
        raise DataError("the file is empty", where=str(path), cure="give the texts the model was trained on")
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


def _json_lines(path: Path, fields: _Fields) -> Iterator[_Read]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise DataError(f"this is no JSON: {error}", where=where, cure="write one JSON object a line") from None
        if isinstance(record, str):
            yield record, _untimed(fields, where)
        elif isinstance(record, dict):
            yield _value(record, fields, where)
        else:
            raise DataError(
                "this is no JSON object", where=where, cure='write one object a line, such as {"text": "…"}'
            )


def _csv(path: Path, fields: _Fields) -> Iterator[_Read]:
    csv.field_size_limit(_LONGEST_FIELD)
    lines = (line + "\n" for _, line in _lines(path))
    rows = csv.DictReader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        for row in rows:
            yield _value({str(name): each for name, each in row.items()}, fields, f"{path}:{rows.line_num}")
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{path}:{rows.line_num}") from None


def _plain(path: Path, fields: _Fields) -> Iterator[_Read]:
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
        yield from ((line, seen_at) for line in blocks[0])
    else:
        yield from ((" ".join(lines), seen_at) for lines in blocks)


def _parquet(path: Path, fields: _Fields) -> Iterator[_Read]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = _columns(dict.fromkeys(file.schema_arrow.names), fields, str(path))
        first = 1
        for batch in file.iter_batches(columns=list(dict.fromkeys(names))):
            yield from _column(*(batch.column(name).to_pylist() for name in names), names=names, path=path, first=first)
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"this is no Parquet file: {error}", where=str(path), cure="write it anew") from None


def _saved(path: Path, fields: _Fields) -> Iterator[_Read]:
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
        for batch in part.select_columns(list(dict.fromkeys(names))).iter(batch_size=1_000):
            yield from _column(*(batch[name] for name in names), names=names, path=path, first=first)
            first += len(batch[names[0]])


def _columns(columns: dict[str, Any], fields: _Fields, where: str) -> tuple[str, ...]:
    """Return the names of the text's column and, where one is wanted, of its time's."""
    text = _field_of(columns, fields.text, where)
    return (text,) if fields.time is None else (text, _field_of(columns, fields.time, where))


def _column(
    bodies: Sequence[Any], times: Sequence[Any] | None = None, *, names: tuple[str, ...], path: Path, first: int
) -> Iterator[_Read]:
    for place, body in enumerate(bodies):
        where = f"{path}:{first + place}"
        seen_at = _WHEN if times is None else _when(times[place], names[-1], where)
        yield _string(body, names[0], where, "name the text's column"), seen_at


def _value(record: dict[str, Any], fields: _Fields, where: str) -> _Read:
    names = _columns(record, fields, where)
    seen_at = _WHEN if fields.time is None else _when(record[names[-1]], names[-1], where)
    return _string(record[names[0]], names[0], where, "name the text's field"), seen_at


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


def _untimed(fields: _Fields, where: str) -> datetime:
    if fields.time is not None:
        raise DataError(
            f'plain text has no field "{fields.time}" for its time',
            where=where,
            cure="give JSON Lines, CSV or Parquet, or leave out time in the stream's reference",
        )
    return _WHEN


def _field_of(record: dict[str, Any], field: str | None, where: str) -> str:
    if field is not None:
        if field in record:
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
