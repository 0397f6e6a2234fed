"""Prometheus Alertmanager as a receiver (POST /api/v2/alerts)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from driftwatch.alert.links import linked, page
from driftwatch.alert.people import ended
from driftwatch.alert.post import post
from driftwatch.alert.status import Status, status_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from driftwatch.alert.settings import AlertmanagerSettings
    from driftwatch.domain.alert import Alert
    from driftwatch.domain.protocols import Clock

_EVENT_SHOWN = timedelta(minutes=15)
"""How long an event fires there: longer than any usual ``group_wait``, so that it is told."""

_SENDS_MISSED = 4
"""Sends that may fail in a row before an alert that fires counts as over there."""


class AlertmanagerNotifier:
    """Delivers alerts to an Alertmanager, which groups, silences and routes them.

    Args:
        settings: where it is.
        clock: for the end of what goes on firing.
    """

    def __init__(self, settings: AlertmanagerSettings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock

    @property
    def name(self) -> str:
        """Receiver's name in configuration and metrics."""
        return "alertmanager"

    @property
    def resend_every(self) -> timedelta:
        """Time between two sends of an alert that goes on firing."""
        return self._settings.resend

    def notify(self, alerts: Sequence[Alert]) -> None:
        """Deliver all in one request.

        Raises:
            NotifyError: none was taken.
        """
        now = self._clock.now()
        body = msgspec.json.encode([self._written(ended(alert), now) for alert in alerts])
        url = f"{self._settings.url.rstrip('/')}/api/v2/alerts"
        post(url, body, headers={}, timeout=self._settings.timeout)

    def _written(self, alert: Alert, now: datetime) -> dict[str, object]:
        written: dict[str, object] = {
            "labels": {**alert.labels, "alertname": alert.name, "stream": alert.stream, "severity": alert.severity},
            "annotations": {
                **linked(alert, self._settings.link),
                "summary": alert.summary,
                "description": alert.description,
            },
            "startsAt": _moment(min(alert.starts_at, now)),
            "endsAt": _moment(self._end(alert, now)),
        }
        source = page(alert, self._settings.link)
        return written | ({} if source is None else {"generatorURL": source})

    def _end(self, alert: Alert, now: datetime) -> datetime:
        status = status_of(alert)
        if status is Status.EVENT:
            return now + _EVENT_SHOWN
        if status is Status.FIRING or alert.ends_at is None:
            return now + _SENDS_MISSED * self._settings.resend
        return min(alert.ends_at, now)


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
