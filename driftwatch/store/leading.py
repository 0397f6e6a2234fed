"""Which of several daemons on one store leads: the one that holds a lock of the database's, as long as it is there."""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from driftwatch.domain.hosts import Differing
from driftwatch.store import postgres
from driftwatch.store.hosts import agreed_in, presences

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy import Connection

    from driftwatch.store.database import Database

TRUSTED_SECONDS = 5.0
"""A leader that has not asked the database for so long follows, until it has asked again."""

_LEADER = "leader"
_MEMBER = "driftwatch daemon "
_LONGEST_NAME = 63
"""Bytes of a session's name that PostgreSQL keeps."""

_HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND l.classid = CAST(CAST(:space AS bigint) AS oid) AND l.objid = CAST(CAST(:name AS bigint) AS oid)"
)
_MEMBERS = text(
    "SELECT DISTINCT application_name FROM pg_stat_activity "
    "WHERE datname = current_database() AND starts_with(application_name, :member) ORDER BY 1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hosts:
    """The daemons on one store.

    Args:
        leader: the one that leads; None where none does.
        members: all of them, in the order of their names.
        differing: those of them that are not configured as is agreed, and so do not take over the lead.
    """

    leader: str | None
    members: tuple[str, ...]
    differing: tuple[Differing, ...] = ()


def hosts_of(connection: Connection) -> Hosts:
    """Return the daemons on a PostgreSQL, as their sessions show them to the same user."""
    space, name = postgres.lock_key(_LEADER)
    leader = connection.execute(_HOLDER, {"space": space, "name": name % 2**32}).scalar()
    members = connection.execute(_MEMBERS, {"member": _MEMBER}).scalars().all()
    return Hosts(
        leader=None if leader is None else leader.removeprefix(_MEMBER),
        members=tuple(each.removeprefix(_MEMBER) for each in members),
    )


def compared_hosts(connection: Connection) -> Hosts:
    """Return the daemons on a PostgreSQL, and in what those differ that are not configured as is agreed."""
    found = hosts_of(connection)
    return replace(found, differing=_differing(connection, {f"{_MEMBER}{each}" for each in found.members}))


def _differing(connection: Connection, members: Collection[str]) -> tuple[Differing, ...]:
    agreed = agreed_in(connection)
    if agreed is None:
        return ()
    compared = (
        Differing(name=each.name, differences=tuple(str(found) for found in each.agreement.differences(agreed)))
        for each in presences(connection)
        if not each.stopped and _session_of(each.name) in members
    )
    return tuple(each for each in compared if each.differences)


def _session_of(name: str) -> str:
    """Return what a daemon calls its session, as much of it as PostgreSQL keeps."""
    return f"{_MEMBER}{name}".encode()[:_LONGEST_NAME].decode(errors="ignore")


class Lead:
    """A daemon's part in the choice of a leader; with SQLite, which has one daemon, it always leads.

    The lock belongs to a connection of its own: it falls when that ends, with the process at once, and with a host that
    is gone once the database notices. What a leader does is safe when two believe for a moment that they lead: every
    step is one transaction that is done once.

    Args:
        database: of the store.
        name: the daemon's, which the others show.
        now: seconds that only grow.
    """

    def __init__(self, database: Database, name: str, *, now: Callable[[], float] = monotonic) -> None:
        self.name = name
        self._database = database
        self._now = now
        self._guard = threading.Lock()
        self._session: Connection | None = None
        self._sure_at: float | None = None
        self._hosts = Hosts(leader=None, members=(name,))

    @property
    def alone(self) -> bool:
        """Whether there can be no other daemon on the store."""
        return self._database.file is not None

    @property
    def leads(self) -> bool:
        """Whether this daemon leads, as far as it has known for sure within the last seconds."""
        sure_at = self._sure_at
        return self.alone or (sure_at is not None and self._now() - sure_at < TRUSTED_SECONDS)

    @property
    def hosts(self) -> Hosts:
        """The daemons on the store when last looked."""
        return self._hosts

    def look(self, *, may_take: bool = True) -> bool:
        """Take the lead where nobody has it, make sure of it where this daemon does, and return whether it leads.

        Args:
            may_take: whether to take it; one that it has, it keeps.

        Raises:
            StoreError: the database does not answer; this daemon leads no more.
        """
        if self.alone:
            return True
        with self._guard:
            began = self._now()
            try:
                held, self._hosts = self._asked(may_take=may_take)
            except (DBAPIError, PoolTimeoutError) as error:
                self._let_go()
                raise postgres.explained(getattr(error, "orig", None) or error, self._database.where) from None
            self._sure_at = began if held else None
            return held

    def give_up(self) -> None:
        """Lead no more, so that another takes over at once."""
        with self._guard:
            self._let_go()

    def _asked(self, *, may_take: bool) -> tuple[bool, Hosts]:
        session = self._opened()
        held = self._sure_at is not None  # a session that holds the lock would hold it twice if it tried again
        if not held and may_take:
            held = bool(session.execute(select(func.pg_try_advisory_lock(*postgres.lock_key(_LEADER)))).scalar_one())
        return held, hosts_of(session)

    def _opened(self) -> Connection:
        if self._session is None:
            self._sure_at = None
            connection = self._database.engine.connect()
            self._session = connection.execution_options(isolation_level="AUTOCOMMIT")
            self._session.detach()  # it never goes back to the pool, where others would be given its lock
            called = select(func.set_config("application_name", _session_of(self.name), False))  # noqa: FBT003 - SQL's
            self._session.execute(called)
        return self._session

    def _let_go(self) -> None:
        session, self._session, self._sure_at = self._session, None, None
        if session is not None:
            connection = session.connection.dbapi_connection if not session.invalidated else None
            with suppress(SQLAlchemyError):
                session.execute(select(func.pg_advisory_unlock_all()))  # the server notices an end a moment later
            with suppress(SQLAlchemyError):
                session.close()
            if connection is not None:
                connection.close()
