"""Alerts and their deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

INCIDENT = "incident"
"""Annotation that holds the path of an alert's incident page, below the address of the daemon."""

RUN = "run"
"""Annotation that holds the path of a run's page, below the address of the daemon."""

REPORT = "report"
"""Annotation that holds the path of a window's report, below the address of the daemon."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """A condition firing, later resolved.

    Args:
        key: idempotency key; the same key is delivered once per receiver.
        name: such as ``DriftDetected`` or ``RunPromoted``.
        stream: whose alert.
        severity: ``info``, ``ticket`` or ``page``.
        summary: one line.
        description: what, how much against which limit, since when, what happens by itself, what to do.
        starts_at: since when.
        ends_at: when it was over; None while it fires.
        labels: more identity, low cardinality.
        annotations: more text, such as ``runbook_url``.
    """

    key: str
    name: str
    stream: str
    severity: str
    summary: str
    description: str
    starts_at: datetime
    ends_at: datetime | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert on its way to one receiver."""

    id: int
    receiver: str
    alert: Alert
    state: DeliveryState
    attempts: int
    due_at: datetime
    error: str | None = None
