"""Who may ask the daemon for what, as configuration, web file and secrets say."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from driftwatch.config.settings import ALL_STREAMS
from driftwatch.domain.errors import ConfigError
from driftwatch.domain.secrets import read_secret, secret_file
from driftwatch.web.access import Access, Followed, FollowingContext, Guard, Token, hashed, read_web_file, tls_context
from driftwatch.web.access.followed import Reading
from driftwatch.web.access.webfile import WebFile

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from driftwatch.config import Config, DaemonSettings
    from driftwatch.config.settings import TokenSettings

LEAST_TOKEN = 20
"""Characters of a token: shorter ones can be guessed."""

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What is in force at a moment."""

    access: Access
    tls: ssl.SSLContext | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """The way in: who is admitted, over which connections, and a look at the files on demand.

    Args:
        guard: admits requests.
        tls: of new connections; None for plain HTTP.
        again: looks at the files now, and returns what is wrong with them.
        wrong: what is wrong with the files, as far as was looked.
    """

    guard: Guard
    tls: ssl.SSLContext | None
    again: Callable[[], str | None]
    wrong: Callable[[], str | None]


def entrance(config: Config, *, now: Callable[[], float] = monotonic) -> Entrance:
    """Return the way in; it follows its files.

    Raises:
        ConfigError: the web file, a certificate or a token cannot be used.
    """
    encrypted = read_access(config, environ=os.environ).value.tls is not None

    def read() -> Reading[InForce]:
        found = read_access(config, environ=os.environ)
        if (found.value.tls is not None) is not encrypted:
            what = "TLS cannot be switched on or off while the daemon runs"
            raise ConfigError(what, where=str(config.daemon.web_config), cure="restart the daemon")
        return found

    followed = Followed("web configuration and tokens", read, now=now)
    tls = FollowingContext.over(lambda: _context(followed.current())) if encrypted else None
    guard = Guard(lambda: followed.current().access)
    return Entrance(guard=guard, tls=tls, again=followed.again, wrong=lambda: followed.error)


def read_access(config: Config, *, environ: Mapping[str, str]) -> Reading[InForce]:
    """Read web file, certificates and tokens.

    Raises:
        ConfigError: one of them cannot be used.
    """
    daemon = config.daemon
    web = read_web_file(daemon.web_config) if daemon.web_config is not None else WebFile()
    if strange := sorted(set(daemon.users) - set(web.users)):
        what = f"[daemon.users] names who is no user: {', '.join(strange)}"
        raise ConfigError(what, where=str(config.path), cure="add them to basic_auth_users of web_config")
    tokens = tuple(_token(name, settings, environ) for name, settings in daemon.tokens.items())
    headers = {**({"strict-transport-security": "max-age=31536000"} if web.tls is not None else {}), **web.headers}
    access = Access(
        users=web.users,
        rights=daemon.users,
        tokens=tokens,
        headers=headers,
        names=_names(daemon, login=bool(web.users)),
    )
    return Reading(
        value=InForce(access=access, tls=tls_context(web.tls) if web.tls is not None else None),
        files=(*web.files, *_secret_files(daemon.tokens.values(), environ)),
    )


def _names(daemon: DaemonSettings, *, login: bool) -> frozenset[str] | None:
    if login or not daemon.loopback:
        return None
    return frozenset(name.lower() for name in (*_LOOPBACK, daemon.host, *daemon.names))


def _context(found: InForce) -> ssl.SSLContext:
    assert found.tls is not None  # noqa: S101 - read refuses a switch from TLS to plain HTTP
    return found.tls


def _token(name: str, settings: TokenSettings, environ: Mapping[str, str]) -> Token:
    streams = None if ALL_STREAMS in settings.streams else frozenset(settings.streams)
    return Token(name=name, sha256=_digest(name, settings, environ), streams=streams, may=settings.may)


def _digest(name: str, settings: TokenSettings, environ: Mapping[str, str]) -> bytes:
    if settings.secret is None:
        return bytes.fromhex(settings.sha256 or "")
    token = read_secret(settings.secret, environ=environ).reveal()
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        what = f"token {name} is not at least {LEAST_TOKEN} printable characters without a space"
        raise ConfigError(what, where=settings.secret, cure="openssl rand -hex 32 makes a good one")
    return hashed(token)


def _secret_files(tokens: Iterable[TokenSettings], environ: Mapping[str, str]) -> tuple[Path, ...]:
    references = [token.secret for token in tokens if token.secret is not None]
    files = [secret_file(reference, environ=environ) for reference in references]
    return tuple(file for file in files if file is not None)
