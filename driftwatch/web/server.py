"""Puts the app on a port."""

from __future__ import annotations

import os
import signal
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from uvicorn import Config, Server

from driftwatch.domain.errors import ConfigError
from driftwatch.web.app import LOCAL
from driftwatch.web.impatience import ImpatientProtocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from driftwatch.web.app import App
    from driftwatch.web.exchange import Message, Receive, Send

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


def serve(app: App, host: str, port: int, *, tls: ssl.SSLContext | None = None) -> WebServer:
    """Return a server that listens, its answers to begin with ``run``.

    Args:
        app: that answers.
        host: where it listens.
        port: likewise.
        tls: context of its connections; None for plain HTTP.

    Raises:
        ConfigError: the address cannot be listened on.
    """
    config = _config(app, lifespan="on")
    config.load()
    config.ssl = tls
    return WebServer(config, _listening(host, port))


def serve_locally(app: App, socket_file: Path) -> WebServer:
    """Return a server on a socket in a folder: for commands of whoever may open that folder, who need no login.

    Raises:
        ConfigError: the socket cannot be made.
    """

    async def local(scope: Message, receive: Receive, send: Send) -> None:
        await app({**scope, LOCAL: True}, receive, send)

    return WebServer(_config(local, lifespan="off"), _listening_locally(socket_file))


def _config(
    app: App | Callable[[Message, Receive, Send], Awaitable[None]], *, lifespan: Literal["on", "off"]
) -> Config:
    """Return uvicorn's configuration: what is worth logging, the app logs; no proxy's headers are believed."""
    return Config(
        app,
        http=ImpatientProtocol,
        loop="asyncio",
        ws="none",
        lifespan=lifespan,
        interface="asgi3",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=_QUEUE)
        # Inherited by every connection: head and body go out at once instead of waiting 40 ms for an acknowledgement.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening  # noqa: TRY300 - both calls may fail alike
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while ")[0]  # where Python names the address once more
        raise ConfigError(
            f"cannot listen on {host}:{port}: {reason}",
            where="[daemon] listen",
            cure="stop what uses the address (driftwatch doctor says whose it is), or choose another one",
        ) from error


def _listening_locally(file: Path) -> socket.socket:
    """Return a socket that only its owner and root can open; one left behind by a daemon that died gives way."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            file.unlink(missing_ok=True)
            os.fchmod(listening.fileno(), 0o600)  # before there is a file that anybody could open
            listening.bind(short(folder, file))
        finally:
            os.close(folder)
        listening.listen(_QUEUE)
    except OSError as error:
        listening.close()
        what = f"its own socket cannot be made: {error.strerror or error}"
        raise ConfigError(what, where=str(file), cure="make state_dir writable for this user") from error
    return listening


def short(folder: int, file: Path) -> str:
    """Return a socket's path by its folder's descriptor: longer ones than 107 bytes fit no address."""
    return f"/proc/self/fd/{folder}/{file.name}"
