"""PostgreSQL's side of a database: how it is reached, who waits for whom, and its errors in our own words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from zlib import crc32

from sqlalchemy import create_engine, event, func, make_url, select

from driftwatch.domain.errors import StoreError, StoreUnavailableError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

_LOCK_MS = 10_000
_IDLE_MS = 60_000
_CONNECTIONS, _MORE_CONNECTIONS = 4, 12
_SILENCE = {"keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "10000"}
"""Seconds (and milliseconds) after which a side that says nothing counts as gone: 11 s, on either side."""
_SPACE = 0x64726966
"""First half of all our advisory locks' keys, so that they meet nobody else's."""
_ANY = 0
_WORDS = 300
_GONE = ("08", "57P", "53300")
_BUSY = ("55P03", "57014", "40001", "40P01", "25P03")
_NUL, _INSTEAD = "\x00", "\ufffd"


def shown(url: URL) -> str:
    """Return a URL for people: without its password, and without options, which may hold one too."""
    return url.set(query={}).render_as_string(hide_password=True)


def open_engine(place: str) -> Engine:
    """Return an engine on a PostgreSQL, whose connections notice a side that is gone and never wait for ever.

    Args:
        place: its URL; what its query says of connections is kept.
    """
    url = make_url(place)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(
        url,
        connect_args=_arguments(url),
        isolation_level="READ COMMITTED",  # whoever had to wait for its turn sees what the one before wrote
        pool_size=_CONNECTIONS,
        max_overflow=_MORE_CONNECTIONS,
        pool_timeout=_LOCK_MS / 1000,
        pool_pre_ping=True,
    )
    if engine.dialect.driver == "psycopg":
        event.listen(engine, "connect", _without_nul)
    return engine


def take_turn(connection: Connection, order: str | None) -> None:
    """Wait, within a transaction, until every one of the same order has ended, and let later ones wait for this one.

    What such transactions wrote becomes visible in the order in which they had their turn: numbers that one of them
    drew are never seen before those of an earlier one.

    Args:
        connection: in its transaction.
        order: what is put in order; None for every transaction that names none.
    """
    connection.execute(select(func.pg_advisory_xact_lock(*_key(order))))


def explained(error: Exception, where: str) -> StoreError:
    """Return our own error for PostgreSQL's; never with what stands in rows, which its details quote."""
    state, words = getattr(error, "sqlstate", None) or "", _said(error)
    if state == "53100":
        return StoreUnavailableError("its disk is full", where=where, cure="free some space; nothing was lost")
    if state == "25006":
        return StoreUnavailableError("the database cannot be written", where=where, cure="name the primary's address")
    if state.startswith(_BUSY):
        cure = "look for a long transaction in pg_stat_activity"
        return StoreUnavailableError("another process holds the database", where=where, cure=cure)
    if state == "42501":
        return StoreError(words, where=where, cure="give the user the rights on this database and its schema")
    if not state or state.startswith((*_GONE, "28", "3D000")):
        return StoreUnavailableError(
            f"the database does not answer: {words}",
            where=where,
            cure="check that it runs, its address, user, password and the user's rights; it is tried again",
        )
    return StoreError(f"the database refused: {words}", where=where)


def lock_key(name: str) -> tuple[int, int]:
    """Return the two numbers of the advisory lock of a name."""
    return _key(name)


def _key(name: str | None) -> tuple[int, int]:
    """Return a lock's key; two names that share one wait for each other needlessly, and that is all."""
    return _SPACE, _ANY if name is None else crc32(name.encode()) - 2**31


def _arguments(url: URL) -> dict[str, Any]:
    settings = {
        "lock_timeout": _LOCK_MS,
        "idle_in_transaction_session_timeout": _IDLE_MS,
        **{name if name.startswith("tcp") else f"tcp_{name}": value for name, value in _SILENCE.items()},
    }
    given = url.query.get("options", "")
    own = " ".join(f"-c {name}={value}" for name, value in settings.items())
    rest = {"connect_timeout": "10", "application_name": "driftwatch", **_SILENCE}
    return {
        "options": f"{own} {given if isinstance(given, str) else ' '.join(given)}".strip(),
        **{name: value for name, value in rest.items() if name not in url.query},
    }


def _without_nul(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's connection
    """Let texts lose their NUL characters, which PostgreSQL's cannot hold; one of them would stop a source for ever."""
    from psycopg.types.string import StrDumper

    class WithoutNul(StrDumper):
        def dump(self, obj: str) -> Any:  # noqa: ANN401 - a buffer of the driver's
            return super().dump(obj.replace(_NUL, _INSTEAD) if _NUL in obj else obj)

    connection.adapters.register_dumper(str, WithoutNul)


def _said(error: Exception) -> str:
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    words = str(primary or error)
    return re.sub(r"\s+", " ", words).strip()[:_WORDS]
