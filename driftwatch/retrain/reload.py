"""Tells the serving stack that another model version is in force. A failure is reported, never undoes the promotion."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping  # noqa: TC003 - pydantic reads the annotations
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

import structlog

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger()

_SHOWN = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadSettings:
    """How a stream's serving stack is told.

    Args:
        command: program and arguments; ``{path}`` and ``{version}`` in them are filled in.
            It also gets DRIFTWATCH_STREAM, DRIFTWATCH_VERSION and DRIFTWATCH_PATH, the version's resolved folder.
        webhook: URL that gets a POST with ``stream``, ``version`` and ``path`` as JSON.
        timeout: longest wait for each.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    command: tuple[str, ...] = ()
    webhook: str | None = None
    timeout: timedelta = timedelta(seconds=60)

    def __post_init__(self) -> None:
        """Check what can be checked without calling anything."""
        if self.webhook is not None and not self.webhook.startswith(("http://", "https://")):
            raise ValueError(f'the reload webhook "{self.webhook}" must begin with http:// or https://')
        if self.timeout <= timedelta(0):
            raise ValueError("the reload timeout must be longer than nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """How the hooks went; ``problems`` is empty when all did their work, ``called`` is 0 where there are none."""

    called: int
    problems: tuple[str, ...]


def reload(settings: ReloadSettings, *, stream: str, version: str, path: Path) -> ReloadReport:
    """Run the command, then the webhook; both get the version's resolved folder, never the link.

    Args:
        settings: what to call.
        stream: whose model.
        version: its name.
        path: its folder.
    """
    facts = {"stream": stream, "version": version, "path": str(path.resolve())}
    problems = []
    if settings.command:
        problems.append(_run(settings, facts))
    if settings.webhook is not None:
        problems.append(_post(settings.webhook, facts, settings.timeout))
    failed = tuple(problem for problem in problems if problem)
    for problem in failed:
        log.error("reload_failed", stream=stream, version=version, problem=problem)
    return ReloadReport(called=len(problems), problems=failed)


def _run(settings: ReloadSettings, facts: Mapping[str, str]) -> str | None:
    command = [_filled(word, facts) for word in settings.command]
    environment = {f"DRIFTWATCH_{name.upper()}": value for name, value in facts.items()}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **environment},
            timeout=settings.timeout.total_seconds(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the reload command {command[0]} did not end within {settings.timeout.total_seconds():g} s"
    except OSError as error:
        return f"the reload command {command[0]} cannot be started: {error.strerror}"
    if done.returncode == 0:
        return None
    said = done.stderr.decode(errors="replace").strip()[-_SHOWN:]
    return f"the reload command {command[0]} ended with code {done.returncode}: {said or 'no message'}"


def _filled(word: str, facts: Mapping[str, str]) -> str:
    for name in ("path", "version", "stream"):
        word = word.replace(f"{{{name}}}", facts[name])
    return word


def _post(url: str, facts: Mapping[str, str], timeout: timedelta) -> str | None:
    import httpx

    try:
        answer = httpx.post(url, json=dict(facts), timeout=timeout.total_seconds(), follow_redirects=False)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"the reload webhook did not answer: {error or type(error).__name__}"
    return None if answer.is_success else f"the reload webhook answered {answer.status_code}"
