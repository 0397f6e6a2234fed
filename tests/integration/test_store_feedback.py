"""Classes, chats, sources and feedback in the store: on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import insert, text

from driftwatch.domain.feedback import Feedback
from driftwatch.domain.text import Text, Turn
from driftwatch.store import Store, migrations, open_store
from driftwatch.store.database import Database
from driftwatch.store.feedback import FeedbackTaken
from driftwatch.store.tables import marks
from driftwatch.store.values import micros

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S = "support"
pytestmark = pytest.mark.both_stores
CHAT = (Turn(role="user", content="hé \U0001f600"), Turn(role="assistant", content=""))


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(store_place: Path | str, clock: Clock) -> Iterator[Store]:
    opened = open_store(store_place, clock=clock)
    yield opened
    opened.close()


def texts(count: int, *, start: int = 0, target: str | None = None, group: str | None = None) -> list[Text]:
    return [
        Text(id=f"t{n}", body=f"body {n}", seen_at=NOW, target=target, group=group) for n in range(start, start + count)
    ]


def take(store: Store, some: list[Text]) -> None:
    store.texts.take_in(S, source="file", texts=some, cursor=None, counts={})


def said(text_id: str, **more: object) -> Feedback:
    return Feedback(text=text_id, at=NOW, **more)  # type: ignore[arg-type]


def trained_on(store: Store) -> list[str | None]:
    return [each.text.target for each in store.texts.span(S, first_seq=1, last_seq=10**9)]


def test_classes_chats_and_sources_come_back(store: Store) -> None:
    full = Text(id="a", body="hé", seen_at=NOW, source="log", target="card é", turns=CHAT)
    take(store, [full, *texts(1)])
    assert [each.text for each in store.texts.window(S, after_seq=0, limit=9)] == [full, *texts(1)]
    assert [each.text for each in store.texts.span(S, first_seq=1, last_seq=99)] == [full, *texts(1)]


@pytest.mark.parametrize("first", ["text", "feedback"])
def test_what_feedback_names_is_what_training_sees(store: Store, first: str) -> None:
    for part in (("text", "feedback"), ("feedback", "text"))[first == "feedback"]:
        if part == "text":
            take(store, texts(3, target="own"))
        else:
            store.feedback.take_in(S, [said("t1", target="right"), said("t2", correct=True)])
    assert trained_on(store) == ["own", "right", "own"]
    assert [each.text.target for each in store.texts.window(S, after_seq=0, limit=9)] == ["own"] * 3


def test_the_same_feedback_again_changes_nothing(store: Store) -> None:
    take(store, texts(2))
    some = [said("t0", correct=True), said("t1", rating=0.25, who="ann"), said("later", target="a")]
    assert store.feedback.take_in(S, some) == FeedbackTaken(stored=3, repeated=0, unknown=1)
    again = [replace(each, at=NOW + timedelta(hours=1)) for each in some]
    assert store.feedback.take_in(S, again) == FeedbackTaken(stored=0, repeated=3, unknown=0)
    assert store.feedback.between(S, first_seq=1, last_seq=9) == some[:2]
    assert store.feedback.counts() == {
        (S, "correct"): 1,
        (S, "rated"): 1,
        (S, "class"): 1,
        (S, "unknown"): 1,
        (S, "repeated"): 3,
    }


def test_later_feedback_changes_what_it_says_and_leaves_the_rest(store: Store) -> None:
    take(store, texts(1))
    store.feedback.take_in(S, [said("t0", correct=True, who="ann"), said("t0", target="a")])
    store.feedback.take_in(S, [said("t0", correct=False)])
    assert store.feedback.between(S, first_seq=1, last_seq=1) == [said("t0", correct=False, target="a", who="ann")]


def test_streams_are_kept_apart(store: Store) -> None:
    take(store, texts(1))
    store.feedback.take_in("other", [said("t0", target="theirs")])
    assert trained_on(store) == [None]
    assert store.feedback.between(S, first_seq=1, last_seq=9) == []


def test_many_at_once(store: Store) -> None:
    take(store, texts(1_200))
    taken = store.feedback.take_in(S, [said(f"t{n}", target=str(n % 3)) for n in range(1_300)])
    assert taken == FeedbackTaken(stored=1_300, repeated=0, unknown=100)
    assert len(store.feedback.between(S, first_seq=101, last_seq=1_200)) == 1_100
    assert trained_on(store) == [str(n % 3) for n in range(1_200)]


def test_feedback_goes_with_its_texts(store: Store, clock: Clock) -> None:
    take(store, [*texts(2, group="g"), *texts(2, start=2)])
    store.feedback.take_in(S, [said(f"t{n}", correct=True) for n in range(4)])
    store.texts.forget(S, group="g")
    assert [each.text for each in store.feedback.between(S, first_seq=1, last_seq=9)] == ["t2", "t3"]
    clock.at = NOW + timedelta(days=40)
    take(store, texts(2, start=4))
    store.feedback.take_in(S, [replace(said("t9", target="early"), at=clock.at)])
    assert store.texts.prune(S, older_than=NOW + timedelta(days=1), keep=None, before_seq=10**6) == 2
    take(store, texts(9))
    assert trained_on(store)[-1] is None
    take(store, texts(1, start=9))
    assert [each.text for each in store.feedback.between(S, first_seq=1, last_seq=10**6)] == ["t9"]


def test_a_store_of_the_schema_before_comes_up_to_date_with_its_rows(store_place: Path | str, clock: Clock) -> None:
    database = Database(store_place)
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    columns = '(stream, id, body, seen_at, taken_at, "group", labels)'
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        at = micros(NOW)
        connection.execute(
            text(f"INSERT INTO texts {columns} VALUES ('{S}', 'old', 'words', {at}, {at}, 'g', '{{\"lang\": \"fr\"}}')")  # noqa: S608
        )
        row = {"stream": S, "window": 3, "false": True, "note": "", "who": "me", "at": at}
        connection.execute(insert(marks), [row])
    database.close()
    renewed = open_store(store_place, clock=clock)
    old = Text(id="old", body="words", seen_at=NOW, group="g", labels={"lang": "fr"})
    assert [each.text for each in renewed.texts.window(S, after_seq=0, limit=9)] == [old]
    assert renewed.marks.false(S) == 1
    renewed.feedback.take_in(S, [said("old", target="right")])
    assert trained_on(renewed) == ["right"]
    renewed.texts.take_in(S, source="file", texts=[replace(old, id="new", turns=CHAT)], cursor=None, counts={})
    assert [each.text.turns for each in renewed.texts.span(S, first_seq=1, last_seq=99)] == [(), CHAT]
    renewed.close()
