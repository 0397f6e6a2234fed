"""What only a server can do to a store: many writers at once, a restart, a wrong password, odd characters."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from postgres import PostgresServer, postgres
from sqlalchemy import insert, text

from driftwatch.domain.errors import StoreCorruptError, StoreError, StoreUnavailableError
from driftwatch.domain.text import Cursor, Text
from driftwatch.store import Store, open_store
from driftwatch.store.tables import texts as rows

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S = "support"
WRITERS, BATCHES, BATCH = 4, 15, 3


class Still:
    def now(self) -> datetime:
        return NOW


@contextmanager
def opened(url: str) -> Iterator[Store]:
    store = open_store(url, clock=Still())
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.fresh()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with opened(url) as store:
        yield store


def some(*ids: str, body: str = "a text") -> list[Text]:
    return [Text(id=each, body=body, seen_at=NOW) for each in ids]


def take(store: Store, texts: list[Text], stream: str = S) -> int:
    return store.texts.take_in(stream, source="http", texts=texts, cursor=None, counts={}).stored


def row(name: str, stream: str = S) -> dict[str, object]:
    return {"stream": stream, "id": name, "body": "b", "seen_at": 0, "taken_at": 0}


def test_a_text_is_never_seen_before_one_of_a_lower_number(store: Store) -> None:
    """A commit of intake that is slow holds the next one up, and nothing else."""
    inserted, commit = threading.Event(), threading.Event()

    def slow() -> None:
        with store._database.write(order=S) as connection:
            connection.execute(insert(rows).values(**row("first")))
            inserted.set()
            commit.wait(30)

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(slow)
        assert inserted.wait(30)
        second = pool.submit(take, store, some("second"))
        assert store.windows.begin_attempt(S, 0) == 1
        while not waiting(store):
            assert not second.done(), "it did not wait"
        assert store.texts.window(S, after_seq=0, limit=9) == []
        commit.set()
        first.result(30)
        assert second.result(30) == 1
    assert [each.text.id for each in store.texts.window(S, after_seq=0, limit=9)] == ["first", "second"]


def waiting(store: Store) -> bool:
    query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with store._database.engine.connect() as connection:
        return bool(connection.execute(query).scalar_one())


def test_a_reader_that_goes_on_from_number_to_number_misses_nothing(url: str) -> None:
    """Writers of their own processes' kind: each with its own store, committing after pauses of every length."""
    wanted = {f"{writer}-{batch}-{n}" for writer in range(WRITERS) for batch in range(BATCHES) for n in range(BATCH)}

    def write(writer: int) -> None:
        choice = random.Random(writer)
        with opened(url) as store:
            for batch in range(BATCHES):
                with store._database.write(order=S) as connection:
                    for n in range(BATCH):
                        connection.execute(insert(rows).values(**row(f"{writer}-{batch}-{n}")))
                        connection.execute(text("SELECT pg_sleep(:s)"), {"s": choice.uniform(0, 0.004)})

    seen: list[str] = []
    open_store(url, clock=Still()).close()
    with ThreadPoolExecutor(WRITERS) as pool, opened(url) as store:
        writers = [pool.submit(write, writer) for writer in range(WRITERS)]
        after = 0
        while True:
            done = all(writer.done() for writer in writers)
            page = store.texts.window(S, after_seq=after, limit=5)
            if done and not page:
                break
            seen += [each.text.id for each in page]
            after = page[-1].seq if page else after
        for writer in writers:
            writer.result()
    assert len(seen) == len(set(seen))
    assert set(seen) == wanted


def test_texts_without_what_postgresql_cannot_hold_come_in(store: Store) -> None:
    assert take(store, [Text(id="a\0b", body="x\0y", seen_at=NOW, group="g\0", labels={"k": "v\0w"})]) == 1
    assert take(store, [Text(id="a\0b", body="x\0y", seen_at=NOW)]) == 0, "it is the same text"
    (found,) = store.texts.window(S, after_seq=0, limit=9)
    assert (found.text.id, found.text.body, found.text.group) == ("a\ufffdb", "x\ufffdy", "g\ufffd")
    assert found.text.labels == {"k": "v\0w"}, "within JSON it is a word like any other"


def test_an_error_shows_nobodys_text(store: Store) -> None:
    with pytest.raises(StoreError, match="value too long") as caught:
        take(store, [Text(id="i" * 501, body="what a person wrote", seen_at=NOW)])
    assert "what a person wrote" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_writer_waits_for_its_turn_and_not_for_ever(url: str, store: Store) -> None:
    with (
        opened(f"{url}?options=-c%20lock_timeout%3D50") as impatient,
        store._database.write(order=S),
        pytest.raises(StoreUnavailableError, match="another process holds the database"),
    ):
        take(impatient, some("a"))
    with store._database.write(order=S):
        store.decisions.recent(limit=1)  # readers wait for nobody


def test_somebody_elses_database_is_left_alone(url: str, postgres_server: PostgresServer) -> None:
    postgres_server.execute("CREATE TABLE mine (a int)", url=url)
    with pytest.raises(StoreCorruptError, match="something else"):
        open_store(url, clock=Still())


@pytest.mark.parametrize(
    ("user", "database", "said"),
    [
        ("guarded:wrong-HIDDEN-1", "postgres", 'password authentication failed for user "guarded"'),
        ("nobody-here:wrong-HIDDEN-1", "postgres", 'role "nobody-here" does not exist'),
        ("driftwatch:wrong-HIDDEN-1", "nowhere", 'database "nowhere" does not exist'),
    ],
)
def test_what_cannot_be_opened_is_told_without_the_password(
    postgres_server: PostgresServer, user: str, database: str, said: str
) -> None:
    place = f"postgresql://{user}@127.0.0.1:{postgres_server.port}/{database}?application_name=HIDDEN-too"
    with pytest.raises(StoreUnavailableError) as caught:
        open_store(place, clock=Still())
    assert said in str(caught.value)
    assert "HIDDEN" not in repr(caught.value) + str(caught.value)


def test_a_server_that_goes_and_comes_loses_nothing() -> None:
    with postgres() as server, opened(server.url) as store:
        cursor, later = Cursor(source="file", position="3"), Cursor(source="file", position="4")
        store.texts.take_in(S, source="file", texts=some("a", "b", "c"), cursor=cursor, counts={})
        server.stop()
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            store.texts.take_in(S, source="file", texts=some("d"), cursor=later, counts={})
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            store.texts.cursor(S, "file")
        server.start()
        assert store.texts.cursor(S, "file") == cursor
        assert take(store, some("d")) == 1
        assert [each.text.id for each in store.texts.window(S, after_seq=0, limit=9)] == ["a", "b", "c", "d"]
