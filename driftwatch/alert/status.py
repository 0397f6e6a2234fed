"""Whether an alert fires, is over, or is the word of a single moment."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from driftwatch.domain.alert import Alert


class Status(StrEnum):
    """How an alert stands."""

    FIRING = "firing"
    RESOLVED = "resolved"
    EVENT = "event"


def status_of(alert: Alert) -> Status:
    """Return how an alert stands; an event ends the moment it starts and is never resolved."""
    if alert.ends_at is None:
        return Status.FIRING
    return Status.EVENT if alert.ends_at == alert.starts_at else Status.RESOLVED
