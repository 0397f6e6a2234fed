"""Reads training data: JSON Lines, plain text, CSV, Parquet, and folders saved by ``datasets``."""

from __future__ import annotations

import csv
import hashlib
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.domain.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

_USUAL = ("text", "body", "content", "sentence", "prompt", "message")
_WHEN = datetime(1970, 1, 1, tzinfo=UTC)
_BINARY = b"\0"
_SNIFFED = 4_096
_LONGEST_FIELD = 16 * 1024 * 1024


def read_training(paths: Sequence[Path], *, field: str | None = None, limit: int | None = None) -> Iterator[Text]:
    """Yield the texts of training files in order.

    A text's id is the hash of its body, its time 1970: neither matters for training data.

    Args:
        paths: files, or folders saved by ``datasets``.
        field: name of the text's field or column; None to take the only usual one.
        limit: most texts.

    Raises:
        DataError: a file is missing, is no text, or has no such field; with file and line.
    """
    bodies = (body for path in paths for body in _bodies(path, field))
    yield from islice((_text(body) for body in bodies), limit)


def _text(body: str) -> Text:
    digest = hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return Text(id=f"t:{digest}", body=body, seen_at=_WHEN)


def _bodies(path: Path, field: str | None) -> Iterator[str]:
    if path.is_dir():
        return _saved(path, field)
    if not path.is_file():
        raise DataError(
            "there is no such file", where=str(path), cure="check the path; relative ones begin at the configuration"
        )
    readers: dict[str, Callable[[Path, str | None], Iterator[str]]] = {
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
    return reader(path, field)


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


def _json_lines(path: Path, field: str | None) -> Iterator[str]:
    for number, line in _lines(path):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError as error:
            raise DataError(f"this is no JSON: {error}", where=where, cure="write one JSON object a line") from None
        if isinstance(record, str):
            yield record
        elif isinstance(record, dict):
            yield _value(record, field, where)
        else:
            raise DataError(
                "this is no JSON object", where=where, cure='write one object a line, such as {"text": "…"}'
            )


def _csv(path: Path, field: str | None) -> Iterator[str]:
    csv.field_size_limit(_LONGEST_FIELD)
    lines = (line + "\n" for _, line in _lines(path))
    rows = csv.DictReader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
    try:
        for row in rows:
            yield _value({str(name): each for name, each in row.items()}, field, f"{path}:{rows.line_num}")
    except csv.Error as error:
        raise DataError(f"this is no CSV: {error}", where=f"{path}:{rows.line_num}") from None


def _plain(path: Path, _field: str | None) -> Iterator[str]:
    """Yield paragraphs; in a file without blank lines, lines."""
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
        yield from blocks[0]
    else:
        yield from (" ".join(lines) for lines in blocks)


def _parquet(path: Path, field: str | None) -> Iterator[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        columns = dict.fromkeys(file.schema_arrow.names)
        name = _field_of(columns, field, str(path))
        for batch in file.iter_batches(columns=[name]):
            yield from _strings(batch.column(0).to_pylist(), name, str(path))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"this is no Parquet file: {error}", where=str(path), cure="write it anew") from None


def _saved(path: Path, field: str | None) -> Iterator[str]:
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"this folder was not saved by datasets: {error}", where=str(path), cure="name the files in it one by one"
        ) from None
    for part in loaded.values() if isinstance(loaded, DatasetDict) else (loaded,):
        name = _field_of(dict.fromkeys(part.column_names), field, str(path))
        for batch in part.select_columns([name]).iter(batch_size=1_000):
            yield from _strings(batch[name], name, str(path))


def _strings(values: Iterable[Any], name: str, where: str) -> Iterator[str]:
    for number, value in enumerate(values, 1):
        if not isinstance(value, str):
            raise DataError(
                f'"{name}" is no text but {type(value).__name__}',
                where=f"{where}:{number}",
                cure="name the text's column",
            )
        yield value


def _value(record: dict[str, Any], field: str | None, where: str) -> str:
    name = _field_of(record, field, where)
    value = record[name]
    if not isinstance(value, str):
        raise DataError(f'"{name}" is no text but {type(value).__name__}', where=where, cure="name the text's field")
    return value


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
