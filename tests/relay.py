"""A relay between a client and a server over TCP, which can be cut and mended, and cuts itself in mid-answer."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

_BLOCK = 65_536
_RESET = struct.pack("ii", 1, 0)  # closes as a server that is killed does: with a reset


class Relay:
    """Hands on what a client and a server on loopback say to each other.

    Args:
        port: of the server.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._guard = threading.Lock()
        self._open: set[socket.socket] = set()
        self._left: int | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.broke_off = threading.Event()
        """Set when it has cut itself."""
        self._threads: list[threading.Thread] = []
        self._listen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        for thread in self._threads:
            thread.join()

    def cut(self) -> None:
        """Break every connection and take no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept
        self._listener.close()
        with self._guard:
            broken, self._open = self._open, set()
        for each in broken:
            _reset(each)

    def cut_after(self, answered: int) -> None:
        """Cut when so many more bytes were answered."""
        with self._guard:
            self.broke_off.clear()
            self._left = answered

    def mend(self) -> None:
        """Take connections again."""
        with self._guard:
            self._left = None
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        self._start(self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server_port))
            except OSError:
                _reset(client)
                continue
            with self._guard:
                self._open |= {client, server}
            self._start(self._pump, client, server)
            self._start(self._answer, server, client)

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _pump(self, from_: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while block := from_.recv(_BLOCK):
                to.sendall(block)
        self._end(from_, to)

    def _answer(self, from_: socket.socket, to: socket.socket) -> None:
        with suppress(OSError):
            while block := from_.recv(_BLOCK):
                if self._is_enough(len(block)):
                    self.cut()
                    self.broke_off.set()
                    return
                to.sendall(block)
        self._end(from_, to)

    def _end(self, *connections: socket.socket) -> None:
        with self._guard:
            ended = set(connections) & self._open
            self._open -= ended
        for each in ended:
            _reset(each)

    def _is_enough(self, more: int) -> bool:
        with self._guard:
            if self._left is None:
                return False
            self._left -= more
            return self._left < 0


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        connection.shutdown(socket.SHUT_RDWR)  # wakes who waits in recv
    connection.close()
