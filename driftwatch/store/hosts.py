"""The daemons on a store as they wrote themselves down, and what they agree on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from driftwatch.domain.audit import HOSTS_AGREED, AuditEntry
from driftwatch.domain.hosts import Agreement, Presence
from driftwatch.store.audit import add_entry
from driftwatch.store.tables import agreed, hosts
from driftwatch.store.upsert import put, upsert
from driftwatch.store.values import dump, load, micros, moment

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from driftwatch.store.database import Database

_ORDER = "hosts"
_WHAT = "configuration"
_MOST_WORDS = 20
_CHANGING = tuple(column.name for column in hosts.c if not column.primary_key)


class HostBook:
    """Who is there, and what is agreed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, presence: Presence) -> None:
        """Write a daemon down, in the place of what it wrote before.

        Raises:
            StoreError: it was not kept.
        """
        with self._database.write(order=_ORDER) as connection:
            put(connection, hosts, [_row(presence)], change=_CHANGING)

    def leave(self, name: str, *, instance: str, at: datetime) -> None:
        """Write down that a daemon ends; one that has started under its name since is left alone."""
        own = (hosts.c.name == name, hosts.c.instance == instance)
        with self._database.write(order=_ORDER) as connection:
            connection.execute(update(hosts).where(*own).values(stopped=True, seen_at=micros(at)))

    def forget(self, name: str, *, seen_at: datetime) -> None:
        """Delete a daemon that was last seen then; one that came back since is left alone."""
        own = (hosts.c.name == name, hosts.c.seen_at == micros(seen_at))
        with self._database.write(order=_ORDER) as connection:
            connection.execute(delete(hosts).where(*own))

    def all(self) -> tuple[Presence, ...]:
        """Return every daemon written down, in the order of their names."""
        with self._database.read() as connection:
            return presences(connection)

    def seen(self) -> tuple[tuple[Presence, ...], Agreement | None]:
        """Return every daemon written down and what is agreed, both as of one moment."""
        with self._database.read() as connection:
            return presences(connection), agreed_in(connection)

    def agree(self, agreement: Agreement, *, who: str, at: datetime) -> None:
        """Make a daemon's configuration what the others are held against, with the word of what has changed.

        Raises:
            StoreError: nothing was kept.
        """
        with self._database.write() as connection:
            before = agreed_in(connection)
            row = {"what": _WHAT, "agreement": dump(agreement), "who": who, "at": micros(at)}
            upsert(connection, agreed, row, change=row)
            if before is not None and (changed := agreement.differences(before)):
                said = {"new": "; ".join(str(each) for each in changed[:_MOST_WORDS])}
                add_entry(connection, AuditEntry(at=at, who=who, what=HOSTS_AGREED, subject=_WHAT, detail=said))


def presences(connection: Connection) -> tuple[Presence, ...]:
    """Return every daemon written down, in the order of their names."""
    return tuple(_presence(row) for row in connection.execute(select(hosts).order_by(hosts.c.name)))


def agreed_in(connection: Connection) -> Agreement | None:
    """Return what is agreed; None before a daemon has led."""
    found = connection.execute(select(agreed.c.agreement).where(agreed.c.what == _WHAT)).scalar_one_or_none()
    return None if found is None else load(found, Agreement)


def _row(presence: Presence) -> dict[str, Any]:
    return {
        "name": presence.name,
        "instance": presence.instance,
        "started_at": micros(presence.started_at),
        "seen_at": micros(presence.seen_at),
        "stopped": presence.stopped,
        "agreement": dump(presence.agreement),
    }


def _presence(row: Row[Any]) -> Presence:
    return Presence(
        name=row.name,
        instance=row.instance,
        started_at=moment(row.started_at),
        seen_at=moment(row.seen_at),
        stopped=row.stopped,
        agreement=load(row.agreement, Agreement),
    )
