"""Calls to the serving stack: a command that must end well, a request that must be answered well."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.errors import DriftwatchError
from driftwatch.domain.urls import host_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    import httpx

_SHOWN = 500
_LARGEST = 1 << 20
"""Bytes of an answer that are read: a list of models or a health page has less."""


class ReloadError(DriftwatchError):
    """The serving stack did not do what it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A web server's answer, its success checked.

    Args:
        body: its first MiB.
        headers: by lower-case name.
    """

    body: bytes
    headers: Mapping[str, str]


def run_command(command: Sequence[str], facts: Mapping[str, str], *, timeout: timedelta, what: str) -> None:
    """Run a program to its end; the facts fill its arguments and stand in its environment as ``DRIFTWATCH_…``.

    Raises:
        ReloadError: it cannot be started, takes too long or ends with an error.
    """
    words = [filled(word, facts) for word in command]
    environment = {f"DRIFTWATCH_{name.upper()}": value for name, value in facts.items()}
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **environment},
            timeout=timeout.total_seconds(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ReloadError(f"{what} {words[0]} did not end within {timeout.total_seconds():g} s") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise ReloadError(f"{what} {words[0]} cannot be started: {why}") from None
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()[-_SHOWN:]
        raise ReloadError(f"{what} {words[0]} ended with code {done.returncode}: {said or 'no message'}")


def request(
    url: str,
    *,
    what: str,
    timeout: timedelta,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Heard:
    """GET, or POST a JSON body; redirects are not followed, proxies of the environment not used.

    Raises:
        ReloadError: no answer, or one that is not 2xx.
    """
    import httpx

    kind = {} if body is None else {"Content-Type": "application/json"}
    named = {"User-Agent": "driftwatch", **kind, **(headers or {})}
    try:
        with (
            httpx.Client(timeout=timeout.total_seconds(), trust_env=False) as client,
            client.stream("GET" if body is None else "POST", url, content=body, headers=named) as response,
        ):
            heard = Heard(body=_beginning(response), headers={k.lower(): v for k, v in response.headers.items()})
            succeeded, status = response.is_success, response.status_code
    except httpx.InvalidURL:
        raise ReloadError(f"the URL of {what} cannot be used") from None
    except httpx.HTTPError as error:
        raise ReloadError(f"{what} did not answer: {type(error).__name__}", where=host_of(url)) from None
    if not succeeded:
        said = " ".join(heard.body[:_SHOWN].decode(errors="replace").split())
        raise ReloadError(f"{what} answered {status}" + (f": {said}" if said else ""))
    return heard


def filled(word: str, facts: Mapping[str, str]) -> str:
    """Return the word with ``{path}``, ``{version}``, ``{stream}`` and ``{model}`` filled in."""
    for name, value in facts.items():
        word = word.replace(f"{{{name}}}", value)
    return word


def _beginning(response: httpx.Response) -> bytes:
    body = b""
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) >= _LARGEST:
            break
    return body[:_LARGEST]
