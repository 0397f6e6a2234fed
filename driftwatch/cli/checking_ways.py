"""The daemon's ways in and out, looked at before it starts: its address, who may ask, and secrets of receivers."""

from __future__ import annotations

import errno
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

from driftwatch.cli.findings import Finding, asked
from driftwatch.cli.recognising import daemon, own_daemon
from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.alert.settings import AppriseSettings
    from driftwatch.config import Config

_ANYBODY_READS = (
    "it listens beyond this machine, unencrypted, and whoever reaches it can read its pages: set web_config with "
    "tls_server_config and basic_auth_users"
)


def ways(config: Config) -> Iterator[Finding]:
    """Look at where it listens, who may ask, and what its webhook is signed with."""
    yield from _address(config)
    yield asked("who may ask", lambda: _entrance(config))
    if config.daemon.web_config is None and not config.daemon.loopback:
        yield Finding(level="warning", subject="who may ask", detail=_ANYBODY_READS)
    if config.alerts.webhook is not None and (secret := config.alerts.webhook.secret) is not None:
        yield asked("secret of the webhook", lambda: secret_there(secret))


def services(config: Config) -> Iterator[Finding]:
    """Look at the services that alerts go to through Apprise."""
    for name, service in config.alerts.apprise.items():
        yield asked(f"apprise {name}", partial(_service, name, service))


def secret_there(reference: str) -> str:
    """Read a secret and say that it is there.

    Raises:
        ConfigError: it is not.
    """
    from driftwatch.domain.secrets import read_secret

    read_secret(reference, environ=os.environ)
    return f"{reference} is there"


def _address(config: Config) -> Iterator[Finding]:
    """Yield whether the daemon could listen; where something does already, who that is: its daemon is no mistake."""
    trouble = _cannot_listen(config)
    taken = trouble is not None and trouble.errno == errno.EADDRINUSE
    who = daemon(config, own_daemon(config)) if taken else None
    if who is None or who.level == "error":
        yield asked("address", partial(_free, config, trouble))
    if who is not None:
        yield who


def _free(config: Config, trouble: OSError | None) -> str:
    listen = config.daemon.listen
    if trouble is not None:
        what = f"cannot listen: {trouble.strerror or trouble}"
        raise ConfigError(what, where=listen, cure="stop what uses it, or set another [daemon] listen")
    return f"{listen} is free"


def _cannot_listen(config: Config) -> OSError | None:
    host, port = config.daemon.host, config.daemon.port
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return error
    return None


def _service(name: str, settings: AppriseSettings) -> str:
    from driftwatch.alert.apprise import AppriseNotifier
    from driftwatch.domain.secrets import read_secret

    AppriseNotifier(name, settings, url=read_secret(settings.url, environ=os.environ))
    return f"{settings.url} is an address that Apprise knows"


def _entrance(config: Config) -> str:
    from driftwatch.wiring.access import read_access

    found = read_access(config, environ=os.environ).value
    users, tokens = len(found.access.users), len(found.access.tokens)
    return f"{'TLS' if found.tls is not None else 'plain HTTP'}, {users} user(s), {tokens} token(s)"
