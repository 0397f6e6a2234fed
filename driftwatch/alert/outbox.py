"""Delivers what waits in the outbox: every alert at least once, each repeat under the same key."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import structlog

from driftwatch.alert.status import Status, status_of
from driftwatch.domain.alert import DeliveryState
from driftwatch.domain.errors import NotifyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from driftwatch.domain.alert import Delivery
    from driftwatch.domain.protocols import Clock, Notifier

log = structlog.get_logger()

_FIRST_WAIT = timedelta(seconds=2)
_LONGEST_WAIT = timedelta(minutes=10)
_MOST_DOUBLINGS = 12
_PAGE = 100
_MOST_TOGETHER = 500


class Outbox(Protocol):
    """What delivery needs of the store."""

    def due(self, now: datetime, *, limit: int) -> list[Delivery]:
        """Return pending deliveries that are due."""
        ...

    def pending(self, receiver: str, *, limit: int) -> list[Delivery]:
        """Return all that waits for a receiver, due or not."""
        ...

    def firing(self, receiver: str) -> list[Delivery]:
        """Return a receiver's delivered alerts that go on firing."""
        ...

    def delivered(self, delivery: int, /) -> None:
        """Note that a delivery was taken."""
        ...

    def retry(self, delivery: int, /, *, due_at: datetime, error: str) -> None:
        """Note a failure and when to try again."""
        ...

    def dead(self, delivery: int, /, *, error: str) -> None:
        """Note that a delivery is given up."""
        ...

    def resend(self, delivery: int, /, *, due_at: datetime) -> None:
        """Note when an alert that goes on firing is to be sent again."""
        ...


@runtime_checkable
class Resending(Protocol):
    """A receiver that keeps account of alerts: it takes many together and hears of a firing one again and again."""

    @property
    def resend_every(self) -> timedelta:
        """Time between two sends."""
        ...


@runtime_checkable
class Grouping(Protocol):
    """A receiver of people: what waits for it comes in one message, so that nobody is flooded after an outage."""

    @property
    def together(self) -> bool:
        """Always true: that a receiver has it at all says what it is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass came to, in deliveries."""

    delivered: int = 0
    retried: int = 0
    dead: int = 0

    def __add__(self, other: Pass) -> Pass:
        """Return the sum of two passes."""
        return Pass(
            delivered=self.delivered + other.delivered,
            retried=self.retried + other.retried,
            dead=self.dead + other.dead,
        )


def deliver_due(outbox: Outbox, notifiers: Sequence[Notifier], clock: Clock) -> Pass:
    """Deliver everything that is due, once, each receiver on its own.

    Args:
        outbox: of the store.
        notifiers: the configured receivers; what waits for another is given up.
        clock: for what is due and when to try again.
    """
    now = clock.now()
    due = outbox.due(now, limit=_PAGE)
    total = Pass()
    for notifier in notifiers:
        mine = [delivery for delivery in due if delivery.receiver == notifier.name]
        if mine and isinstance(notifier, Grouping):
            mine = outbox.pending(notifier.name, limit=_MOST_TOGETHER)
        total += _deliver(outbox, notifier, [*mine, *_again(outbox, notifier, mine, now)], now)
    known = {notifier.name for notifier in notifiers}
    for delivery in due:
        if delivery.receiver not in known:
            total += _give_up(outbox, delivery, "the receiver is not configured any more")
    return total


def wait(delivery: int, attempts: int) -> timedelta:
    """Return how long to wait after a failure: doubling, with a jitter that is the same for the same delivery.

    Args:
        delivery: its id.
        attempts: failures so far, this one included.
    """
    digest = blake2b(f"{delivery}:{attempts}".encode(), digest_size=4).digest()
    jitter = 0.5 + int.from_bytes(digest) / 2**33
    doubled: timedelta = _FIRST_WAIT * 2 ** min(max(attempts - 1, 0), _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_WAIT) * jitter


def _again(outbox: Outbox, notifier: Notifier, due: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Return what was delivered, still fires, and is to be sent again."""
    if not isinstance(notifier, Resending):
        return []
    pending = {delivery.id for delivery in due}
    return [d for d in outbox.firing(notifier.name) if d.due_at <= now and d.id not in pending]


def _deliver(outbox: Outbox, notifier: Notifier, deliveries: Sequence[Delivery], now: datetime) -> Pass:
    """Deliver all together to people and to who keeps account of alerts, one by one to anybody else."""
    if isinstance(notifier, Resending | Grouping):
        return _together(outbox, notifier, deliveries, now)
    total = Pass()
    for index, delivery in enumerate(deliveries):
        found = _together(outbox, notifier, [delivery], now)
        total += found
        if found.retried:
            return total + _try_later(outbox, deliveries[index + 1 :], "the receiver did not take the one before", now)
    return total


def _together(outbox: Outbox, notifier: Notifier, deliveries: Sequence[Delivery], now: datetime) -> Pass:
    """Deliver in one go; where that is refused for good, one by one, so that one bad alert stops no other."""
    if not deliveries:
        return Pass()
    try:
        notifier.notify([delivery.alert for delivery in deliveries])
    except NotifyError as error:
        if error.retryable:
            return _try_later(outbox, deliveries, str(error), now)
        if len(deliveries) == 1:
            return _give_up(outbox, deliveries[0], str(error))
        return sum((_together(outbox, notifier, [delivery], now) for delivery in deliveries), Pass())
    for delivery in deliveries:
        outbox.delivered(delivery.id)
        if isinstance(notifier, Resending) and status_of(delivery.alert) is Status.FIRING:
            outbox.resend(delivery.id, due_at=now + notifier.resend_every)
    return Pass(delivered=len(deliveries))


def _try_later(outbox: Outbox, deliveries: Iterable[Delivery], error: str, now: datetime) -> Pass:
    count = 0
    for delivery in deliveries:
        outbox.retry(delivery.id, due_at=now + wait(delivery.id, _failures(delivery) + 1), error=error)
        log.warning("alert_retried", delivery=delivery.id, receiver=delivery.receiver, error=error)
        count += 1
    return Pass(retried=count)


def _failures(delivery: Delivery) -> int:
    """Return how often it failed before; a repeat of what was delivered begins anew, for it is soon forgotten there."""
    return delivery.attempts if delivery.state is DeliveryState.PENDING else 0


def _give_up(outbox: Outbox, delivery: Delivery, error: str) -> Pass:
    outbox.dead(delivery.id, error=error)
    log.error("alert_dead", delivery=delivery.id, receiver=delivery.receiver, alert=delivery.alert.name, error=error)
    return Pass(dead=1)
