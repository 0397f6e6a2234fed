"""A web server with the calls of a hub that huggingface_hub's uploads make, keeping each repository's files."""

from __future__ import annotations

import base64
import json
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from loopback import LoopbackServer


class HubServer(LoopbackServer):
    """Takes every file inside the commit itself, as a hub does with small ones."""

    def __init__(self, *, token: str) -> None:
        self.token = token
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.tags: dict[str, str] = {}
        self.private: bool | None = None
        self.seen: list[str] = []
        super().__init__(self._handler())

    @property
    def head(self) -> str:
        return f"{len(self.commits):040d}"

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        of = "/api/models/acme/docs"
        if method == "POST":
            return self._posted(path, body)
        if path.startswith(f"{of}/tree/"):
            return 200, [
                {"type": "file", "path": name, "oid": "0", "size": len(content)} for name, content in self.files.items()
            ]
        if path.startswith(of):
            return 200, {"id": "acme/docs", "sha": self.head, "siblings": [{"rfilename": name} for name in self.files]}
        return 404, {"error": f"{method} {path}"}

    def _posted(self, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/api/repos/create":
            exists, self.private = self.private is not None, json.loads(body)["visibility"] == "private"
            return (409 if exists else 200), {"url": f"{self.url}/acme/docs", "id": "acme/docs"}
        if "/preupload/" in path:
            asked = [each["path"] for each in json.loads(body)["files"]]
            return 200, {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in asked]}
        if "/commit/" in path:
            self._commit([json.loads(line) for line in body.splitlines()])
            url = f"{self.url}/acme/docs/commit/{self.head}"
            return 200, {"commitOid": self.head, "commitUrl": url, "success": True}
        self.tags[json.loads(body)["tag"]] = path.rpartition("/")[2]
        return 200, {}

    def _commit(self, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                self.commits.append(value["summary"])
            elif line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                self.files.pop(value["path"])

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._serve("GET")

            def do_POST(self) -> None:
                self._serve("POST")

            def _serve(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = urlsplit(self.path).path
                hub.seen.append(f"{method} {path}")
                status, said = 401, {"error": "Invalid credentials"}
                if self.headers["Authorization"] == f"Bearer {hub.token}":
                    status, said = hub.answer(method, path, body)
                content = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler
