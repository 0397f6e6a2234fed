"""Where the parts of the stack listen: as the shipped files say, and elsewhere only where that is taken."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from dataclasses import astuple, dataclass

_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Ports on loopback.

    Args:
        daemon: of driftwatch.
        prometheus: of Prometheus.
        alertmanager: of Alertmanager.
        receiver: where Alertmanager's messages go.
    """

    daemon: int = 9478
    prometheus: int = 9090
    alertmanager: int = 9093
    receiver: int = 9095

    def put_into(self, text: str) -> str:
        """Return a shipped file's text with these ports instead of the usual ones."""
        ports = dict(zip(astuple(SHIPPED), astuple(self), strict=True))
        return re.sub(rf"\b{re.escape(_HOST)}:(\d+)\b", lambda at: f"{_HOST}:{ports[int(at[1])]}", text)


SHIPPED = Addresses()
"""What the shipped files name."""


def free(*, receiver: int | None = None) -> Addresses:
    """Return the usual ports, another instead of each that is taken.

    Args:
        receiver: where somebody receives Alertmanager's messages already.
    """
    usual = (SHIPPED.daemon, SHIPPED.prometheus, SHIPPED.alertmanager)
    with ExitStack() as held:
        daemon, prometheus, alertmanager = (_bound(held, port) for port in usual)
        receiver = receiver or _bound(held, SHIPPED.receiver)
    return Addresses(daemon=daemon, prometheus=prometheus, alertmanager=alertmanager, receiver=receiver)


def url(port: int) -> str:
    """Return the address of a port as browsers take it."""
    return f"http://{_HOST}:{port}"


def _bound(held: ExitStack, port: int) -> int:
    """Hold a port until all are chosen, so that none is chosen twice."""
    tried = held.enter_context(socket.socket())
    tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port that rests is free
    try:
        tried.bind((_HOST, port))
    except OSError:
        tried.bind((_HOST, 0))
    return int(tried.getsockname()[1])
