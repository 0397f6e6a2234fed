"""A real HTTP server on loopback that keeps what it is sent and answers as it is told."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from loopback import LoopbackServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpReceiver(LoopbackServer):
    """Answers with each given status in turn, then with the last one for ever."""

    def __init__(self, answers: Iterable[int] = (200,), *, say: bytes = b"") -> None:
        self.posts: list[Post] = []
        self.answers = list(answers)
        self._say = say
        self._lock = threading.Lock()
        super().__init__(self._handler())

    def take(self, post: Post) -> int:
        with self._lock:
            self.posts.append(post)
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver, say = self, self._say

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = receiver.take(Post(path=self.path, headers=dict(self.headers), body=body))
                self.send_response(status)
                self.send_header("Content-Length", str(len(say)))
                self.end_headers()
                self.wfile.write(say)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler
