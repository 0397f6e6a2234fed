"""What leaves the daemon: alerts and jobs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.alert.alertmanager import AlertmanagerNotifier
from driftwatch.alert.apprise import AppriseNotifier
from driftwatch.alert.webhook import WebhookNotifier
from driftwatch.domain.secrets import read_secret
from driftwatch.retrain.launchers import ChildLauncher, RayLauncher, SystemdLauncher

if TYPE_CHECKING:
    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock, Launcher, Notifier

_SPOOL = "DRIFTWATCH_SPOOL"
"""Environment variable by which driftwatch.service says where driftwatch-dispatch.path looks for requests."""


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
    for name, apprise in config.alerts.apprise.items():
        found.append(AppriseNotifier(name, apprise, url=read_secret(apprise.url, environ=os.environ)))
    return tuple(found)


def receivers(config: Config) -> tuple[str, ...]:
    """Return the names of the configured receivers."""
    named = {"alertmanager": config.alerts.alertmanager, "webhook": config.alerts.webhook}
    return (
        *(name for name, settings in named.items() if settings is not None),
        *(f"apprise:{name}" for name in config.alerts.apprise),
    )


def launcher(config: Config) -> Launcher:
    """Return what starts the jobs: as configured, else systemd where the shipped unit names its spool, else children.

    Raises:
        ConfigError: the cluster's token cannot be read.
    """
    settings, runs = config.retrain, config.state_dir / "runs"
    spool = os.environ.get(_SPOOL)
    kind = settings.launcher if settings.launcher != "auto" else ("systemd" if spool else "child")
    if kind == "systemd":
        return SystemdLauncher(runs, spool=settings.spool or Path(spool or config.state_dir / "spool"))
    if kind == "ray":
        token = read_secret(settings.ray.token, environ=os.environ).reveal() if settings.ray.token else None
        return RayLauncher(runs, config=config.path, settings=settings.ray, token=token)
    return ChildLauncher(runs, config=config.path)
