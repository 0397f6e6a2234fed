"""Alerts on their way to receivers: written with what they tell of, delivered later, never twice."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from driftwatch.domain.alert import Alert, Delivery, DeliveryState
from driftwatch.store.tables import outbox
from driftwatch.store.upsert import insert_new
from driftwatch.store.values import dump, load, micros, moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from driftwatch.domain.protocols import Clock
    from driftwatch.store.database import Database


class Outbox:
    """The deliveries to all receivers."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def put(self, alerts: Iterable[Alert], receivers: Sequence[str]) -> None:
        """Queue alerts for every receiver; a key is queued once per receiver."""
        with self._database.write() as connection:
            put_alerts(connection, alerts, receivers, at=self._clock.now())

    def due(self, now: datetime, *, limit: int) -> list[Delivery]:
        """Return deliveries whose time has come, oldest first."""
        query = (
            select(outbox)
            .where(outbox.c.state == DeliveryState.PENDING.value, outbox.c.due_at <= micros(now))
            .order_by(outbox.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def delivered(self, delivery: int) -> None:
        """Note that a receiver took it."""
        self._set(delivery, state=DeliveryState.DELIVERED.value, attempts=outbox.c.attempts + 1, error=None)

    def retry(self, delivery: int, *, due_at: datetime, error: str) -> None:
        """Note that a receiver did not take it, and when to try again."""
        self._set(delivery, attempts=outbox.c.attempts + 1, due_at=micros(due_at), error=error)

    def dead(self, delivery: int, *, error: str) -> None:
        """Give a delivery up."""
        self._set(delivery, state=DeliveryState.DEAD.value, attempts=outbox.c.attempts + 1, error=error)

    def firing(self, receiver: str) -> list[Delivery]:
        """Return what a receiver was told and what is not over, for receivers that forget."""
        query = (
            select(outbox)
            .where(
                outbox.c.receiver == receiver,
                outbox.c.state == DeliveryState.DELIVERED.value,
                outbox.c.firing.is_(True),
            )
            .order_by(outbox.c.id)
        )
        with self._database.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def pending(self, receiver: str, *, limit: int) -> list[Delivery]:
        """Return all that waits for a receiver, due or not, oldest first."""
        query = (
            select(outbox)
            .where(outbox.c.state == DeliveryState.PENDING.value, outbox.c.receiver == receiver)
            .order_by(outbox.c.id)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def open_keys(self, beginning: str) -> list[str]:
        """Return the keys, of those that begin so, of alerts that are not over."""
        query = select(outbox.c.key).where(outbox.c.firing.is_(True), outbox.c.key.startswith(beginning)).distinct()
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def resend(self, delivery: int, *, due_at: datetime) -> None:
        """Note when a firing alert is to be told again; its state stays."""
        self._set(delivery, due_at=micros(due_at))

    def resolve(self, key: str, *, at: datetime) -> None:
        """End the alert and queue the word of its end for every receiver."""
        with self._database.write() as connection:
            resolve_alert(connection, key, at=at)

    def counts(self) -> dict[tuple[str, str], int]:
        """Return deliveries by (receiver, state)."""
        of = (outbox.c.receiver, outbox.c.state)
        with self._database.read() as connection:
            rows = connection.execute(select(*of, func.count()).group_by(*of)).all()
        return {(receiver, state): count for receiver, state, count in rows}

    def oldest_pending(self) -> datetime | None:
        """Return when the oldest undelivered row was queued."""
        query = select(func.min(outbox.c.created_at)).where(outbox.c.state == DeliveryState.PENDING.value)
        with self._database.read() as connection:
            at = connection.execute(query).scalar_one_or_none()
        return moment(at) if at is not None else None

    def troubled(self) -> list[Delivery]:
        """Return each receiver's newest delivery that it has not taken, with the error; none where all went well."""
        newest = select(func.max(outbox.c.id)).where(outbox.c.error.is_not(None)).group_by(outbox.c.receiver)
        query = select(outbox).where(outbox.c.id.in_(newest)).order_by(outbox.c.receiver)
        with self._database.read() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def _set(self, delivery: int, **values: Any) -> None:  # noqa: ANN401 - columns' values
        with self._database.write() as connection:
            connection.execute(update(outbox).where(outbox.c.id == delivery).values(**values))


def put_alerts(connection: Connection, alerts: Iterable[Alert], receivers: Sequence[str], *, at: datetime) -> None:
    """Queue alerts within the caller's transaction."""
    rows = [
        {
            "key": alert.key,
            "receiver": receiver,
            "state": DeliveryState.PENDING.value,
            "attempts": 0,
            "due_at": micros(at),
            "created_at": micros(at),
            "firing": alert.ends_at is None,
            "alert": dump(alert),
        }
        for alert in alerts
        for receiver in receivers
    ]
    insert_new(connection, outbox, rows, unique=["key", "receiver"])


def resolve_alert(connection: Connection, key: str, *, at: datetime) -> None:
    """End an alert within the caller's transaction."""
    query = select(outbox).where(outbox.c.key == key, outbox.c.firing.is_(True))
    for row in connection.execute(query).all():
        ended = replace(load(row.alert, Alert), ends_at=at)
        values = {
            "alert": dump(ended),
            "firing": False,
            "state": DeliveryState.PENDING.value,
            "attempts": 0,
            "due_at": micros(at),
            "created_at": micros(at),
        }
        connection.execute(update(outbox).where(outbox.c.id == row.id).values(**values))


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=row.id,
        receiver=row.receiver,
        alert=load(row.alert, Alert),
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=moment(row.due_at),
        error=row.error,
    )
