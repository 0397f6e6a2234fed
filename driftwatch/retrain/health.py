"""Whether the serving stack really serves the version it was told of: asked again and again until a deadline."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from driftwatch.domain.urls import check_url
from driftwatch.retrain.calls import ReloadError, filled, request, run_command

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LONGEST_PAUSE = 30.0
"""Seconds between two looks at most; pauses double up to here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """How a reload is checked; when the check fails until the deadline, the model before is put back.

    Args:
        command: program and arguments, filled in as the reload command's are; it must end with code 0.
        url: that must answer 2xx; filled in likewise.
        expect: text that must stand in that answer's body or in a header, such as ``{version}``.
        within: longest time from the reload to a check that succeeds.
        every: pause after the first check that fails; each further pause is twice as long, up to 30 s.
        timeout: longest wait for each check.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    command: tuple[str, ...] = ()
    url: str | None = None
    expect: str = ""
    within: timedelta = timedelta(minutes=5)
    every: timedelta = timedelta(seconds=1)
    timeout: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        """Check what can be checked without calling anything."""
        if self.url is not None:
            check_url(self.url)
        if self.expect and self.url is None:
            raise ValueError("expect says what the url answers; give a url")
        if min(self.every, self.timeout) <= timedelta(0) or self.within < self.every:
            raise ValueError("every and timeout must be longer than nothing, and within at least as long as every")

    @property
    def wanted(self) -> bool:
        """Whether there is anything to check."""
        return bool(self.command) or self.url is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How time passes.

    Args:
        now: seconds on a clock that never goes back.
        wait: waits that many seconds.
    """

    now: Callable[[], float]
    wait: Callable[[float], object]


REAL = Pace(now=time.monotonic, wait=threading.Event().wait)


def why_not_served(settings: CheckSettings, facts: Mapping[str, str], *, pace: Pace) -> str | None:
    """Return None as soon as a check succeeds, or why the last one before the deadline did not."""
    deadline = pace.now() + settings.within.total_seconds()
    pause, looks = settings.every.total_seconds(), 1
    while (problem := _look(settings, facts)) is not None:
        if pace.now() + pause > deadline:
            return f"{problem} ({looks} checks within {settings.within.total_seconds():g} s)"
        pace.wait(pause)
        pause, looks = min(2 * pause, LONGEST_PAUSE), looks + 1
    return None


def _look(settings: CheckSettings, facts: Mapping[str, str]) -> str | None:
    try:
        if settings.command:
            run_command(settings.command, facts, timeout=settings.timeout, what="the health check")
        if settings.url is not None:
            _answered(filled(settings.url, facts), filled(settings.expect, facts), settings.timeout)
    except ReloadError as error:
        return error.what
    return None


def _answered(url: str, expected: str, timeout: timedelta) -> None:
    heard = request(url, what="the health check", timeout=timeout)
    said = [heard.body.decode(errors="replace"), *heard.headers.values()]
    if not any(expected in each for each in said):
        raise ReloadError(f'the health check\'s answer does not say "{expected}"')
