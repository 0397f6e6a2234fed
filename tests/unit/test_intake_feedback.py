"""Feedback's way in: from a request's body to the store, and how often the model was right by it."""

from __future__ import annotations

import asyncio
import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from web_client import Daemon, client_of

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.domain.feedback import Feedback, accuracy
from driftwatch.domain.text import Text
from driftwatch.intake.bodies import BatchError
from driftwatch.intake.feedback import parse_feedback
from driftwatch.store import Store, open_store
from driftwatch.web import App, Pages, create_app
from driftwatch.wiring.sources import _FeedbackIntake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

NOW = datetime(2026, 1, 1, tzinfo=UTC)
JSON = "application/json"
LINES = "application/x-ndjson"
PATH = "/v1/streams/support/feedback"


class Clock:
    def now(self) -> datetime:
        return NOW


def parse(body: bytes, kind: str = JSON, encoding: str = "") -> list[Feedback]:
    return parse_feedback(body, content_type=kind, content_encoding=encoding, now=NOW)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"id": 7, "correct": true}', JSON),
        (b'[{"id": "7", "correct": true, "rating": null}]', JSON),
        (b'{"feedback": [{"id": "7", "correct": true}]}', JSON),
        (b'\n{"id": "7", "correct": true}\n', LINES),
    ],
)
def test_every_form_is_read(body: bytes, kind: str) -> None:
    assert parse(body, kind) == parse(gzip.compress(body), kind, "gzip")
    assert parse(body, kind) == [Feedback(text="7", correct=True, at=NOW)]


def test_every_field_is_read() -> None:
    body = b'{"id": "a", "target": 3, "correct": false, "rating": 0.5, "who": "ann"}'
    assert parse(body) == [Feedback(text="a", target="3", correct=False, rating=0.5, who="ann", at=NOW)]


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ("7", "Expected `object`"),
        ("{}", "missing required field `id`"),
        ('{"id": "a"}', "it says nothing of the text"),
        ('{"id": "", "correct": true}', "id must have 1 to 500"),
        ('{"id": "%s", "correct": true}' % ("x" * 501), "id must have 1 to 500"),
        ('{"id": "a", "correct": "yes"}', "Expected `bool | null`"),
        ('{"id": "a", "rating": 5}', "between 0 and 1, not 5; scale your own"),
        ('{"id": "a", "label": "x"}', "unknown field `label`"),
        ('{"id": "a", "target": "%s"}' % ("x" * 501), "at most 500"),
        ('{"id": "a", "correct": true, "who": "%s"}' % ("x" * 201), "at most 200"),
        ('{"id": "a\\ud800", "correct": true}', "half a character"),
        ('{"id": "a", "target": "x\\u0000"}', "NUL"),
        ("{", "truncated"),
    ],
)
def test_what_is_no_feedback_is_named_with_its_line(record: str, what: str) -> None:
    with pytest.raises(BatchError, match=what.replace("|", r"\|")) as raised:
        parse(b'{"id": "good", "correct": true}\n' + record.encode(), LINES)
    assert (raised.value.status, raised.value.line) == (400, 2)


def test_an_empty_body_and_other_content_are_told_apart() -> None:
    for body, kind, status in ((b"[]", JSON, 422), (b"", LINES, 422), (b"id=a", "text/plain", 415)):
        with pytest.raises(BatchError) as raised:
            parse(body, kind)
        assert raised.value.status == status


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "driftwatch.db", clock=Clock())
    opened.texts.take_in("support", source="log", texts=[Text(id="a", body="hi", seen_at=NOW)], cursor=None, counts={})
    yield opened
    opened.close()


def app_of(store: Store) -> App:
    daemon = Daemon()
    return create_app(
        intake={},
        feedback={"support": _FeedbackIntake(stream="support", store=store, clock=Clock())},
        metrics=lambda _: (b"", "text/plain"),
        health=lambda: daemon.health,
        reload=lambda _who: daemon.reloaded,
        pages=Pages(
            status=lambda: daemon.view,
            window=daemon.window,
            incident=daemon.incident,
            report=daemon.report,
            run=daemon.run,
        ),
    )


async def post(app: App, records: object, path: str = PATH, kind: str = JSON) -> httpx.Response:
    body = records if isinstance(records, bytes) else json.dumps(records).encode()
    async with client_of(app) as client:
        return await client.post(path, content=body, headers={"content-type": kind})


def test_feedback_is_durable_when_it_is_answered(store: Store) -> None:
    answer = asyncio.run(post(app_of(store), [{"id": "a", "target": "x"}, {"id": "b", "correct": False}]))
    assert (answer.status_code, answer.json()) == (202, {"stored": 2, "repeated": 0, "unknown": 1})
    assert [each.text.target for each in store.texts.span("support", first_seq=1, last_seq=9)] == ["x"]
    again = asyncio.run(post(app_of(store), [{"id": "a", "target": "x"}]))
    assert (again.status_code, again.json()) == (202, {"stored": 0, "repeated": 1, "unknown": 0})


def test_of_a_bad_body_nothing_is_taken(store: Store) -> None:
    answer = asyncio.run(post(app_of(store), b'{"id": "a", "target": "x"}\n{"id": "b"}\n', kind=LINES))
    problem = answer.json()
    assert (answer.status_code, problem["line"], problem["title"]) == (400, 2, "Not feedback")
    assert "send" in problem["detail"]
    assert store.feedback.counts() == {}


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [(PATH.replace("support", "other"), JSON, 404), (PATH, "text/plain", 415), (f"{PATH}/more", JSON, 404)],
)
def test_other_addresses_and_contents_are_refused(store: Store, path: str, kind: str, status: int) -> None:
    assert asyncio.run(post(app_of(store), [{"id": "a", "correct": True}], path, kind)).status_code == status


@pytest.mark.usefixtures("store")
def test_a_store_that_cannot_write_is_told(tmp_path: Path) -> None:
    read_only = open_store(tmp_path / "driftwatch.db", clock=Clock(), read_only=True)
    with pytest.raises(StoreUnavailableError):
        read_only.feedback.take_in("support", [Feedback(text="a", correct=True, at=NOW)])
    answer = asyncio.run(post(app_of(read_only), [{"id": "a", "correct": True}]))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    read_only.close()


class TestAccuracy:
    right, wrong = (Feedback(text="t", correct=correct, at=NOW) for correct in (True, False))

    def test_without_a_score_there_is_none(self) -> None:
        assert accuracy([]) == accuracy([Feedback(text="t", target="x", at=NOW)]) == ()

    def test_the_interval_is_wilsons(self) -> None:
        found, number = accuracy([self.right] * 9 + [self.wrong])
        assert (found.name, found.value) == ("feedback.accuracy", 0.9)
        assert found.low == pytest.approx(0.5958, abs=1e-4)
        assert found.high == pytest.approx(0.9821, abs=1e-4)
        assert (number.name, number.value) == ("feedback.n", 10)

    @pytest.mark.parametrize(("some", "value"), [([right] * 5, 1.0), ([wrong] * 5, 0.0)])
    def test_it_stays_a_share(self, some: list[Feedback], value: float) -> None:
        found, _ = accuracy(some)
        assert found.low is not None
        assert found.high is not None
        assert 0 <= found.low <= found.value == value <= found.high <= 1

    def test_ratings_count_as_shares_unless_somebody_said_right_or_wrong(self) -> None:
        rated = Feedback(text="t", rating=0.5, at=NOW)
        assert accuracy([rated, self.right])[0].value == 0.75
        assert accuracy([replace(rated, correct=True)])[0].value == 1.0
