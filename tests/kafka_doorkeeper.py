"""A Kafka broker that asks for names and passwords and lets nobody in: what librdkafka's mock of a cluster lacks."""

from __future__ import annotations

import ssl
import struct
import threading
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any, Self

_HANDSHAKE, _VERSIONS, _AUTHENTICATE = 17, 18, 36
_KNOWN = ((_HANDSHAKE, 0, 1), (_VERSIONS, 0, 0), (_AUTHENTICATE, 0, 0))
_UNSUPPORTED_VERSION, _AUTHENTICATION_FAILED = 35, 58
_REASON = b"Authentication failed: Invalid username or password"


class _Visitor(BaseRequestHandler):
    def handle(self) -> None:
        while (head := self._take(4)) and (request := self._take(struct.unpack(">i", head)[0])):
            kind, version, number = struct.unpack(">hhi", request[:8])
            answer = struct.pack(">i", number) + _answer(kind, version)
            self.request.sendall(struct.pack(">i", len(answer)) + answer)
            if kind == _AUTHENTICATE:
                return

    def _take(self, size: int) -> bytes:
        content = b""
        while len(content) < size:
            try:
                block = self.request.recv(size - len(content))
            except OSError:
                return b""
            if not block:
                return b""
            content += block
        return content


def _answer(kind: int, version: int) -> bytes:
    if kind == _VERSIONS:
        error = _UNSUPPORTED_VERSION if version else 0
        return struct.pack(">hi", error, len(_KNOWN)) + b"".join(struct.pack(">hhh", *each) for each in _KNOWN)
    if kind == _HANDSHAKE:
        return struct.pack(">hi", 0, 1) + struct.pack(">h", 5) + b"PLAIN"
    return struct.pack(">hh", _AUTHENTICATION_FAILED, len(_REASON)) + _REASON + struct.pack(">i", -1)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        with suppress(OSError):  # whoever does not trust us hangs up
            if self.tls is None:
                _Visitor(request, client_address, self)
            else:
                with self.tls.wrap_socket(request, server_side=True) as private:
                    _Visitor(private, client_address, self)


class Doorkeeper:
    """Serves in a thread, on a port of the system's choice.

    Args:
        tls: with its certificate, where it speaks that.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = _Server(("127.0.0.1", 0), _Visitor)
        self._server.tls = tls
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self.brokers = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
