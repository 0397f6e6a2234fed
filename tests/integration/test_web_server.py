"""The app on a real port."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from web_client import Daemon, Shelf, app_of

from driftwatch.domain.errors import ConfigError
from driftwatch.web import WebSettings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60.0


@contextmanager
def served(shelf: Shelf, *, settings: WebSettings | None = None) -> Iterator[int]:
    server = serve(app_of(shelf, Daemon(), settings=settings), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.port
    finally:
        server.should_exit = True
        thread.join(DEADLINE)
        assert not thread.is_alive()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
        if request:
            connection.sendall(request)
        return connection.recv(65536)


def test_texts_and_scrapes_over_a_socket(shelf: Shelf) -> None:
    with served(shelf) as port:
        body = gzip.compress(b'{"text": "hello"}')
        headers = {"content-type": "application/json", "content-encoding": "gzip"}
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/streams/support/texts", content=body, headers=headers)
        scrape = httpx.get(f"http://127.0.0.1:{port}/metrics")
    assert answer.status_code == 202
    assert shelf.bodies == [body]
    assert scrape.status_code == 200
    assert "server" not in scrape.headers


def test_chunks_without_an_end_are_cut_off(shelf: Shelf) -> None:
    head = b"POST /v1/streams/support/texts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with served(shelf, settings=WebSettings(max_bytes=1_000)) as port:
        answer = raw(port, head + b"transfer-encoding: chunked\r\n\r\n" + b"400\r\n" + b"x" * 1024 + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    assert shelf.bodies == []


@pytest.mark.parametrize("protocol", ["httptools", "h11"])
@pytest.mark.parametrize(
    "sent", [b"", b"POST /v1/stre", b"POST /v1/streams/support/texts HTTP/1.1\r\nhost: x\r\n"], ids=["", "line", "head"]
)
def test_a_head_that_never_ends_is_cut_off(
    shelf: Shelf, sent: bytes, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some hundred such connections would shut out everybody else; whoever sends whole heads may stay."""
    import importlib

    import uvicorn.protocols.http.auto

    if protocol == "h11":
        from uvicorn.protocols.http.h11_impl import H11Protocol

        monkeypatch.setattr(uvicorn.protocols.http.auto, "AutoHTTPProtocol", H11Protocol)
    impatience = importlib.reload(importlib.import_module("driftwatch.web.impatience"))
    monkeypatch.setattr(impatience, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr("driftwatch.web.server.ImpatientProtocol", impatience.ImpatientProtocol)
    with served(shelf) as port:
        assert raw(port, sent) == b"", "it is closed without an answer"
        monkeypatch.setattr(impatience, "HEAD_SECONDS", 60)  # a busy machine may take long to send a whole one
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as patient:
            assert [patient.get("/-/healthy").status_code for _ in range(3)] == [200] * 3


def test_dots_in_the_path_reach_nothing(shelf: Shelf) -> None:
    with served(shelf) as port:
        for path in (b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"//etc/passwd", b"/runs/..%2f..%2fetc"):
            assert raw(port, b"GET " + path + b" HTTP/1.1\r\nhost: x\r\n\r\n").startswith(b"HTTP/1.1 404")


def test_nonsense_is_answered_and_the_server_lives_on(shelf: Shelf) -> None:
    with served(shelf) as port:
        assert raw(port, b"\x16\x03\x01 nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
        assert httpx.get(f"http://127.0.0.1:{port}/-/healthy").status_code == 200


def test_a_client_that_leaves_half_way_stores_nothing(shelf: Shelf) -> None:
    head = b"POST /v1/streams/support/texts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    with served(shelf) as port:
        with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
            connection.sendall(head + b"content-length: 99\r\n\r\n{")
        assert httpx.get(f"http://127.0.0.1:{port}/-/healthy").status_code == 200
    assert shelf.bodies == []


def test_a_scrape_is_answered_while_a_commit_waits(shelf: Shelf) -> None:
    shelf.go_on.clear()
    with served(shelf) as port:
        url = f"http://127.0.0.1:{port}"
        texts = {"content": b"{}", "headers": {"content-type": "application/json"}, "timeout": DEADLINE}
        answers: list[int] = []
        sender = threading.Thread(
            target=lambda: answers.append(httpx.post(f"{url}/v1/streams/support/texts", **texts).status_code)  # type: ignore[arg-type]
        )
        sender.start()
        assert shelf.entered.wait(DEADLINE)
        assert httpx.get(f"{url}/metrics", timeout=DEADLINE).status_code == 200
        shelf.go_on.set()
        sender.join(DEADLINE)
    assert answers == [202]


class Counting(Shelf):
    """A shelf that says whenever a request is let in."""

    def __init__(self) -> None:
        super().__init__()
        self.let_in = threading.Semaphore(0)

    def backlog(self) -> int:
        self.let_in.release()
        return 0


def test_a_server_that_stops_answers_who_is_at_work_and_who_waits() -> None:
    shelf, senders = Counting(), 8
    shelf.go_on.clear()
    server = serve(app_of(shelf), "127.0.0.1", 0)
    running = threading.Thread(target=server.run)
    running.start()
    url = f"http://127.0.0.1:{server.port}/v1/streams/support/texts"
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=DEADLINE) as idle,
        ThreadPoolExecutor(max_workers=senders) as pool,
    ):
        posts = [
            pool.submit(httpx.post, url, json={"id": str(number)}, timeout=2 * DEADLINE) for number in range(senders)
        ]
        for _ in range(senders):
            assert shelf.let_in.acquire(timeout=DEADLINE)
        server.should_exit = True
        assert idle.recv(1) == b"", "a connection without a request is closed as soon as the server stops"
        shelf.go_on.set()
        assert [post.result(2 * DEADLINE).status_code for post in posts] == [202] * senders
    running.join(DEADLINE)
    assert not running.is_alive()
    assert len(shelf.bodies) == senders


STOPPED_IN_ORDER = """
import os, signal, sys, threading
from web_client import Shelf, app_of
from driftwatch.web import serve

server = serve(app_of(Shelf()), "127.0.0.1", 0)

def kill_once_started():
    pause = threading.Event()
    while not server.started:
        pause.wait(0.01)
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))

threading.Thread(target=kill_once_started).start()
try:
    server.run()
finally:
    print("tidied up")
print("and went on")
"""


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_the_server_not_the_process(number: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED_IN_ORDER, number],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE,
    )
    assert (ended.returncode, ended.stdout) == (0, "tidied up\nand went on\n"), ended.stderr


def test_an_address_in_use_is_a_clear_error(shelf: Shelf) -> None:
    with served(shelf) as port, pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1"):
        serve(app_of(shelf), "127.0.0.1", port)


def test_an_address_that_is_none_is_a_clear_error(shelf: Shelf) -> None:
    with pytest.raises(ConfigError, match=r"cannot listen on 203\.0\.113\.1"):
        serve(app_of(shelf), "203.0.113.1", 0)
