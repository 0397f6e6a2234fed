"""Puts the app on a port."""

from __future__ import annotations

import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from uvicorn import Config, Server

from driftwatch.domain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.web.app import App

_DRAIN_SECONDS = 10
_CONNECTIONS = 256
_QUEUE = 128


class WebServer(Server):
    """A server on a socket that listens already: connections wait until ``run`` answers them.

    Args:
        config: of uvicorn.
        listening: the socket.
    """

    def __init__(self, config: Config, listening: socket.socket) -> None:
        super().__init__(config)
        self._listening = listening

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._listening.getsockname()[1])

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer requests until SIGTERM, SIGINT or ``should_exit``; returns once the last answer is out."""
        super().run(sockets=sockets or [self._listening])

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal and return; uvicorn's own would raise it again and end the process on the spot."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(app: App, host: str, port: int) -> WebServer:
    """Return a server that listens, its answers to begin with ``run``.

    Quiet: what is worth logging, the app logs itself. No server or proxy headers are sent or believed.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    config = Config(
        app,
        host=host,
        port=port,
        loop="asyncio",
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    return WebServer(config, _listening(host, port))


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=_QUEUE)
        # Inherited by every connection: head and body go out at once instead of waiting 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening  # noqa: TRY300 - both calls may fail alike
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {host}:{port}: {error.strerror or error}",
            where="[daemon] listen",
            cure="stop what uses the address, or choose another one",
        ) from error
