"""Any receiver of JSON: one signed POST per alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from driftwatch.alert.links import linked
from driftwatch.alert.post import post
from driftwatch.alert.status import status_of
from driftwatch.domain.signature import signed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.alert.settings import WebhookSettings
    from driftwatch.domain.alert import Alert
    from driftwatch.domain.protocols import Clock
    from driftwatch.domain.secrets import Secret

IDEMPOTENCY_KEY = "Idempotency-Key"


class WebhookNotifier:
    """Posts each alert as JSON, with an idempotency key that stays the same over repeats.

    Args:
        settings: where to.
        clock: for the timestamp.
        secret: signs the posts; None leaves them unsigned.
    """

    def __init__(self, settings: WebhookSettings, *, clock: Clock, secret: Secret | None = None) -> None:
        self._settings = settings
        self._clock = clock
        self._secret = secret

    @property
    def name(self) -> str:
        """Receiver's name in configuration and metrics."""
        return "webhook"

    def notify(self, alerts: Sequence[Alert]) -> None:
        """Deliver one after the other.

        Raises:
            NotifyError: one was not taken; those before it were, and their keys tell so if they come again.
        """
        for alert in alerts:
            body = msgspec.json.encode({"version": 1, "alerts": [_written(alert, self._settings.link)]})
            post(self._settings.url, body, headers=self._headers(alert, body), timeout=self._settings.timeout)

    def _headers(self, alert: Alert, body: bytes) -> dict[str, str]:
        key = f"{alert.key}:{status_of(alert)}"
        return {IDEMPOTENCY_KEY: key, **signed(body, at=self._clock.now(), secret=self._secret)}


def _written(alert: Alert, link: str | None) -> dict[str, object]:
    return {
        "key": alert.key,
        "status": status_of(alert),
        "name": alert.name,
        "stream": alert.stream,
        "severity": alert.severity,
        "summary": alert.summary,
        "description": alert.description,
        "starts_at": alert.starts_at,
        "ends_at": alert.ends_at,
        "labels": alert.labels,
        "annotations": linked(alert, link),
    }
