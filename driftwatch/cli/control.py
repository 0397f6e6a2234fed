"""Asks a daemon: over its own socket or, where nobody has to log in, over its address."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from driftwatch.cli.account import account
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    import httpx

    from driftwatch.config import Config


def over_socket(config: Config, method: str, path: str, *, seconds: float) -> httpx.Response:
    """Return the answer on the daemon's own socket, which is in the configuration's state folder.

    Raises:
        OSError: there is no such folder, or this user may not look into it.
        DriftwatchError: nobody answers on it.
    """
    import httpx

    from driftwatch.web import LOCAL_USER, short
    from driftwatch.wiring.hosts import control_socket

    file = control_socket(config)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with httpx.Client(transport=httpx.HTTPTransport(uds=short(folder, file)), timeout=seconds) as client:
            return client.request(method, f"http://driftwatch{path}", headers={LOCAL_USER: account()})
    except httpx.TransportError as error:
        raise _silent(str(file), error) from None
    finally:
        os.close(folder)


def over_address(config: Config, method: str, path: str, *, seconds: float) -> httpx.Response:
    """Return the answer of whatever listens on the configured address.

    Raises:
        DriftwatchError: nobody answers on it, or who asks has to log in.
    """
    import httpx

    from driftwatch.wiring.hosts import control_socket

    if config.daemon.web_config is not None:
        what = f"its socket cannot be opened: {control_socket(config)}"
        raise DriftwatchError(what, cure="start the daemon; run this as its user or as root")
    try:
        return httpx.request(method, f"http://{config.daemon.listen}{path}", timeout=seconds, trust_env=False)
    except httpx.TransportError as error:
        raise _silent(config.daemon.listen, error) from None


def _silent(where: str, error: Exception) -> DriftwatchError:
    cure = "driftwatch run starts it; driftwatch doctor says what else may be wrong"
    return DriftwatchError(f"the daemon does not answer: {error}", where=where, cure=cure)
