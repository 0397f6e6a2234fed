"""The app on a real port."""

from __future__ import annotations

import gzip
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from web_client import Daemon, Shelf, app_of

from driftwatch.web import WebSettings, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 10.0


@contextmanager
def served(shelf: Shelf, *, settings: WebSettings | None = None) -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        server = serve(app_of(shelf, Daemon(), settings=settings), "127.0.0.1", port)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
                client.get(f"http://127.0.0.1:{port}/-/healthy", timeout=DEADLINE)
            yield port
        finally:
            server.should_exit = True
            thread.join(DEADLINE)
            assert not thread.is_alive()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as connection:
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
        assert httpx.get(f"{url}/metrics", timeout=1).status_code == 200
        shelf.go_on.set()
        sender.join(DEADLINE)
    assert answers == [202]
