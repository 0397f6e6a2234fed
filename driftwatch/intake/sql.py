"""Texts in a table of a database, read in the order of a column that only grows."""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import structlog

from driftwatch.domain.errors import DataError
from driftwatch.domain.secrets import check_reference, read_secret
from driftwatch.domain.text import Cursor, Page
from driftwatch.intake.gathered import Gathered
from driftwatch.intake.record_fields import RecordFields, records_of
from driftwatch.intake.records import Rejected
from driftwatch.intake.settling import Horizon, Settling
from driftwatch.intake.sql_columns import LONGEST_JSON, Columns
from driftwatch.intake.sql_database import explained, open_engine, url_of
from driftwatch.intake.sql_values import Value, packed, unpacked

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from driftwatch.domain.protocols import Clock

log = structlog.get_logger()

_NAME = re.compile(r"[^\s\"'`;.]{1,100}(\.[^\s\"'`;.]{1,100})?")
_MOST_BYTES_A_PAGE = 64 * 1024 * 1024
_ROWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSettings(RecordFields):
    """A table or view that is read in the order of a column.

    Args:
        type: ``sql``.
        url: of the database, such as ``postgresql://reader@db/app`` or ``sqlite:////var/lib/app/app.db``, without a
            password; or a reference to a whole URL, such as ``env:DATABASE_URL``.
        password: reference of the password, such as ``file:/etc/driftwatch/db``.
        table: name of the table or view, with its schema where it needs one.
        cursor: column that only grows: a serial number, a time, a ULID; rows without a value are not read.
        key: column that is unique, where rows may share a value of ``cursor``, as with times.
        settle: time between seeing a value of ``cursor`` and reading up to it, for rows that are numbered earlier and
            committed later.
        longest: longest wait for transactions that were under way then (PostgreSQL).
        body: column of the text, or field path into a column of JSON.
        id: of the text's id; without one its place in the table is its id.
        time: of its time.
        group: of its session or author.
        labels: names of attributes and the columns or field paths of their values.
        target: of the class that would be right, for a classifier; not the one that the model gave.
        turns: of a chat, a list of messages with role and content; ``body`` is what is watched of it, by default its
            last message.
        name: of the source; two sources of a stream need different ones.
    """

    type: Literal["sql"] = "sql"
    url: str
    password: str | None = None
    table: str
    cursor: str
    key: str | None = None
    settle: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=10)
    name: str = "sql"

    def __post_init__(self) -> None:
        if "://" in self.url:
            url_of(self.url)
        else:
            check_reference(self.url)
        if self.password is not None:
            check_reference(self.password)
        if not _NAME.fullmatch(self.table):
            raise ValueError(f'"{self.table}" is no table\'s name; write table or schema.table')
        if self.settle < timedelta() or self.longest < self.settle:
            raise ValueError("settle must not be negative, and longest at least as long")
        records_of(self)


class _Position(msgspec.Struct, frozen=True, array_like=True):
    cursor: tuple[str, str]
    key: tuple[str, str] | None = None


class SqlSource:
    """Reads a table from a cursor on.

    Args:
        settings: which table and what its rows look like.
        clock: for texts without a time, and for settling.
        environ: where references to secrets begin.

    Raises:
        ConfigError: a secret or the database's driver is missing.
    """

    def __init__(self, settings: SqlSettings, *, clock: Clock, environ: Mapping[str, str]) -> None:
        self._settings, self._clock = settings, clock
        self._records = records_of(settings)
        url = settings.url if "://" in settings.url else read_secret(settings.url, environ=environ).reveal()
        password = read_secret(settings.password, environ=environ).reveal() if settings.password else None
        self._engine = open_engine(url, password=password, where=f"source {settings.name}")
        self._columns: Columns | None = None
        self._less = False
        self._settling: Settling[Value] = Settling(settle=settings.settle, longest=settings.longest)

    def read(self, after: Cursor | None, *, limit: int) -> Page:
        """Return up to ``limit`` texts after the cursor.

        Raises:
            DataError: the database cannot be reached or read, the table or a column is missing, or the cursor's column
                is not unique and there is no key.
        """
        from sqlalchemy.exc import SQLAlchemyError

        position = msgspec.json.decode(after.position, type=_Position) if after is not None else None
        try:
            with self._engine.connect() as connection:
                return self._read(connection, position, limit)
        except SQLAlchemyError as error:
            self._columns = None
            raise explained(error, self._engine, self._settings.table, self._wanted()) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _wanted(self) -> list[str]:
        return Columns.wanted(self._settings)

    def _read(self, connection: Connection, position: _Position | None, limit: int) -> Page:
        if self._columns is None:
            self._columns = Columns(connection, self._settings)
        columns, now = self._columns, self._clock.now()
        frontier = None
        if self._settings.settle:
            frontier = self._settled(connection, now)
            if frontier is None:
                self._note(connection, columns, position)
                return Page(texts=(), cursor=None)
        query = columns.after(_values(position), up_to=frontier, limit=limit + 1)
        page = self._gather(columns, connection, query, limit)
        if not page.more and self._settings.settle:
            self._note(connection, columns, position)
        return page

    def _settled(self, connection: Connection, now: datetime) -> Value | None:
        gave_up = self._settling.gave_up
        frontier = self._settling.settled(at=now, horizon=_horizon(connection))
        if self._settling.gave_up > gave_up:
            log.warning("transactions_not_awaited", source=self._settings.name, table=self._settings.table)
        return frontier

    def _note(self, connection: Connection, columns: Columns, position: _Position | None) -> None:
        highest = connection.execute(columns.highest).scalar_one_or_none()
        self._warn_of_less(highest, position)
        connection.rollback()  # what is under way is asked for after the highest number, in a snapshot of its own
        if highest is not None:
            self._settling.note(highest, at=self._clock.now(), horizon=_horizon(connection))

    def _warn_of_less(self, highest: Value | None, position: _Position | None) -> None:
        """Tell once that the table ends before what was read of it: one that was made anew counts from 1 again."""
        if highest is None or position is None:
            return
        read = unpacked(position.cursor)
        less = isinstance(highest, type(read)) and bool(operator.lt(highest, read))
        if less and not self._less:
            words = {"table": self._settings.table, "column": self._settings.cursor}
            cure = "rows below what was read are not read: give the source another name if the table was made anew"
            log.warning("table_ends_before", source=self._settings.name, ends=highest, read_to=read, cure=cure, **words)
        self._less = less

    def _gather(self, columns: Columns, connection: Connection, query: Any, limit: int) -> Page:  # noqa: ANN401
        gathered, now, size, last, more, rows = Gathered(), self._clock.now(), 0, None, False, 0
        options = {"stream_results": True, "max_row_buffer": _ROWS_AT_ONCE}
        with connection.execute(query, execution_options=options) as result:
            for row in result:
                place = (row[0], row[1] if self._settings.key else None)
                if last is not None and last == place:
                    raise self._not_unique(row[0])
                if rows == limit or size > _MOST_BYTES_A_PAGE:
                    more = True
                    break
                record, length = columns.record(row)
                known = "/".join(str(part) for part in place if part is not None)
                gathered.take(
                    self._records.record(record, place=f"{self._settings.table}:{known}", now=now)
                    if length <= LONGEST_JSON
                    else Rejected("too-long")
                )
                last, size, rows = place, size + length, rows + 1
        return gathered.page(self._cursor(last) if last is not None else None, more=more)

    def _cursor(self, place: tuple[Value, Value | None]) -> Cursor:
        position = _Position(packed(place[0]), packed(place[1]) if place[1] is not None else None)
        return Cursor(source=self._settings.name, position=msgspec.json.encode(position).decode())

    def _not_unique(self, value: Value) -> DataError:
        names = ", ".join(name for name in (self._settings.cursor, self._settings.key) if name is not None)
        return DataError(
            f"two rows have the same {names}: {value}",
            where=f"table {self._settings.table}",
            cure="name a unique column as key",
        )


def _values(position: _Position | None) -> tuple[Value, Value | None] | None:
    if position is None:
        return None
    return unpacked(position.cursor), unpacked(position.key) if position.key is not None else None


def _horizon(connection: Connection) -> Horizon | None:
    if connection.dialect.name != "postgresql":
        return None
    from sqlalchemy import text

    ends = "pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text"
    query = text(f"SELECT {ends} FROM (SELECT pg_current_snapshot() AS s) AS now")  # noqa: S608 - no word from outside
    oldest, following = connection.execute(query).one()
    return Horizon(oldest=int(oldest), next=int(following))
