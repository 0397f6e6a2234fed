"""What leaves the daemon: alerts and jobs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from driftwatch.alert.alertmanager import AlertmanagerNotifier
from driftwatch.alert.webhook import WebhookNotifier
from driftwatch.domain.secrets import read_secret
from driftwatch.retrain.launchers import ChildLauncher

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock, Launcher, Notifier


def notifiers(config: Config, *, clock: Clock) -> tuple[Notifier, ...]:
    """Return the configured receivers.

    Raises:
        ConfigError: a secret cannot be read.
    """
    found: list[Notifier] = []
    if (alertmanager := config.alerts.alertmanager) is not None:
        found.append(AlertmanagerNotifier(alertmanager, clock=clock))
    if (webhook := config.alerts.webhook) is not None:
        secret = read_secret(webhook.secret, environ=os.environ) if webhook.secret is not None else None
        found.append(WebhookNotifier(webhook, clock=clock, secret=secret))
    return tuple(found)


def receivers(config: Config) -> tuple[str, ...]:
    """Return the names of the configured receivers."""
    named = {"alertmanager": config.alerts.alertmanager, "webhook": config.alerts.webhook}
    return tuple(name for name, settings in named.items() if settings is not None)


def launcher(config: Config) -> Launcher:
    """Return what starts the jobs."""
    return ChildLauncher(config.state_dir / "runs", config=config.path)
