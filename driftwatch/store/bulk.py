"""Rows of texts into their table, many to a statement: a statement of its own costs as much again as the row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain, repeat
from typing import TYPE_CHECKING

from driftwatch.store.values import dump, micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from driftwatch.domain.text import Text

_MOST = 64
"""Rows to a statement of SQLite's; what is left over goes in halves, so that seven statements are ever prepared."""

_PLAIN = ("id", "body", "seen_at", "source")
_WHOLE = (*_PLAIN, '"group"', "labels", "target", "turns")
_KINDS = ("text", "text", "bigint", "text", "text", "text", "text", "text")  # of those columns, for PostgreSQL

Value = str | int | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Texts as they are stored.

    Args:
        columns: names of what each row holds.
        values: a row a text.
    """

    columns: tuple[str, ...]
    values: Sequence[tuple[Value, ...]]


def rows_of(texts: Sequence[Text], *, source: str | None) -> Rows:
    """Return the rows of texts, where none has more than a body without the columns for that.

    Args:
        texts: in their order.
        source: of texts that name none.
    """
    plain: list[tuple[Value, ...]] = []
    at, stored_at = None, 0
    for text in texts:
        if text.group is not None or text.labels or text.target is not None or text.turns:
            return Rows(_WHOLE, [_whole(each, source) for each in texts])
        if text.seen_at is not at:
            at, stored_at = text.seen_at, micros(text.seen_at)
        plain.append((text.id, text.body, stored_at, text.source or source))
    return Rows(_PLAIN, plain)


def bare_rows(ids: Sequence[str], bodies: Sequence[str], seen_at: Iterable[datetime], *, source: str | None) -> Rows:
    """Return the rows of texts that have nothing more than this, without a ``Text`` for each.

    Args:
        ids: in the texts' order.
        bodies: of the texts.
        seen_at: when each was seen; the same moment mostly comes as the same object.
        source: of all of them.
    """
    moments: list[int] = []
    at, stored_at = None, 0
    for each in seen_at:
        if each is not at:
            at, stored_at = each, micros(each)
        moments.append(stored_at)
    return Rows(_PLAIN, list(zip(ids, bodies, moments, repeat(source, len(ids)), strict=True)))


def insert_texts(connection: Connection, stream: str, rows: Rows, *, taken_at: int) -> int:
    """Insert the texts whose ids the stream does not hold yet, in their order, and return how many those were."""
    if not rows.values:
        return 0
    if connection.dialect.name == "sqlite":
        return _into_sqlite(connection, stream, rows, taken_at)
    return _into_postgresql(connection, stream, rows, taken_at)


def _whole(text: Text, source: str | None) -> tuple[Value, ...]:
    return (
        text.id,
        text.body,
        micros(text.seen_at),
        text.source or source,
        text.group,
        dump(text.labels) if text.labels else None,
        text.target,
        dump(text.turns) if text.turns else None,
    )


def _into_sqlite(connection: Connection, stream: str, rows: Rows, taken_at: int) -> int:
    cursor = connection.connection.cursor()  # the driver's own: a statement's way through SQLAlchemy costs 20 rows
    try:
        stored, at, size = 0, 0, _MOST
        while at < len(rows.values):
            while size > len(rows.values) - at:
                size //= 2
            values = chain.from_iterable(rows.values[at : at + size])
            cursor.execute(_sqlite(rows.columns, size), (stream, taken_at, *values))
            stored += cursor.rowcount
            at += size
        return stored
    finally:
        cursor.close()


@cache
def _sqlite(columns: tuple[str, ...], count: int) -> str:
    row = ", ".join("?" for _ in columns)
    # What all rows share stands first, under its number; the question marks count on from there.
    rows = ", ".join(f"(?1, ?2, {row})" for _ in range(count))
    return _insert(columns, f"VALUES {rows}")


def _into_postgresql(connection: Connection, stream: str, rows: Rows, taken_at: int) -> int:
    by_column = [list(column) for column in zip(*rows.values, strict=True)]
    return connection.exec_driver_sql(_postgresql(rows.columns), (stream, taken_at, *by_column)).rowcount


@cache
def _postgresql(columns: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%s::{kind}[]" for _, kind in zip(columns, _KINDS, strict=False))
    names = ", ".join(columns)
    given = f"unnest({arrays}) WITH ORDINALITY AS given({names}, place)"
    return _insert(columns, f"SELECT %s, %s, {names} FROM {given} ORDER BY place")  # noqa: S608 - names of columns


def _insert(columns: tuple[str, ...], rows: str) -> str:
    named = ", ".join(("stream", "taken_at", *columns))
    return f"INSERT INTO texts ({named}) {rows} ON CONFLICT (stream, id) DO NOTHING"
