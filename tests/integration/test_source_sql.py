"""Tables as they are in life: rows that commit late, times that repeat, columns that go, passwords that are wrong."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
from postgres import PostgresServer, postgres
from source_places import STREAM, Striding, pipeline_into

from driftwatch.domain.errors import ConfigError, DataError
from driftwatch.domain.text import Cursor, Page, Turn
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.settling import Horizon, Settling
from driftwatch.intake.sql import SqlSettings, SqlSource
from driftwatch.store import open_store

STILL = Striding(timedelta())
OPENED: list[SqlSource] = []


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    yield
    while OPENED:
        OPENED.pop().close()


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres() as running:
        yield running


def sqlite_of(folder: Path, *statements: str) -> str:
    with closing(sqlite3.connect(folder / "app.db")) as database, database:
        for statement in statements:
            database.execute(statement)
    return f"sqlite:///{folder / 'app.db'}"


def source(url: str, clock: Striding | None = None, **settings: object) -> SqlSource:
    said = {"table": "says", "cursor": "id", "url": url, **settings}
    opened = SqlSource(SqlSettings(**said), clock=clock or Striding(), environ={})  # type: ignore[arg-type]
    OPENED.append(opened)
    return opened


def drain(from_: SqlSource, cursor: Cursor | None = None, limit: int = 2) -> tuple[list[Page], Cursor | None]:
    pages = []
    for _ in range(30):
        page = from_.read(cursor, limit=limit)
        pages.append(page)
        cursor = page.cursor or cursor
    return pages, cursor


def bodies(pages: list[Page]) -> list[str]:
    return [text.body for page in pages for text in page.texts]


def test_a_row_that_commits_late_is_not_passed_by(server: PostgresServer) -> None:
    import psycopg

    server.execute("DROP TABLE IF EXISTS says", "CREATE TABLE says (id bigserial PRIMARY KEY, text text)")
    clock = Striding(timedelta(seconds=30))
    reading = source(server.url, clock, longest=timedelta(days=1))
    with psycopg.connect(server.url) as slow:
        slow.execute("INSERT INTO says (text) VALUES ('first, but late')")
        server.execute("INSERT INTO says (text) VALUES ('second')")
        pages, cursor = drain(reading)
        assert bodies(pages) == []  # half an hour later: the first row's transaction still goes on …
    pages, cursor = drain(reading, cursor)
    assert bodies(pages) == ["first, but late", "second"]  # … and only when it has ended are both read


def test_a_transaction_that_never_ends_is_awaited_so_long_and_no_longer(server: PostgresServer) -> None:
    import psycopg

    server.execute("DROP TABLE IF EXISTS says", "CREATE TABLE says (id bigserial PRIMARY KEY, text text)")
    reading = source(server.url, longest=timedelta(seconds=20))
    with psycopg.connect(server.url) as stuck:
        stuck.execute("INSERT INTO says (text) VALUES ('never')")
        server.execute("INSERT INTO says (text) VALUES ('second')")
        assert bodies(drain(reading)[0]) == ["second"]
        stuck.rollback()


def test_numbers_settle_by_time_alone_where_the_database_cannot_tell() -> None:
    clock = Striding(timedelta(seconds=1))
    settling: Settling[int] = Settling(settle=timedelta(seconds=3), longest=timedelta(minutes=1))
    settling.note(10, at=clock.now(), horizon=None)
    assert [settling.settled(at=clock.now(), horizon=None) for _ in range(4)] == [None, None, 10, 10]


def test_a_transaction_under_way_holds_its_numbers_back() -> None:
    settling: Settling[int] = Settling(settle=timedelta(), longest=timedelta(minutes=1))
    settling.note(10, at=STILL.at, horizon=Horizon(oldest=5, next=8))
    assert settling.settled(at=STILL.at, horizon=Horizon(oldest=7, next=9)) is None
    assert settling.settled(at=STILL.at, horizon=Horizon(oldest=8, next=9)) == 10


def test_times_that_repeat_need_a_key(tmp_path: Path) -> None:
    rows = ",".join(f"('2026-01-0{1 + number // 4}', 'k{number}', 't{number}')" for number in range(8))
    url = sqlite_of(
        tmp_path,
        "CREATE TABLE says (id TEXT, name TEXT, text TEXT)",
        f"INSERT INTO says VALUES {rows}",  # noqa: S608 - made above
    )
    with pytest.raises(DataError, match="two rows have the same id: 2026-01-01"):
        drain(source(url), limit=3)
    for limit in (1, 3, 5):
        assert bodies(drain(source(url, key="name"), limit=limit)[0]) == [f"t{number}" for number in range(8)]


def test_cursors_of_every_kind_of_column(server: PostgresServer) -> None:
    server.execute(
        "DROP TABLE IF EXISTS says",
        "CREATE TABLE says (id timestamptz, key uuid, amount numeric(20, 2), text text)",
        "INSERT INTO says SELECT '2026-01-01'::timestamptz + (n / 2) * interval '1 h', gen_random_uuid(), n, 't' || n "
        "FROM generate_series(1, 9) AS n",
    )
    by_time = [bodies([page])[0] for page in drain(source(server.url, key="key"), limit=1)[0] if page.texts]
    assert sorted(by_time) == [f"t{n}" for n in range(1, 10)]
    by_amount = bodies(drain(source(server.url, cursor="amount"), limit=4)[0])
    assert by_amount == [f"t{n}" for n in range(1, 10)]
    (first,) = source(server.url, key="key", settle=timedelta(), time="id").read(None, limit=1).texts
    assert first.seen_at.isoformat().startswith("2026-01-01T")


def test_json_columns_chats_and_attributes(server: PostgresServer) -> None:
    server.execute(
        "DROP TABLE IF EXISTS says",
        "CREATE TABLE says (id bigint, told jsonb, chat jsonb, who uuid, lang text)",
        """INSERT INTO says VALUES (1, '{"text": "Hi", "at": 1767225600}',
        '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]',
        '00000000-0000-0000-0000-000000000007', 'en')""",
    )
    reading = source(
        server.url,
        body="told.text",
        time="told.at",
        turns="chat",
        group="who",
        labels={"lang": "lang"},
        settle=timedelta(),
    )
    (text,) = reading.read(None, limit=5).texts
    assert (text.body, text.group, text.labels) == ("Hi", "00000000-0000-0000-0000-000000000007", {"lang": "en"})
    assert text.turns == (Turn(role="user", content="Hi"), Turn(role="assistant", content="Hello"))
    assert text.seen_at.year == 2026


def test_logged_requests_in_columns(tmp_path: Path) -> None:
    asked = json.dumps([{"role": "user", "content": "7"}])
    answered = json.dumps({"id": "c1", "choices": [{"message": {"role": "assistant", "content": "Seven"}}]})
    url = sqlite_of(tmp_path, "CREATE TABLE says (id INTEGER, messages TEXT, response TEXT, other TEXT)")
    with closing(sqlite3.connect(tmp_path / "app.db")) as database, database:
        database.execute("INSERT INTO says VALUES (1, ?, ?, NULL)", (asked, answered))
    (text,) = source(url, records="openai", watch="completion", settle=timedelta()).read(None, limit=9).texts
    assert text.body == "Seven"
    assert [turn.content for turn in text.turns] == ["7", "Seven"]


def test_a_huge_value_costs_no_memory(server: PostgresServer) -> None:
    import tracemalloc

    server.execute(
        "DROP TABLE IF EXISTS says",
        "CREATE TABLE says (id bigint, text text, told jsonb)",
        "INSERT INTO says SELECT 1, repeat('x', 200000000), NULL",
        "INSERT INTO says SELECT 2, 'short', to_jsonb(repeat('x', 50000000))",
        "INSERT INTO says VALUES (3, 'last', '{}')",
    )
    reading = source(server.url, labels={"told": "told.kind"}, settle=timedelta())
    tracemalloc.start()
    page = reading.read(None, limit=9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(text.body) for text in page.texts] == [65_536, 4]
    assert page.rejected == {"cut": 1, "too-long": 1}
    assert peak < 64e6


def test_a_missing_table_and_a_column_that_goes(tmp_path: Path) -> None:
    url = sqlite_of(tmp_path, "CREATE TABLE says (id INTEGER, text TEXT)", "INSERT INTO says VALUES (1, 'a')")
    reading = source(url)
    assert bodies(drain(reading)[0]) == ["a"]
    sqlite_of(tmp_path, "ALTER TABLE says RENAME COLUMN text TO body", "INSERT INTO says VALUES (2, 'b')")
    with pytest.raises(DataError, match="it has no column text") as caught:
        drain(reading)
    assert caught.value.retryable
    assert caught.value.cure == "it has: body, id"
    sqlite_of(tmp_path, "ALTER TABLE says RENAME COLUMN body TO text")
    assert bodies(drain(reading)[0]) == ["a", "b"]
    with pytest.raises(DataError, match="there is no such table"):
        source(url, table="sayings").read(None, limit=1)
    with pytest.raises(DataError, match="cannot be read"):
        source(f"sqlite:///{tmp_path / 'missing.db'}").read(None, limit=1)


def test_a_table_and_a_column_that_go_from_a_server(server: PostgresServer) -> None:
    server.execute("DROP TABLE IF EXISTS says")
    reading = source(server.url, settle=timedelta())
    with pytest.raises(DataError, match="there is no such table") as missing:
        reading.read(None, limit=9)
    assert missing.value.retryable
    server.execute("CREATE TABLE says (id bigint, text text)", "INSERT INTO says VALUES (1, 'a')")
    page = reading.read(None, limit=9)
    server.execute("ALTER TABLE says RENAME COLUMN text TO body", "INSERT INTO says VALUES (2, 'b')")
    with pytest.raises(DataError, match="it has no column text") as caught:
        reading.read(page.cursor, limit=9)
    assert caught.value.retryable
    server.execute("ALTER TABLE says RENAME COLUMN body TO text", "ALTER TABLE says ADD COLUMN more int")
    assert bodies([page, reading.read(page.cursor, limit=9)]) == ["a", "b"]
    reading.close()


def test_a_table_that_is_dropped_and_made_anew(server: PostgresServer) -> None:
    made = "CREATE TABLE says (id bigserial PRIMARY KEY, text text)"
    server.execute("DROP TABLE IF EXISTS says", made, "INSERT INTO says (text) VALUES ('a'), ('b'), ('c')")
    reading = source(server.url)
    pages, cursor = drain(reading)
    assert bodies(pages) == ["a", "b", "c"]
    server.execute("DROP TABLE says")
    with pytest.raises(DataError, match="there is no such table") as caught:
        drain(reading, cursor)
    assert caught.value.retryable
    server.execute(made, "INSERT INTO says (text) VALUES ('1'), ('2')")
    with structlog.testing.capture_logs() as told:
        assert bodies(drain(reading, cursor)[0]) == []
    (warned,) = [each for each in told if each["event"] == "table_ends_before"]
    assert (warned["table"], warned["ends"], warned["read_to"]) == ("says", 2, 3)
    server.execute("INSERT INTO says (text) VALUES ('3'), ('4')")
    assert bodies(drain(reading, cursor)[0]) == ["4"]


def test_words_that_are_no_text_leave_out_their_row(tmp_path: Path) -> None:
    """SQLite holds whatever it is given; what no store can hold must not stop the reading of the rest."""
    bad, rows = "CAST(x'ff' AS TEXT)", []
    for number in range(7):
        words = [f"'{name}{number}'" for name in ("text", "who", "lang", "said", "name")]
        rows.append([bad if number - 1 == place else word for place, word in enumerate(words)])
    url = sqlite_of(
        tmp_path,
        "CREATE TABLE says (id INTEGER PRIMARY KEY, text TEXT, who TEXT, lang TEXT, said TEXT, name TEXT)",
        *(f"INSERT INTO says (text, who, lang, said, name) VALUES ({', '.join(row)})" for row in rows),  # noqa: S608
    )
    named = {"group": "who", "labels": {"lang": "lang"}, "target": "said", "id": "name", "settle": timedelta()}
    page = source(url, **named).read(None, limit=9)  # type: ignore[arg-type]
    assert ([text.body for text in page.texts], page.rejected) == (["text0", "text6"], {"not-utf8": 5})


def test_nul_in_every_field_reaches_a_store_that_cannot_hold_it(server: PostgresServer, tmp_path: Path) -> None:
    said = dict.fromkeys(("id", "text", "who", "lang", "said"), "a\0b")
    chat = [{"role": "us\0er", "content": "a\0b"}]
    (tmp_path / "log").write_text(json.dumps({**said, "chat": chat}) + "\n" + json.dumps({**said, "id": "2"}) + "\n")
    named = {"group": "who", "labels": {"lang": "lang"}, "target": "said", "turns": "chat", "id": "id"}
    reading = FileSource(FileSettings(path=tmp_path / "log", **named), clock=STILL)  # type: ignore[arg-type]
    store = open_store(server.fresh(), clock=STILL)
    page = reading.read(None, limit=9)
    assert pipeline_into(store).take(page).stored == 2
    assert pipeline_into(store).take(page).duplicates == 2, "known again by its id"
    first, second = (each.text for each in store.texts.window(STREAM, after_seq=0, limit=9))
    assert (first.id, first.body, first.group, first.target) == ("a\ufffdb",) * 4
    assert second.id == "2"
    store.close()


def test_a_column_of_numbers_is_no_text(tmp_path: Path) -> None:
    url = sqlite_of(
        tmp_path, "CREATE TABLE says (id INTEGER, text)", "INSERT INTO says VALUES (1, 7), (2, 'b'), (3, x'ff00')"
    )
    page = source(url, settle=timedelta()).read(None, limit=9)
    assert [text.body for text in page.texts] == ["7", "b"]  # words are words, whatever type they have
    assert page.rejected == {"not-utf8": 1}


def test_a_server_that_goes_and_comes(server: PostgresServer) -> None:
    server.execute("DROP TABLE IF EXISTS says", "CREATE TABLE says (id bigint, text text)")
    server.execute("INSERT INTO says VALUES (1, 'a')")
    reading = source(server.url, settle=timedelta())
    page = reading.read(None, limit=9)
    server.stop()
    with pytest.raises(DataError, match="cannot be read") as caught:
        reading.read(page.cursor, limit=9)
    assert caught.value.retryable
    server.start()
    server.execute("INSERT INTO says VALUES (2, 'b')")
    assert bodies([reading.read(page.cursor, limit=9)]) == ["b"]


def test_wrong_passwords_are_told_and_never_shown(server: PostgresServer, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    settings = SqlSettings(
        url=server.url.replace("/postgres", "/nowhere"), password=f"file:{secret}", table="says", cursor="id"
    )
    with pytest.raises(DataError, match="nowhere") as caught:
        SqlSource(settings, clock=STILL, environ={}).read(None, limit=1)
    assert "hunter2" not in str(caught.value)
    guarded = SqlSettings(
        url=server.url.replace("driftwatch@", "guarded@"), password=f"file:{secret}", table="says", cursor="id"
    )
    with pytest.raises(DataError, match="password authentication failed") as refused:
        SqlSource(guarded, clock=STILL, environ={}).read(None, limit=1)
    assert "hunter2" not in str(refused.value)
    assert refused.value.retryable
    with pytest.raises(ConfigError, match="missing or empty"):
        SqlSource(SqlSettings(url="env:NONE", table="says", cursor="id"), clock=STILL, environ={})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"url": "postgresql://me:secret@db/app"}, "a password stands in the URL"),
        ({"url": "mysql://me@db/app"}, "postgresql and sqlite, not mysql"),
        ({"url": "sqlite:///app.db"}, "must be absolute"),
        ({"url": "nonsense"}, "a secret is named"),
        ({"table": "says; DROP TABLE says"}, "no table's name"),
        ({"settle": timedelta(seconds=9), "longest": timedelta(seconds=1)}, "longest"),
        ({"records": "openai", "body": "words"}, "leave out body"),
        ({"watch": "completion"}, "watch goes with"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, object], told: str) -> None:
    said = {"url": "sqlite:////tmp/app.db", "table": "says", "cursor": "id", **settings}
    with pytest.raises(ValueError, match=told) as caught:
        SqlSettings(**said)  # type: ignore[arg-type]
    assert "secret@" not in str(caught.value)
