"""What is asked of a table: which columns, how much of each, in which order."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from driftwatch.domain.errors import DataError
from driftwatch.intake import openai
from driftwatch.intake.fields import FieldPath
from driftwatch.intake.record_fields import roots
from driftwatch.intake.records import LONGEST_ID

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row, Select

    from driftwatch.intake.sql import SqlSettings
    from driftwatch.intake.sql_values import Value

LONGEST_JSON = 8 * 1024 * 1024
"""Characters of a row's columns of JSON; a longer row is left out."""


class Columns:
    """The columns of a table that are read.

    Args:
        connection: to the database, to see which columns there are.
        settings: which of them are texts, ids and so on.

    Raises:
        DataError: the table has none of the columns that logged requests have.
    """

    def __init__(self, connection: Connection, settings: SqlSettings) -> None:
        from sqlalchemy import column, func, select, table

        schema, _, name = settings.table.rpartition(".")
        self._table = table(name, schema=schema or None)
        self._cursor: ColumnElement[Any] = column(settings.cursor)
        self._key: ColumnElement[Any] | None = column(settings.key) if settings.key else None
        time = FieldPath.parse(settings.time).steps if settings.time else ()
        self._times = {time[0]} if len(time) == 1 else set()
        self._decode = settings.records == "fields"
        self._lengths = _lengths(connection, settings)
        self.highest = select(func.max(self._cursor)).select_from(self._table)

    @staticmethod
    def wanted(settings: SqlSettings) -> list[str]:
        """Return the columns that the table must have."""
        keys = [settings.cursor, *([settings.key] if settings.key else [])]
        return keys if settings.records == "openai" else [*keys, *_named(settings)]

    def after(self, position: tuple[Value, Value | None] | None, *, up_to: Value | None, limit: int) -> Select[Any]:
        """Return the query for rows after a place, in order."""
        from sqlalchemy import select

        order = [self._cursor] if self._key is None else [self._cursor, self._key]
        query = select(*order, *(self._shown(name, most) for name, most in self._lengths.items()))
        query = query.select_from(self._table).where(self._cursor.is_not(None)).order_by(*order).limit(limit)
        if up_to is not None:
            query = query.where(self._cursor <= up_to)
        return query if position is None else query.where(self._beyond(*position))

    def record(self, row: Row[Any]) -> tuple[dict[str, object], int]:
        """Return a row as a record, and how many characters it holds."""
        values = row[1 if self._key is None else 2 :]
        record, length = {}, 0
        for (name, most), value in zip(self._lengths.items(), values, strict=True):
            length += len(value) if isinstance(value, str) else 0
            record[name] = _decoded(value) if self._decode and most == LONGEST_JSON + 1 else _plain(value)
        return record, length

    def _beyond(self, cursor: Value, key: Value | None) -> ColumnElement[bool]:
        from sqlalchemy import and_, or_

        if self._key is None or key is None:
            return self._cursor > cursor
        return or_(self._cursor > cursor, and_(self._cursor == cursor, self._key > key))

    def _shown(self, name: str, most: int) -> ColumnElement[Any]:
        """Return a column, no more of it than is used: the database cuts what would not fit our memory."""
        from sqlalchemy import Text, cast, column, func

        if name in self._times:
            return column(name)
        return func.substr(cast(column(name), Text), 1, most).label(name)


def _lengths(connection: Connection, settings: SqlSettings) -> dict[str, int]:
    if settings.records == "openai":
        return dict.fromkeys(_exchanges(connection, settings), LONGEST_JSON + 1) | _named(settings)
    return _named(settings)


def _named(settings: SqlSettings) -> dict[str, int]:
    """Return the columns that the settings name, with the characters that are read of each."""
    body = FieldPath.parse(settings.body).steps[0]
    lengths = {}
    for name, nested in roots(settings).items():
        if settings.records == "openai" and name == body == "text":
            continue
        plain = settings.max_bytes + 1 if name == body else LONGEST_ID + 1
        lengths[name] = LONGEST_JSON + 1 if nested else plain
    return lengths


def _exchanges(connection: Connection, settings: SqlSettings) -> list[str]:
    from sqlalchemy import inspect

    schema, _, name = settings.table.rpartition(".")
    there = {each["name"] for each in inspect(connection).get_columns(name, schema=schema or None)}
    found = [name for name in openai.COLUMNS if name in there]
    if not found:
        raise DataError(
            "no column holds a request or an answer",
            where=f"table {settings.table}",
            cure=f"known are: {', '.join(openai.COLUMNS[:9])}",
        )
    return found


def _decoded(value: object) -> object:
    """Return what a column of JSON holds; what is no JSON is a word."""
    if not isinstance(value, str) or not value or len(value) > LONGEST_JSON:
        return value
    try:
        found: object = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value
    return found


def _plain(value: object) -> object:
    return str(value) if isinstance(value, UUID | Decimal) else value
