"""Exports over HTTP as the specification asks: durable before 200, partial success, problems as ``Status``."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from otlp_samples import WHOLE, Record, logs, spans
from web_client import Daemon, Shelf, client_of

from driftwatch.config import load_config
from driftwatch.store import Store, open_store
from driftwatch.web import Pages, WebSettings, create_app
from driftwatch.wiring import otlp_intakes

PROTOBUF = {"content-type": "application/x-protobuf"}
CONFIG = """
[streams.asked]
[[streams.asked.sources]]
type = "otlp"
match = { "service.name" = "support" }

[streams.answered]
[[streams.answered.sources]]
type = "otlp"
watch = "completion"
"""


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "store.db", clock=Noon())
    yield opened
    opened.close()


def post(
    store: Store,
    folder: Path,
    path: str,
    body: bytes,
    *,
    waiting: int = 0,
    guard: Any = None,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    (folder / "driftwatch.toml").write_text(CONFIG)
    config = load_config(folder / "driftwatch.toml", environ={})
    daemon = Daemon()
    app = create_app(
        intake={"other": Shelf()},
        otlp=otlp_intakes(
            config, store, clock=Noon(), taken=lambda _stream, _texts: None, backlog=lambda _stream: waiting
        ),
        metrics=lambda _accept: (b"", "text/plain"),
        health=lambda: daemon.health,
        reload=daemon.reload,
        pages=Pages(
            status=lambda: daemon.view,
            window=daemon.window,
            incident=daemon.incident,
            report=daemon.report,
            run=daemon.run,
        ),
        settings=WebSettings(backlog=10),
        now=lambda: 0.0,
        guard=guard,
    )

    async def ask() -> httpx.Response:
        async with client_of(app) as client:
            return await client.post(path, content=body, headers={**PROTOBUF, **(headers or {})})

    return asyncio.run(ask())


def bodies(store: Store, stream: str) -> list[str]:
    return [stored.text.body for stored in store.texts.window(stream, after_seq=0, limit=99)]


def test_an_export_goes_to_every_stream_that_wants_it(store: Store, tmp_path: Path) -> None:
    answer = post(store, tmp_path, "/v1/traces", spans(WHOLE))
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, b"", PROTOBUF["content-type"])
    assert bodies(store, "asked") == ["Where is my card?"]
    assert bodies(store, "answered") == ["On its way."]
    post(store, tmp_path, "/v1/traces", spans(WHOLE))  # an exporter that got no answer sends once more
    assert store.counts.intake()["asked", "otlp", "duplicate"] == 1
    assert bodies(store, "asked") == ["Where is my card?"]


def test_an_export_for_one_stream(store: Store, tmp_path: Path) -> None:
    said: Record = ("gen_ai.choice", {}, {"message": {"content": "Hello"}})
    answer = post(store, tmp_path, "/v1/streams/answered/otlp/v1/logs", logs(said))
    assert answer.status_code == 200
    assert (bodies(store, "asked"), bodies(store, "answered")) == ([], ["Hello"])


def test_partial_success(store: Store, tmp_path: Path) -> None:
    broken = {"gen_ai.input.messages": "[7]"}
    path = "/v1/streams/answered/otlp/v1/traces"
    answer = post(store, tmp_path, path, spans(broken, WHOLE))
    told = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, told.rejected_spans, told.error_message) == (200, 1, "1 bad-turns")
    json = post(store, tmp_path, path, b'{"resourceSpans": []}', headers={"content-type": "application/json"})
    assert (json.status_code, json.json()) == (200, {})


@pytest.mark.parametrize(
    ("path", "body", "waiting", "status"),
    [
        ("/v1/traces", b"\xff", 0, HTTPStatus.BAD_REQUEST),
        ("/v1/streams/none/otlp/v1/traces", b"", 0, HTTPStatus.NOT_FOUND),
        ("/v1/traces", b"", 10, HTTPStatus.TOO_MANY_REQUESTS),
    ],
)
def test_problems_are_told_as_otlp_asks(
    store: Store, tmp_path: Path, path: str, body: bytes, waiting: int, status: HTTPStatus
) -> None:
    answer = post(store, tmp_path, path, body, waiting=waiting)
    assert (answer.status_code, answer.headers["content-type"]) == (status, PROTOBUF["content-type"])
    assert answer.content[0] == 0x08
    assert answer.content[2] == 0x12
    if waiting:
        assert int(answer.headers["retry-after"]) > 0
        told = post(store, tmp_path, path, b"{}", waiting=waiting, headers={"content-type": "application/json"})
        assert told.json()["code"] == 8
        assert "wait to be assessed" in told.json()["message"]


def test_a_store_that_is_full_is_told_to_try_again(store: Store, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        from driftwatch.domain.errors import StoreUnavailableError

        def full(*_: object, **__: object) -> None:
            raise StoreUnavailableError("the disk is full")

        patch.setattr(store.texts, "take_in", full)
        answer = post(store, tmp_path, "/v1/traces", spans(WHOLE))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_a_token_guards_both_paths(store: Store, tmp_path: Path) -> None:
    from driftwatch.domain.rights import Right
    from driftwatch.web.access import Access, Guard, Token, hashed

    token = Token(
        name="collector",
        sha256=hashed("word"),
        streams=frozenset({"answered"}),
        may=(Right.TEXTS,),
    )
    guard = Guard(lambda: Access(tokens=(token,)))
    own, other = "/v1/streams/answered/otlp/v1/traces", "/v1/streams/asked/otlp/v1/traces"
    for path in ("/v1/traces", own):
        assert post(store, tmp_path, path, spans(WHOLE), guard=guard).status_code == 401
    said = {"authorization": "Bearer word"}
    assert post(store, tmp_path, other, spans(WHOLE), guard=guard, headers=said).status_code == 403
    assert post(store, tmp_path, "/v1/traces", spans(WHOLE), guard=guard, headers=said).status_code == 200
    assert (bodies(store, "asked"), bodies(store, "answered")) == ([], ["On its way."])
