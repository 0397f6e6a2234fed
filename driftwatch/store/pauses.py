"""Pauses, kept for ever: what is over tells why nothing was done then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update

from driftwatch.domain.errors import ConflictError
from driftwatch.domain.pause import EVERY_RULE, Pause
from driftwatch.store.audit import add_entry
from driftwatch.store.outbox import put_alerts, resolve_alert
from driftwatch.store.tables import pauses
from driftwatch.store.values import micros, moment

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from driftwatch.domain.alert import Alert
    from driftwatch.domain.audit import AuditEntry
    from driftwatch.store.database import Database


class Pauses:
    """The pauses of all streams."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def in_force(self, at: datetime, *, stream: str | None = None) -> tuple[Pause, ...]:
        """Return the pauses that hold at a moment, oldest first."""
        now = micros(at)
        query = select(pauses).where(
            pauses.c.at <= now, pauses.c.until > now, or_(pauses.c.ended_at.is_(None), pauses.c.ended_at > now)
        )
        return self._found(query, stream)

    def open(self, *, stream: str | None = None) -> tuple[Pause, ...]:
        """Return the pauses that nobody has ended yet, those whose time is over among them, oldest first."""
        return self._found(select(pauses).where(pauses.c.ended_at.is_(None)), stream)

    def since(self, at: datetime, *, stream: str | None = None) -> tuple[Pause, ...]:
        """Return the pauses of which some part lies after a moment, oldest first."""
        later = or_(pauses.c.ended_at.is_(None), pauses.c.ended_at > micros(at))
        return self._found(select(pauses).where(pauses.c.until > micros(at), later), stream)

    def change(
        self,
        *,
        ended: Pause | None = None,
        ended_at: datetime,
        begun: Pause | None = None,
        entry: AuditEntry,
        alerts: Sequence[Alert] = (),
        resolved: Sequence[str] = (),
        receivers: Sequence[str] = (),
    ) -> None:
        """End a pause, begin one, or prolong one by both, with the word of it, in one transaction.

        Args:
            ended: one of ``open``.
            ended_at: when it ended.
            begun: a new one.
            entry: for the audit log.
            alerts: to be delivered.
            resolved: keys of alerts that are over.
            receivers: of the alerts.

        Raises:
            ConflictError: somebody was quicker.
        """
        with self._database.write() as connection:
            if ended is not None:
                _end(connection, ended, ended_at)
            if begun is not None:
                _begin(connection, begun)
            for key in resolved:
                resolve_alert(connection, key, at=ended_at)
            put_alerts(connection, alerts, receivers, at=entry.at)
            add_entry(connection, entry)

    def _found(self, query: Any, stream: str | None) -> tuple[Pause, ...]:  # noqa: ANN401 - SQLAlchemy's generic select
        narrowed = query if stream is None else query.where(pauses.c.stream == stream)
        with self._database.read() as connection:
            return tuple(_stored(row) for row in connection.execute(narrowed.order_by(pauses.c.id)))


def _end(connection: Connection, pause: Pause, at: datetime) -> None:
    own = (pauses.c.stream == pause.stream, pauses.c.rule == pause.scope, pauses.c.at == micros(pause.at))
    values = {"ended_at": micros(at)}
    if not connection.execute(update(pauses).where(*own, pauses.c.ended_at.is_(None)).values(**values)).rowcount:
        raise ConflictError("somebody changed this pause meanwhile", cure="driftwatch status shows how it stands")


def _begin(connection: Connection, pause: Pause) -> None:
    own = (pauses.c.stream == pause.stream, pauses.c.rule == pause.scope, pauses.c.ended_at.is_(None))
    if connection.execute(select(pauses.c.id).where(*own)).first() is not None:
        raise ConflictError("somebody began this pause meanwhile", cure="driftwatch status shows how it stands")
    connection.execute(
        insert(pauses).values(
            stream=pause.stream,
            rule=pause.scope,
            since=micros(pause.since),
            at=micros(pause.at),
            until=micros(pause.until),
            who=pause.who,
            because=pause.because,
        )
    )


def _stored(row: Row[Any]) -> Pause:
    return Pause(
        stream=row.stream,
        rule=None if row.rule == EVERY_RULE else row.rule,
        since=moment(row.since),
        at=moment(row.at),
        until=moment(row.until),
        who=row.who,
        because=row.because,
        ended_at=moment(row.ended_at) if row.ended_at is not None else None,
    )
