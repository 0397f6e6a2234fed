"""Insert or change, in the words of either database."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Table


def upsert(connection: Connection, table: Table, row: Mapping[str, Any], *, change: Mapping[str, Any]) -> None:
    """Insert the row, or change the one with its primary key."""
    statement = _insert(connection.dialect.name, table).values(**row)
    keys = [column.name for column in table.primary_key.columns]
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=dict(change)))


def put(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    change: tuple[str, ...] = (),
    add: tuple[str, ...] = (),
) -> None:
    """Insert the rows, or change those with their primary keys; the statement is built once and known again.

    Args:
        connection: within a transaction.
        table: of the rows.
        rows: all with the same columns.
        change: columns that take the new value.
        add: columns that the new value is added to.
    """
    if rows:
        connection.execute(_putting(connection.dialect.name, table, change, add), rows)


@cache
def _putting(dialect: str, table: Table, change: tuple[str, ...], add: tuple[str, ...]) -> Any:  # noqa: ANN401 - likewise
    statement = _insert(dialect, table)
    new = {name: statement.excluded[name] for name in change}
    sums = {name: table.c[name] + statement.excluded[name] for name in add}
    keys = [column.name for column in table.primary_key.columns]
    return statement.on_conflict_do_update(index_elements=keys, set_={**new, **sums})


def insert_new(connection: Connection, table: Table, rows: list[dict[str, Any]], *, unique: list[str]) -> int:
    """Insert the rows that are not there yet and return how many those were."""
    if not rows:
        return 0
    statement = _insert(connection.dialect.name, table).on_conflict_do_nothing(index_elements=unique)
    if connection.dialect.name == "postgresql":  # which takes many rows in one statement, and names the new ones
        return len(connection.execute(statement.returning(table.c[unique[0]]), rows).all())
    before = _changes(connection)
    connection.execute(statement, rows)
    return _changes(connection) - before


def _changes(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one())


def _insert(dialect: str, table: Table) -> Any:  # noqa: ANN401 - either dialect's statement
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    return sqlite.insert(table)
