"""Connections to somebody else's database, for reading alone; its errors in our own words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from driftwatch.domain.errors import ConfigError, DataError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from sqlalchemy import URL, Engine
    from sqlalchemy.exc import SQLAlchemyError

_CONNECT_SECONDS = 10
_STATEMENT_MS = 120_000
_KINDS = ("postgresql", "sqlite")


def url_of(words: str, *, may_hold_password: bool = False) -> URL:
    """Return a URL.

    Raises:
        ValueError: it is none, of a database that we don't read, or has a password in it.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(words)
    except (ArgumentError, ValueError):
        raise ValueError("this is no database URL; write postgresql://user@host/name or sqlite:////path") from None
    kind = url.get_backend_name()
    if kind not in _KINDS:
        raise ValueError(f"databases that can be read are {' and '.join(_KINDS)}, not {kind}")
    if url.password is not None and not may_hold_password:
        raise ValueError('a password stands in the URL; name it: password = "env:NAME", or url = "env:NAME" for both')
    if kind == "sqlite" and not Path(url.database or "").is_absolute():
        raise ValueError("the path of a SQLite database must be absolute: sqlite:////path/file.db, with four strokes")
    return url


def open_engine(words: str, *, password: str | None, where: str) -> Engine:
    """Return an engine that connects when it is used, and cannot write.

    Raises:
        ConfigError: the URL is none, or there is no driver.
    """
    try:
        url = url_of(words, may_hold_password=True)
    except ValueError as error:
        raise ConfigError(str(error), where=where) from None
    if url.get_backend_name() == "sqlite":
        return _sqlite(Path(url.database or ""))
    return _postgresql(url if password is None else url.set(password=password), where)


def _postgresql(url: URL, where: str) -> Engine:
    from sqlalchemy import create_engine

    if "+" not in url.drivername:
        url = url.set(drivername="postgresql+psycopg")
    options = f"-c default_transaction_read_only=on -c statement_timeout={_STATEMENT_MS}"
    try:
        return create_engine(
            url,
            pool_size=1,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_SECONDS, "options": options, "application_name": "driftwatch"},
        )
    except ImportError as error:
        raise ConfigError(
            f"the driver of this database is not installed ({error})",
            where=where,
            cure='pip install "driftwatchd[postgresql]"',
        ) from None


def _sqlite(file: Path) -> Engine:
    import sqlite3

    from sqlalchemy import create_engine
    from sqlalchemy.pool import QueuePool

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"file:{quote(str(file))}?mode=ro", uri=True, timeout=_CONNECT_SECONDS, check_same_thread=False
        )
        # One value that is no UTF-8 must not end the reading of all: it is told by its surrogates, and left out.
        connection.text_factory = lambda content: content.decode("utf-8", "surrogateescape")
        return connection

    return create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=1)


def explained(error: SQLAlchemyError, engine: Engine, table: str, wanted: Sequence[str]) -> DataError:
    """Return our own error for a database's: which table or column is missing, or what the database said."""
    where = f"table {table} in {_place(engine)}"
    said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    found = _columns(engine, table)
    if found is None:
        return DataError(
            f"the database cannot be read: {said}",
            where=where,
            cure="check that it runs, its address, user, password and the user's rights",
            retryable=True,
        )
    if not found:
        return DataError("there is no such table", where=where, cure="correct its name or schema", retryable=True)
    if missing := [name for name in wanted if name not in found]:
        return DataError(
            f"it has no column {', '.join(missing)}",
            where=where,
            cure=f"it has: {', '.join(sorted(found))}",
            retryable=True,
        )
    return DataError(f"the database refused: {said}", where=where, retryable=True)


def _columns(engine: Engine, table: str) -> set[str] | None:
    """Return a table's columns, empty where there is no table; None where the database does not answer."""
    from sqlalchemy import inspect
    from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

    schema, _, name = table.rpartition(".")
    try:
        return {each["name"] for each in inspect(engine).get_columns(name, schema=schema or None)}
    except NoSuchTableError:
        return set()
    except SQLAlchemyError:
        return None


def _place(engine: Engine) -> str:
    if engine.dialect.name == "sqlite":
        return "the SQLite database"
    return engine.url.set(password=None).render_as_string()
