"""Clocks that are wrong and texts that come twice, from every place: counted, and the rest goes on."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from kafka_cluster import KafkaCluster
from postgres import PostgresServer
from source_places import NAME, STREAM, KafkaTopic, RedisServer, pipeline_into, redis_server

from driftwatch.domain.protocols import AcknowledgedSource, ClosedSource, Source
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.folder import FolderSettings, FolderSource
from driftwatch.intake.http import HttpReader, HttpSettings
from driftwatch.intake.kafka import KafkaSettings, KafkaSource
from driftwatch.intake.redis_streams import RedisSettings, RedisSource
from driftwatch.intake.sql import SqlSettings, SqlSource
from driftwatch.store import Store, open_store

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
FIELDS: Mapping[str, str] = {"id": "ref", "time": "at", "name": NAME}
RECORDS = [
    {"ref": "good", "text": "good", "at": "2026-01-02T11:00:00Z"},
    {"ref": "ahead", "text": "ahead", "at": "2026-01-03T12:00:00Z"},
    {"ref": "old", "text": "old", "at": "1970-01-01T00:00:00Z"},
    {"ref": "none", "text": "none", "at": "yesterday"},
    {"ref": "far", "text": "far", "at": "99999-01-01T00:00:00Z"},
    {"ref": "good", "text": "good", "at": "2026-01-02T11:00:00Z"},
]
TIMES = {"good": NOW - timedelta(hours=1), "ahead": NOW, "old": datetime(1970, 1, 1, tzinfo=UTC)}
COUNTS = {"stored": 3, "duplicate": 1, "clock-ahead": 1, "bad-time": 2}


@pytest.fixture
def redis_of_test() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


class Still:
    """A clock that stands, but for what waits for it to go on."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at.replace(microsecond=0)


def lines() -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in RECORDS)


def of_file(folder: Path, _: pytest.FixtureRequest) -> Source:
    (folder / "log").write_bytes(lines())
    return FileSource(FileSettings(path=folder / "log", format="jsonl", **FIELDS), clock=Still())  # type: ignore[arg-type]


def of_folder(folder: Path, _: pytest.FixtureRequest) -> Source:
    (folder / "spool").mkdir()
    (folder / "spool" / "1.jsonl").write_bytes(lines())
    return FolderSource(FolderSettings(url=str(folder / "spool"), **FIELDS), clock=Still(), environ={})  # type: ignore[arg-type]


def of_parquet(folder: Path, _: pytest.FixtureRequest) -> Source:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    (folder / "spool").mkdir()
    write_table(pa.Table.from_pylist(RECORDS), folder / "spool" / "1.parquet")
    return FolderSource(FolderSettings(url=str(folder / "spool"), **FIELDS), clock=Still(), environ={})  # type: ignore[arg-type]


def rows() -> Sequence[tuple[str, ...]]:
    return [(each["ref"], each["text"], each["at"]) for each in RECORDS]


TABLE = "(n INTEGER PRIMARY KEY, ref TEXT, text TEXT, at TEXT)"


def of_table(url: str) -> Source:
    settings = SqlSettings(url=url, table="timed", cursor="n", settle=timedelta(), **FIELDS)  # type: ignore[arg-type]
    return SqlSource(settings, clock=Still(), environ={})


def of_sqlite(folder: Path, _: pytest.FixtureRequest) -> Source:
    with closing(sqlite3.connect(folder / "app.db")) as database, database:
        database.execute(f"CREATE TABLE timed {TABLE}")
        database.executemany("INSERT INTO timed (ref, text, at) VALUES (?, ?, ?)", rows())
    return of_table(f"sqlite:///{folder / 'app.db'}")


def of_postgresql(_folder: Path, request: pytest.FixtureRequest) -> Source:
    import psycopg

    server: PostgresServer = request.getfixturevalue("postgres_server")
    server.execute("DROP TABLE IF EXISTS timed", f"CREATE TABLE timed {TABLE.replace('INTEGER', 'SERIAL')}")
    with psycopg.connect(server.url) as connection:
        connection.cursor().executemany("INSERT INTO timed (ref, text, at) VALUES (%s, %s, %s)", rows())
    return of_table(server.url)


def of_redis(_folder: Path, request: pytest.FixtureRequest) -> Source:
    server: RedisServer = request.getfixturevalue("redis_of_test")
    with server.client() as client:
        for each in RECORDS:
            client.xadd("says", {"record": json.dumps(each)})
    settings = RedisSettings(url=server.url, key="says", consumer="one", payload="record", **FIELDS)  # type: ignore[arg-type]
    return RedisSource(settings, stream=STREAM, clock=Still(), environ={})


def of_kafka(_folder: Path, request: pytest.FixtureRequest) -> Source:
    topic = KafkaTopic(KafkaCluster())
    for each in RECORDS:
        topic.cluster.producer.produce(topic.topic, json.dumps(each).encode(), partition=0)
    assert topic.cluster.producer.flush(30) == 0
    request.addfinalizer(lambda: topic.cluster.producer.flush(0))  # the cluster lives as long as its producer
    brokers, name = topic.spec[1].split("/")
    settings = KafkaSettings(brokers=brokers, topic=name, **FIELDS)  # type: ignore[arg-type]
    return KafkaSource(settings, stream=STREAM, clock=Still(), environ={})


@pytest.mark.parametrize(
    "make",
    [of_file, of_folder, of_parquet, of_sqlite, of_postgresql, of_redis, of_kafka],
    ids=lambda make: make.__name__,
)
def test_of_what_is_read(
    make: Callable[[Path, pytest.FixtureRequest], Source], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    source, store = make(tmp_path, request), open_store(tmp_path / "taken.db", clock=Still())
    for _ in range(300):
        page = source.read(store.texts.cursor(STREAM, NAME), limit=4)
        if page.cursor is not None:
            pipeline_into(store).take(page)
            if isinstance(source, AcknowledgedSource):
                source.acknowledge(page.cursor)
        if sum(counted(store).values()) == sum(COUNTS.values()):
            break
    check(store)
    if isinstance(source, ClosedSource):
        source.close()
    store.close()


def test_of_what_is_sent(tmp_path: Path) -> None:
    batch = HttpReader(HttpSettings(id="ref", time="at")).read(
        lines(), content_type="application/x-ndjson", content_encoding="", now=NOW
    )
    store = open_store(tmp_path / "taken.db", clock=Still())
    pipeline_into(store).take_texts(batch.texts, rejected=batch.counts)
    check(store)
    store.close()


def counted(store: Store) -> dict[str, int]:
    return {outcome: count for (_, _, outcome), count in store.counts.intake().items()}


def check(store: Store) -> None:
    assert counted(store) == COUNTS
    stored = [each.text for each in store.texts.window(STREAM, after_seq=0, limit=9)]
    assert {text.body: text.seen_at.replace(microsecond=0) for text in stored} == TIMES
