"""A web server that gives files, and can be told to do it badly."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from loopback import LoopbackServer


class FileServer(LoopbackServer):
    """Serves bytes by path; counts what is asked of it.

    Args:
        files: bytes by path, without the first slash; through a proxy the path is the whole URL.
        moved: paths that redirect to another of its paths.
        breaks_off: whether it ends each answer before all that it announced.
    """

    def __init__(
        self, files: dict[str, bytes], *, moved: dict[str, str] | None = None, breaks_off: bool = False
    ) -> None:
        self.files = files
        self.moved = moved or {}
        self.breaks_off = breaks_off
        self.seen: list[str] = []
        super().__init__(self._handler())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.removeprefix("/")
                server.seen.append(path)
                if path in server.moved:
                    self.send_response(302)
                    self.send_header("Location", f"/{server.moved[path]}")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                body = server.files.get(path)
                self.send_response(200 if body is not None else 404)
                self.send_header("Content-Length", str(len(body or b"") + (1000 if server.breaks_off else 0)))
                self.end_headers()
                self.wfile.write(body or b"")
                self.close_connection = server.breaks_off

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler
