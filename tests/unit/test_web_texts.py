from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from web_client import Shelf, app_of, client_of, disk_full

from driftwatch.web import ProblemError, WebSettings
from driftwatch.web.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

TEXTS = "/v1/streams/support/texts"
JSON = {"content-type": "application/json"}


async def post(
    shelf: Shelf, path: str = TEXTS, *, settings: WebSettings | None = None, **sent: object
) -> httpx.Response:
    async with client_of(app_of(shelf, settings=settings)) as client:
        return await client.post(path, **{"content": b"{}", "headers": JSON, **sent})  # type: ignore[arg-type]


def test_texts_are_accepted_once_they_are_durable() -> None:
    shelf = Shelf()
    answer = asyncio.run(post(shelf))
    assert answer.status_code == 202
    assert answer.json() == {
        "stored": 1,
        "duplicates": 0,
        "sampled_out": 0,
        "dropped": 0,
        "rejected": [{"line": 2, "reason": "not-json"}],
    }
    assert shelf.bodies == [b"{}"]


def test_the_commit_is_off_the_event_loop() -> None:
    shelf = Shelf()
    asyncio.run(post(shelf))
    assert shelf.thread.startswith("intake")


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x-ndjson", "application/json; charset=utf-8", "Application/JSON"],
)
def test_content_types_that_are_taken(content_type: str) -> None:
    assert asyncio.run(post(Shelf(), headers={"content-type": content_type})).status_code == 202


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}, {"content-type": "multipart/form-data"}])
def test_content_types_that_are_not(headers: dict[str, str]) -> None:
    answer = asyncio.run(post(Shelf(), headers=headers))
    assert answer.status_code == 415
    assert "application/x-ndjson" in answer.json()["detail"]


@pytest.mark.parametrize("stream", ["sales", "..", "%2e%2e", "support%2ftexts", "a%00b"])
def test_unknown_streams(stream: str) -> None:
    shelf = Shelf()
    answer = asyncio.run(post(shelf, f"/v1/streams/{stream}/texts"))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert shelf.bodies == []


def test_too_large_by_its_own_word() -> None:
    answer = asyncio.run(post(Shelf(), settings=WebSettings(max_bytes=10), content=b"x" * 11))
    assert answer.status_code == 413
    assert "10 bytes" in answer.json()["detail"]
    assert answer.headers["connection"] == "close"


def test_too_large_without_a_content_length() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            assert sent < 10, "the body was read on after the limit"
            yield b"x" * 8

    shelf = Shelf()
    answer = asyncio.run(post(shelf, settings=WebSettings(max_bytes=20), content=endless()))
    assert answer.status_code == 413
    assert shelf.bodies == []


def test_a_body_that_does_not_arrive() -> None:
    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    answer = asyncio.run(post(Shelf(), settings=WebSettings(body_seconds=0.05), content=stalled()))
    assert answer.status_code == 408


def test_a_problem_of_the_body_names_line_and_cause() -> None:
    broken = ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "Bad record", "the record has no field 'text'", line=3)
    answer = asyncio.run(post(Shelf(failure=broken)))
    assert answer.status_code == 422
    assert answer.json() == {
        "type": "about:blank",
        "title": "Bad record",
        "status": 422,
        "detail": "the record has no field 'text'",
        "line": 3,
    }


def test_a_store_that_cannot_take_it() -> None:
    answer = asyncio.run(post(Shelf(failure=disk_full())))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "the disk is full" in answer.json()["detail"]
    assert "nothing of this request was stored" in answer.json()["detail"]


def test_a_bug_is_answered_without_its_insides() -> None:
    answer = asyncio.run(post(Shelf(failure=KeyError("secret body"))))
    assert answer.status_code == 500
    assert "secret" not in answer.text


def test_a_backlog_that_is_full() -> None:
    answer = asyncio.run(post(Shelf(waiting=100), settings=WebSettings(backlog=100)))
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert "100 texts" in answer.json()["detail"]


def test_more_requests_than_the_rate_allows() -> None:
    async def story() -> list[int]:
        seconds = [0.0]
        settings = WebSettings(per_second=0.5, burst=2)
        async with client_of(app_of(Shelf(), settings=settings, seconds=seconds)) as client:
            first = [(await client.post(TEXTS, content=b"{}", headers=JSON)).status_code for _ in range(3)]
            seconds[0] = 2.0
            return [*first, (await client.post(TEXTS, content=b"{}", headers=JSON)).status_code]

    assert asyncio.run(story()) == [202, 202, 429, 202]


def test_requests_in_flight_are_bounded_and_metrics_answer_meanwhile() -> None:
    async def story() -> tuple[int, int, int]:
        shelf = Shelf()
        shelf.go_on.clear()
        async with client_of(app_of(shelf, settings=WebSettings(in_flight=1))) as client:
            first = asyncio.create_task(client.post(TEXTS, content=b"{}", headers=JSON))
            assert await asyncio.to_thread(shelf.entered.wait, 10)
            second = await client.post(TEXTS, content=b"{}", headers=JSON)
            scrape = await client.get("/metrics")
            shelf.go_on.set()
            return (await first).status_code, second.status_code, scrape.status_code

    assert asyncio.run(story()) == (202, 429, 200)


def test_the_bucket_says_how_long_to_wait() -> None:
    seconds = [0.0]
    bucket = RateLimit(per_second=0.25, burst=1, now=lambda: seconds[0])
    assert bucket.take() is None
    assert bucket.take() == 4
    seconds[0] = 3.9
    assert bucket.take() == 1
    seconds[0] = 4.0
    assert bucket.take() is None


@pytest.mark.parametrize("name", ["max_bytes", "per_second", "burst", "in_flight", "backlog", "body_seconds"])
def test_settings_that_make_no_sense(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0"):
        WebSettings(**{name: 0})
