"""Reading a suite's files: what is wrong is said with its line, what is left out is counted by its reason."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.suite import Skipped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

_LARGEST = 256 << 20
"""Bytes: the largest published suite has 13 MB; something above this is no suite."""

_LONGEST_FIELD = 128 << 10
"""Characters: a longer field is an unclosed quote. The csv module's own limit is one for all the process."""


@dataclass(slots=True)
class Skips:
    """Counts what is left out, by reason, with the first place of each."""

    _found: dict[str, tuple[int, str]] = field(default_factory=dict)
    _categories: set[str] = field(default_factory=set)

    def add(self, reason: str, where: str, *, category: str) -> None:
        """Count one row of a category that is left out."""
        count, first = self._found.get(reason, (0, where))
        self._found[reason] = count + 1, first
        self._categories.add(category)

    def emptied(self, kept: Iterable[str]) -> tuple[str, ...]:
        """Return the categories of which everything was left out.

        Args:
            kept: category of each row that was not.
        """
        return tuple(sorted(self._categories.difference(kept)))

    def told(self) -> tuple[Skipped, ...]:
        """Return the counts, in the order in which the reasons came up."""
        return tuple(Skipped(reason=reason, count=count, first=first) for reason, (count, first) in self._found.items())


def read_text(path: Path) -> str:
    """Return a file's text, a byte order mark removed.

    Raises:
        DataError: it cannot be read, is too large to be a suite, or is not UTF-8.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DataError(f"is larger than {_LARGEST >> 20} MiB", where=str(path), cure="give a suite's file")
        data = path.read_bytes()
    except OSError as error:
        raise DataError(error.strerror or str(error), where=str(path), cure="check the path") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError("is not UTF-8", where=f"{path}:{line}", cure="save the file as UTF-8") from None


def csv_rows(path: Path, needed: Collection[str], *, delimiter: str = ",") -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield each row's place and its fields by the header's names.

    Args:
        path: the file; its first line is the header.
        needed: columns that must be there.
        delimiter: between fields; between tabs a quote is a letter like any other.

    Raises:
        DataError: a column is missing or twice, a row has another number of fields, or the file is no table.
    """
    text = io.StringIO(read_text(path), newline="")
    if delimiter == "\t":
        reader = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    else:
        reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 1
    try:
        header = next(reader, [])
        _check_header(path, header, needed)
        line = reader.line_num + 1
        for row in reader:
            if row:
                _check_row(row, header, f"{path}:{line}")
                yield f"{path}:{line}", dict(zip(header, row, strict=True))
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"is no table: {error}", where=f"{path}:{line}", cure="check its quotes") from None


def _check_row(row: list[str], header: list[str], where: str) -> None:
    if max(map(len, row)) > _LONGEST_FIELD:
        what = f"is no table: a field has more than {_LONGEST_FIELD:,} characters"
        raise DataError(what, where=where, cure="check its quotes")
    if len(row) != len(header):
        what = f"has {len(row)} fields where the header has {len(header)}"
        raise DataError(what, where=where, cure="quote fields that hold the delimiter")


def json_rows(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Yield each line's place and its object; empty lines are passed over.

    Raises:
        DataError: a line is no JSON object.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        value = parsed(line, where)
        if not isinstance(value, dict):
            raise DataError("is no JSON object", where=where, cure="write one object a line")
        yield where, value


def parsed(text: str, where: str) -> object:
    """Return what a JSON text says.

    Raises:
        DataError: it is no JSON, is nested too deep, or holds half a character that no tokenizer takes.
    """
    try:
        value: object = json.loads(text)
        if "\\ud" in text.lower():
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        cure = "write characters beyond \\uffff as they are, or as both halves"
        raise DataError("holds half a character", where=where, cure=cure) from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"is no JSON: {error}", where=where, cure="check the file with a JSON tool") from None
    return value


def _check_header(path: Path, header: list[str], needed: Collection[str]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(f"has the column {twice[0]!r} twice", where=f"{path}:1", cure="name each column once")
    missing = [name for name in needed if name not in header]
    if missing:
        have = ", ".join(header) or "none"
        raise DataError(
            f"has no column {', '.join(map(repr, missing))}", where=f"{path}:1", cure=f"its columns are: {have}"
        )
