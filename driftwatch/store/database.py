"""One database: connections, transactions, and errors in our own words."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import QueuePool

from driftwatch.domain.errors import StoreCorruptError, StoreError, StoreUnavailableError
from driftwatch.store import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

_BUSY_MS = 10_000
_UNAVAILABLE = {
    "full": ("the disk is full", "free some space; nothing was lost"),
    "readonly": ("the database cannot be written", "make its folder writable for this user"),
    "locked": ("another process holds the database", "look for a second daemon or a stuck backup"),
    "busy": ("another process holds the database", "look for a second daemon or a stuck backup"),
    "disk i/o": ("the disk failed", "look at the system's log; nothing was acknowledged"),
    "unable to open": ("the database cannot be opened", "check that its folder exists and is writable for this user"),
}
_CORRUPT = ("malformed", "not a database", "file is encrypted", "database corruption")


class Database:
    """Reads and writes in transactions; used from many threads and processes.

    Args:
        place: a SQLite file or the URL of a PostgreSQL.
        read_only: refuse writes.

    Raises:
        ArgumentError: the URL is none of a PostgreSQL.
    """

    def __init__(self, place: Path | str, *, read_only: bool = False) -> None:
        self.file = place if isinstance(place, Path) else None
        if isinstance(place, Path):
            self.where = str(place)
            self.engine = self._reading = _sqlite(place, read_only=read_only)
            return
        if (kind := make_url(place).get_backend_name()) != "postgresql":
            raise ArgumentError(f"a store is kept by SQLite or PostgreSQL, not by {kind}")
        self.where = postgres.shown(make_url(place))
        self.engine = postgres.open_engine(place)
        self._reading = self.engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        if read_only:
            self.engine = self.engine.execution_options(postgresql_readonly=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for reading one consistent state."""
        with self._translated(), self._reading.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, *, order: str | None = None) -> Iterator[Connection]:
        """Give a connection whose changes are durable when the block ends, or gone when it raises.

        Writers follow one another: what one read is still so when it writes, and rows become visible in the order of
        their numbers.

        Args:
            order: writers of one name follow one another only, on a PostgreSQL; they must change no row that others
                look at before they write.
        """
        with self._translated(), self.engine.connect() as connection:
            if self.file is not None:
                connection.connection.info["immediate"] = True
            with connection.begin():
                if self.file is None:
                    postgres.take_turn(connection, order)
                yield connection

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PoolTimeoutError as error:
            cure = "a database that answers slowly, most often; look at it"
            raise StoreUnavailableError("no connection was free", where=self.where, cure=cure) from error
        except (DBAPIError, sqlite3.Error) as error:
            if self.file is None:
                # Its chain would show the statement's parameters, which are people's texts.
                raise postgres.explained(getattr(error, "orig", None) or error, self.where) from None
            raise translate(error, self.where) from error


def translate(error: Exception, where: str) -> StoreError:
    """Return our own error for a database's."""
    text = str(getattr(error, "orig", None) or error).lower()
    if any(word in text for word in _CORRUPT):
        return StoreCorruptError(
            "this is damaged, or no driftwatch database",
            where=where,
            cure="restore it from a backup, or move it away to begin with an empty one",
        )
    for word, (what, cure) in _UNAVAILABLE.items():
        if word in text:
            return StoreUnavailableError(what, where=where, cure=cure)
    return StoreError(f"the database refused: {text}", where=where)


def _sqlite(file: Path, *, read_only: bool) -> Engine:
    mode = "ro" if read_only else "rwc"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{_quoted(file)}?mode={mode}",
            uri=True,
            timeout=_BUSY_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )
        for pragma in _pragmas(read_only=read_only):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=4, max_overflow=28)
    event.listen(engine, "begin", _begin)
    return engine


def _pragmas(*, read_only: bool) -> tuple[str, ...]:
    # The log grows to 16 MB before it is folded in: ids that come in no order touch the same pages again and again.
    writing = () if read_only else ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 4000")
    return (*writing, f"busy_timeout = {_BUSY_MS}", "foreign_keys = ON")


def _begin(connection: Connection) -> None:
    # The driver would begin a read transaction and fail when it turns into a write: a write says so from the start.
    info: dict[Any, Any] = connection.connection.info
    connection.exec_driver_sql("BEGIN IMMEDIATE" if info.pop("immediate", False) else "BEGIN")


def _quoted(file: Path) -> str:
    from urllib.parse import quote

    return quote(str(file.absolute()))
