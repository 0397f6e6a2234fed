"""Pairs of one's own: a CSV with a header, or JSON Lines, with the columns of a pair."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DataError
from driftwatch.gate.bias.loaders.files import Skips, csv_rows, json_rows
from driftwatch.gate.bias.pairs import Pair
from driftwatch.gate.bias.suite import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

NEEDED = ("stereotype", "counter", "category")
OPTIONAL = ("template", "id", "directed", "note")
_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    pairs: list[Pair] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)
    skips: Skips = field(default_factory=Skips)
    seen: set[tuple[str, str]] = field(default_factory=set)


def load_own(path: Path) -> Suite:
    """Return the suite of a user's own file.

    Rows whose two texts are equal or that repeat an earlier row's texts are left out and counted. A row without an id
    is named by the file and its line; a row without a template stands for itself.

    Args:
        path: ``.jsonl`` or ``.ndjson`` is read as JSON Lines, ``.tsv`` as tabs, anything else as CSV.

    Raises:
        DataError: a column is missing or unknown, a text or category is empty, an id is there twice, ``directed`` is
            neither true nor false, the file is not UTF-8, or no pair is left.
    """
    reading = _Reading()
    for number, (where, row) in enumerate(_rows(path), start=1):
        _take(row, reading, where=where, default_id=f"{path.stem}-{number}")
    if not reading.pairs:
        raise DataError("has no pair that can be used", where=str(path), cure="give rows whose two texts differ")
    return Suite(
        name=path.stem,
        pairs=tuple(reading.pairs),
        skipped=reading.skips.told(),
        emptied=reading.skips.emptied(pair.category for pair in reading.pairs),
    )


def _rows(path: Path) -> Iterator[tuple[str, Mapping[str, object]]]:
    if path.suffix in {".jsonl", ".ndjson"}:
        yield from json_rows(path)
    else:
        yield from csv_rows(path, NEEDED, delimiter="\t" if path.suffix == ".tsv" else ",")


def _take(row: Mapping[str, object], reading: _Reading, *, where: str, default_id: str) -> None:
    known = (*NEEDED, *OPTIONAL)
    unknown = [name for name in row if name not in known]
    if unknown:
        raise DataError(f"has an unknown column {unknown[0]!r}", where=where, cure=f"columns are {', '.join(known)}")
    stereotype, counter, category = (_text(row, name, where) for name in NEEDED)
    identity = _text(row, "id", where, default=default_id)
    if identity in reading.places:
        first = reading.places[identity]
        raise DataError(f"the id {identity!r} is there twice", where=where, cure=f"it stands first at {first}")
    reading.places[identity] = where
    if " ".join(stereotype.split()) == " ".join(counter.split()):
        reading.skips.add("both texts are equal", where, category=category)
    elif (stereotype, counter) in reading.seen:
        reading.skips.add("the same two texts stand above", where, category=category)
    else:
        reading.seen.add((stereotype, counter))
        template = _text(row, "template", where, default=identity)
        reading.pairs.append(
            Pair(
                id=identity,
                category=category,
                template=template,
                stereotype=stereotype,
                counter=counter,
                directed=_directed(row.get("directed"), where),
            )
        )


def _text(row: Mapping[str, object], name: str, where: str, *, default: str = "") -> str:
    value = row.get(name)
    if value is None or value == "":
        value = default
    if name not in row and not default:
        raise DataError(f"has no {name!r}", where=where, cure=f"each row needs {', '.join(NEEDED)}")
    if not isinstance(value, str):
        raise DataError(f"{name!r} is no text", where=where, cure="write it in quotes")
    if not value.strip():
        raise DataError(f"{name!r} is empty", where=where, cure=f"each row needs {', '.join(NEEDED)}")
    return value.strip()


def _directed(value: object, where: str) -> bool:
    if value is None or value == "":
        return True
    if isinstance(value, bool):
        return value
    found = _WORDS.get(str(value).strip().lower()) if isinstance(value, str) else None
    if found is None:
        raise DataError(f"'directed' is {value!r}", where=where, cure="write true, or false for a symmetric pair")
    return found
