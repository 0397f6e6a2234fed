"""Where alerts go."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotations of settings
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Literal

from driftwatch.domain.secrets import check_reference
from driftwatch.domain.urls import check_url


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertmanagerSettings:
    """A Prometheus Alertmanager, version 2 of its API.

    Args:
        url: its root, such as ``http://127.0.0.1:9093``.
        resend: time between two sends of an alert that goes on firing.
        timeout: longest wait for each step of a request.
        link: where people reach driftwatch's pages; alerts open their incident's or run's there (without: its path).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    url: str
    resend: timedelta = timedelta(minutes=1)
    timeout: timedelta = timedelta(seconds=10)
    link: str | None = None

    def __post_init__(self) -> None:
        check_url(self.url)
        _check_timeout(self.timeout)
        if self.link is not None:
            check_url(self.link)
        if not timedelta(seconds=1) <= self.resend <= timedelta(hours=1):
            raise ValueError("resend must lie between 1s and 1h")


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """Any receiver of JSON.

    Args:
        url: where each alert is posted.
        secret: reference of the secret that signs the posts, such as ``env:HOOK_SECRET``.
        timeout: longest wait for each step of a request.
        link: where people reach driftwatch's pages; alerts open their incident's or run's there (without: its path).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    url: str
    secret: str | None = None
    timeout: timedelta = timedelta(seconds=10)
    link: str | None = None

    def __post_init__(self) -> None:
        check_url(self.url)
        _check_timeout(self.timeout)
        if self.link is not None:
            check_url(self.link)
        if self.secret is not None:
            check_reference(self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseSettings:
    """One of the services that Apprise knows: Slack, e-mail, PagerDuty and a hundred more.

    Args:
        url: reference of the secret that is Apprise's address of the service, such as ``file:/etc/driftwatch/slack``.
        least: severity from which alerts are told: ``info``, ``ticket`` or ``page``.
        link: where people reach driftwatch's pages; messages name their incident's or run's there (without: none).
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    url: str
    least: Literal["info", "ticket", "page"] = "info"
    link: str | None = None

    def __post_init__(self) -> None:
        check_reference(self.url)
        if self.link is not None:
            check_url(self.link)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """The receivers; each takes every alert."""

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    alertmanager: AlertmanagerSettings | None = None
    webhook: WebhookSettings | None = None
    apprise: Mapping[str, AppriseSettings] = field(default_factory=dict)


def _check_timeout(timeout: timedelta) -> None:
    if not timedelta(milliseconds=10) <= timeout <= timedelta(minutes=5):
        raise ValueError("timeout must lie between 10ms and 5m")
