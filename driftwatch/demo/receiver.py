"""A local receiver of alerts, as a team's chat or pager would be: it keeps what it is sent."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Receiver:
    """An HTTP server on loopback that takes a webhook's JSON, ours or Alertmanager's; use as a context manager.

    Args:
        port: where it listens; 0 for any that is free.
    """

    def __init__(self, port: int = 0) -> None:
        self.alerts: list[dict[str, Any]] = []
        self.arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/alerts"

    def names(self) -> list[str]:
        """Return the names of the alerts received, in order."""
        with self.arrived:
            return [alert["name"] for alert in self.alerts]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        with self.arrived:
            self.alerts.extend(json.loads(body)["alerts"])
            self.arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler
