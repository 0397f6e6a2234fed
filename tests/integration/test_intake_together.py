"""Requests that are taken in together come to the same as one after the other: receipts, rows, counts and failures."""

from __future__ import annotations

import asyncio
import gzip
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from corpus import paragraphs
from web_client import client_of

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.domain.text import Text, Turn
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.ready import Sent
from driftwatch.intake.redact import Redactor, RedactSettings
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.store import Store, open_store
from driftwatch.web import Body, Health, Pages, ProblemError, Receipt, ReloadResult, create_app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from driftwatch.web import Intake

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
LINES = "application/x-ndjson"
PLANTED = (
    "write to jane.doe+x@mail.example.co.uk or call +44 20 7946 0958",
    "card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, from 203.0.113.7 and 2001:db8::8a2e:370:7334",
    'the key is "api_key": "s3cr3t-value-1" — grüße, 密码 sk-abcdefghijklmnopqrstuvwx',
    "a\0b: bearer abcdefghijklmnop123456 and ghp_" + "a1B2" * 9,
    "plain words, 1234567 of them: http://localhost:8080/a?b=c&token=",
)


class FixedClock:
    def now(self) -> datetime:
        return NOON


class Place:
    """A stream with an HTTP source, and a store of its own."""

    def __init__(self, folder: Path, *, more: str = "") -> None:
        folder.mkdir()
        (folder / "driftwatch.toml").write_text(
            f'[streams.support]\n{more}\n[[streams.support.sources]]\ntype = "http"\ngroup = "who"\n'
        )
        self.config = load_config(folder / "driftwatch.toml", environ={})
        self.store = open_store(folder / "own.db", clock=FixedClock())
        self.taken: list[int] = []
        self.intakes: Mapping[str, Intake] = wiring.http_intakes(
            self.config,
            self.store,
            clock=FixedClock(),
            taken=lambda _stream, count: self.taken.append(count),
            backlog=lambda _stream: 0,
        )

    def take_one_by_one(self, bodies: Sequence[Body]) -> list[Receipt | BaseException]:
        return [outcome for body in bodies for outcome in self.intakes["support"].take_each([body])]

    def take_together(self, bodies: Sequence[Body]) -> list[Receipt | BaseException]:
        return list(self.intakes["support"].take_each(bodies))

    def rows(self) -> list[Text]:
        return rows_of(self.store)


def rows_of(store: Store) -> list[Text]:
    return [each.text for each in store.texts.window("support", after_seq=0, limit=100_000)]


@pytest.fixture
def places(tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    both = Place(tmp_path / "apart"), Place(tmp_path / "together")
    yield both
    for each in both:
        each.store.close()


def bodies_of(count: int, each: int) -> list[Body]:
    """Return requests of real text with personal data in places, some with groups, some in an array, some repeated."""
    prose = paragraphs(["email", "json", "http"], count * each // 2)
    found = []
    for number in range(count):
        records: list[dict[str, object]] = []
        for place in range(number * each, (number + 1) * each):
            words = prose[place % len(prose)]
            planted = PLANTED[place // 7 % len(PLANTED)]
            record: dict[str, object] = {"id": str(place), "text": f"{words} {planted}" if place % 7 == 0 else words}
            records.append({**record, "who": f"g{place % 3}"} if number % 4 == 3 else record)
        if number % 5 == 4:
            found.append(Body(json.dumps(records).encode(), "application/json", ""))
        else:
            found.append(Body(b"\n".join(json.dumps(record).encode() for record in records), LINES, "identity"))
    return [*found, *found[:1], *found[3:4]]


def said(outcomes: Sequence[Receipt | BaseException]) -> list[object]:
    return [each if isinstance(each, Receipt) else (type(each), str(each)) for each in outcomes]


def odd() -> list[Body]:
    """Return requests of which nothing, or not everything, can be used."""
    return [
        Body(b"{no json", "application/json", ""),
        Body(b'{"id": "odd-1", "text": "kept"}\n[]\n{"id": "odd-2"}\n{"id": "odd-3", "text": "a@b.org"}', LINES, ""),
        Body(b'{"id": "x"}', "application/json", ""),
        Body(b'{"id": "x", "text": "y"}', "text/plain", ""),
        Body(b"\x1f\x8b nonsense", "application/json", "gzip"),
        Body(gzip.compress(b'{"text": "no id, a@b.org"}'), "application/json", "gzip"),
        Body(b"", LINES, ""),
        Body(b'{"id": "\xff", "text": "y"}', LINES, ""),
    ]


@pytest.mark.parametrize("each", [1, 5, 100])
def test_together_comes_to_the_same_as_one_after_the_other(places: tuple[Place, Place], each: int) -> None:
    apart, together = places
    bodies = bodies_of(13, each)
    for at, body in enumerate(odd()):
        bodies.insert(2 * at, body)
    expected, found = apart.take_one_by_one(bodies), together.take_together(bodies)
    assert said(found) == said(expected)
    assert sum(isinstance(outcome, ProblemError) for outcome in found) == 6
    assert together.rows() == apart.rows(), "to the byte, and in the same order"
    assert together.store.counts.intake() == apart.store.counts.intake()
    assert sum(together.taken) == sum(apart.taken) == len(together.rows())
    assert len(together.taken) == 1
    redacted = together.store.counts.intake()["support", "http", "redacted"]
    assert redacted >= each, "there was something to redact"


def test_what_is_sampled_is_the_same(tmp_path: Path) -> None:
    more = "[streams.support.sample]\nrate = 0.3\n"
    apart, together = Place(tmp_path / "apart", more=more), Place(tmp_path / "together", more=more)
    bodies = bodies_of(6, 50)
    assert said(together.take_together(bodies)) == said(apart.take_one_by_one(bodies))
    assert 0 < len(together.rows()) < 200
    assert together.rows() == apart.rows()
    for each in (apart, together):
        each.store.close()


def test_many_at_once_over_http_are_each_told_what_became_of_their_own(places: tuple[Place, Place]) -> None:
    apart, together = places
    bodies = [*bodies_of(8, 40), *(each for each in odd() if each.content_type != "text/plain" and each.content)][:16]
    expected = apart.take_one_by_one(bodies)

    async def post() -> list[tuple[int, dict[str, object]]]:
        app = create_app(
            intake=together.intakes,
            metrics=lambda _accept: (b"", "text/plain"),
            health=Health,
            reload=lambda _who: ReloadResult(),
            pages=Pages(
                status=lambda: pytest.fail("nobody asks"),
                window=lambda _stream, _index: None,
                incident=lambda _stream, _index: None,
                report=lambda _stream, _index: None,
                run=lambda _run: None,
            ),
        )
        async with client_of(app) as client:
            posts = [
                client.post(
                    "/v1/streams/support/texts",
                    content=each.content,
                    headers={"content-type": each.content_type, "content-encoding": each.content_encoding},
                )
                for each in bodies
            ]
            return [(answer.status_code, answer.json()) for answer in await asyncio.gather(*posts)]

    answers = asyncio.run(post())
    for outcome, (status, answer) in zip(expected, answers, strict=True):
        if isinstance(outcome, Receipt):
            # Which of two that bring the same comes first is open.
            both = outcome.stored + outcome.duplicates
            assert (status, int(str(answer["stored"])) + int(str(answer["duplicates"]))) == (202, both)
        else:
            assert isinstance(outcome, ProblemError)
            assert (status, answer["detail"]) == (outcome.status, str(outcome))
    assert {text.id: text.body for text in together.rows()} == {text.id: text.body for text in apart.rows()}
    assert together.store.counts.intake() == apart.store.counts.intake()


@pytest.mark.parametrize("redacting", [True, False])
def test_a_text_that_cannot_be_stored_takes_nobody_with_it(tmp_path: Path, redacting: bool) -> None:
    store = open_store(tmp_path / "own.db", clock=FixedClock())
    pipeline = Pipeline(
        store,
        stream="support",
        source="http",
        redactor=Redactor(RedactSettings()) if redacting else None,
        sampler=HashSampler(SampleSettings()),
        clock=FixedClock(),
    )

    def sent(*texts: Text) -> Sent:
        return Sent(texts=texts, rejected={"not-json": 1})

    fine = Text(id="a", body="to a@b.org", seen_at=NOON)
    chat = Text(id="c", body="said", seen_at=NOON, turns=(Turn(role="user", content="I am c@d.net"),))
    half = Text(id="b", body="half a character: \ud800", seen_at=NOON)  # no reader lets it through
    first, failed, last = pipeline.take_each([sent(fine), sent(half), sent(chat, fine)])
    assert isinstance(failed, UnicodeEncodeError)
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
    assert (first.stored, last.stored, last.duplicates) == (1, 1, 1)
    mail, other = ("<EMAIL>", "<EMAIL>") if redacting else ("a@b.org", "c@d.net")
    kept = {text.id: (text.body, [turn.content for turn in text.turns]) for text in rows_of(store)}
    assert kept == {"a": (f"to {mail}", []), "c": ("said", [f"I am {other}"])}
    assert store.counts.intake()["support", "http", "not-json"] == 2, "what failed counts nothing"
    store.close()


def test_a_store_that_is_gone_refuses_all_of_them(places: tuple[Place, Place], tmp_path: Path) -> None:
    apart, together = places
    bodies = bodies_of(3, 5)
    together.store.close()
    for file in (tmp_path / "together").glob("own.db*"):
        file.unlink()
    (tmp_path / "together" / "own.db").mkdir()
    outcomes = together.take_together(bodies)
    assert all(isinstance(each, StoreUnavailableError) for each in outcomes)
    assert not together.taken
    assert len(outcomes) == len(apart.take_together(bodies))
