"""Slack, e-mail, PagerDuty and whatever else Apprise knows as a receiver (extra ``apprise``)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from driftwatch.alert.people import message
from driftwatch.domain.errors import ConfigError, NotifyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import apprise

    from driftwatch.alert.settings import AppriseSettings
    from driftwatch.domain.alert import Alert
    from driftwatch.domain.secrets import Secret

RANKS = ("info", "ticket", "page")
"""Severities from the least on; a rule's own word counts as a ticket."""


class AppriseNotifier:
    """Tells people: one message for an alert, one for all of them where several wait.

    Args:
        name: of the receiver.
        settings: what it takes.
        url: Apprise's address of the service, which holds its secrets.

    Raises:
        ConfigError: the extra is missing, or the address is none.
    """

    together = True

    def __init__(self, name: str, settings: AppriseSettings, *, url: Secret) -> None:
        self._name, self._settings = name, settings
        self._service = _service(name, url)

    @property
    def name(self) -> str:
        """Receiver's name in configuration and metrics."""
        return f"apprise:{self._name}"

    def notify(self, alerts: Sequence[Alert]) -> None:
        """Deliver all in one message; those below the least severity count as delivered.

        Raises:
            NotifyError: it was not taken, which is always worth another try: why, Apprise does not say.
        """
        told = [alert for alert in alerts if _rank(alert.severity) >= RANKS.index(self._settings.least)]
        if not told:
            return
        made = message(told, self._settings.link)
        if not self._service.notify(title=made.title, body=made.body, notify_type=made.tone.value):
            cure = "driftwatch alert test tells whether it is reached; check the address that its secret holds"
            raise NotifyError("the service did not take it", where=self.name, cure=cure, retryable=True)


def _rank(severity: str) -> int:
    return RANKS.index(severity) if severity in RANKS else RANKS.index("ticket")


def _service(name: str, url: Secret) -> apprise.Apprise:
    try:
        import apprise
    except ImportError:
        cure = "pip install 'driftwatchd[apprise]'"
        raise ConfigError("apprise is not installed", where=f"[alerts.apprise.{name}]", cure=cure) from None
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines hold addresses; what matters we say ourselves
    asset = apprise.AppriseAsset(app_id="driftwatch", app_desc="driftwatch", async_mode=False)
    service = apprise.Apprise(asset=asset)
    if not service.add(url.reveal()):
        cure = "see the list of services in Apprise's documentation; the address is a secret and not shown here"
        raise ConfigError("its secret holds no address that Apprise knows", where=f"[alerts.apprise.{name}]", cure=cure)
    return service
