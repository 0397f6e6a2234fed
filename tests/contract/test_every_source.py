"""What every source that is read promises, against the real thing: order, resume, at least once and counted once."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka_cluster import KafkaCluster
from relay import Relay
from s3_server import S3Server, s3_server
from source_places import (
    NAME,
    STREAM,
    Bucket,
    Files,
    Folder,
    KafkaTopic,
    LogFile,
    Place,
    PostgresTable,
    RedisServer,
    RedisStream,
    SqliteTable,
    pipeline_into,
    redis_server,
    taking,
)

from driftwatch.daemon.backlog import Backlog
from driftwatch.daemon.rounds import reading

TEN = [f"t{number}" for number in range(10)]


@pytest.fixture(scope="module")
def redis_of_module() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(scope="module")
def kafka_cluster() -> KafkaCluster:
    return KafkaCluster()


@pytest.fixture(scope="module")
def s3_of_module() -> Iterator[S3Server]:
    with s3_server() as server:
        yield server


@pytest.fixture(
    params=[
        "file",
        "sqlite",
        "postgresql",
        ".jsonl",
        ".jsonl.gz",
        ".jsonl.zst",
        ".parquet",
        "s3 .jsonl",
        "s3 .jsonl.gz",
        "s3 .parquet",
        "redis",
        "kafka",
    ]
)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    match request.param.split():
        case ["file"]:
            yield LogFile(tmp_path)
        case ["sqlite"]:
            yield SqliteTable(tmp_path)
        case ["postgresql"]:
            server = request.getfixturevalue("postgres_server")
            with Relay(server.port) as relay:
                yield PostgresTable(server, relay)
        case ["redis"]:
            redis = request.getfixturevalue("redis_of_module")
            with Relay(redis.port) as relay:
                yield RedisStream(redis, relay)
        case ["kafka"]:
            yield KafkaTopic(request.getfixturevalue("kafka_cluster"))
        case ["s3", suffix]:
            s3 = request.getfixturevalue("s3_of_module")
            with Relay(s3.port) as relay:
                yield Files(Bucket(s3, relay), suffix)
        case [suffix]:
            yield Files(Folder(tmp_path), suffix)


def test_in_order_and_once(place: Place, tmp_path: Path) -> None:
    place.put(TEN)
    with taking(place, tmp_path) as at_work:
        at_work.until_bodies(TEN)
        place.put(["later"])
        at_work.until_bodies([*TEN, "later"])
        assert at_work.counts() == {"stored": 11}


def test_a_restart_after_every_page(place: Place, tmp_path: Path) -> None:
    place.put(TEN)
    with taking(place, tmp_path) as at_work:
        for number in range(len(TEN)):
            at_work.until(lambda number=number: len(at_work.bodies()) > number, limit=1)  # type: ignore[misc]
            at_work.close()
            at_work.restart()
        at_work.until_bodies(TEN)


def test_what_was_not_committed_is_read_again(place: Place, tmp_path: Path) -> None:
    place.put(TEN)
    with taking(place, tmp_path) as at_work:
        pages = [at_work.source.read(None, limit=4) for _ in range(100)]
        seen = [tuple(text.id for text in page.texts) for page in pages if page.texts]
        assert seen
        assert set(seen) == {seen[0]}
        at_work.close()
        at_work.restart()
        at_work.until_bodies(TEN)


def test_killed_between_commit_and_acknowledgement(place: Place, tmp_path: Path) -> None:
    place.put(TEN)
    with taking(place, tmp_path) as at_work:
        while not at_work.page(limit=4, acknowledge=False)[0]:
            pass
        at_work.close()
        at_work.restart()
        at_work.until_bodies(TEN)
        assert at_work.counts()["stored"] == len(TEN)


def test_lost_and_found_again(place: Place, tmp_path: Path) -> None:
    """Taken away between two pages: it is said, may be asked again, and goes on where it was."""
    place.put(TEN)
    with taking(place, tmp_path) as at_work:
        at_work.until(lambda: bool(at_work.bodies()), limit=3)
        place.lose()
        told = at_work.until_told(most=1_000 if place.tells else 3)
        assert told is None or told.retryable
        assert (told is not None) == place.tells
        place.regain()
        at_work.until_bodies(TEN, patient=True)
        assert at_work.counts()["stored"] == len(TEN)


def test_poison_is_counted_and_the_rest_goes_on(place: Place, tmp_path: Path) -> None:
    place.put(TEN[:3])
    reason = place.poison()
    place.put(TEN[3:])
    with taking(place, tmp_path) as at_work:
        at_work.until_bodies(TEN)
        assert at_work.counts() == {"stored": 10, reason: 1}


def test_nothing_but_poison_moves_on(place: Place, tmp_path: Path) -> None:
    reason = place.poison()
    with taking(place, tmp_path) as at_work:
        at_work.until(lambda: at_work.counts() == {reason: 1})
        place.put(["good"])
        at_work.until_bodies(["good"])
        assert at_work.counts() == {"stored": 1, reason: 1}


def test_a_full_backlog_leaves_everything_where_it_is(place: Place, tmp_path: Path) -> None:
    place.put(TEN)
    backlog = Backlog(4)
    with taking(place, tmp_path) as at_work:
        round_of = reading(
            at_work.source,
            pipeline_into(at_work.store),
            at_work.store,
            stream=STREAM,
            name=NAME,
            stopping=threading.Event(),
            beat=lambda: None,
            taken=lambda texts: backlog.stored(STREAM, texts),
            full=lambda: backlog.full(STREAM),
        )
        backlog.counted({STREAM: 4}, backlog.look())
        for _ in range(5):
            round_of()
        assert at_work.bodies() == []
        backlog.counted({STREAM: 0}, backlog.look())
        while not at_work.bodies():
            round_of()
        assert backlog.full(STREAM)
        backlog.counted({STREAM: 0}, backlog.look())
        at_work.until_bodies(TEN)


def test_killed_at_any_moment(place: Place, tmp_path: Path) -> None:
    """A process that reads is killed again and again; in the end every text is there once."""
    bodies = [f"text {number}" for number in range(1_000)]
    place.put(bodies)
    with taking(place, tmp_path) as at_work:
        at_work.close()
        for kill in range(4):
            child = subprocess.Popen(
                [sys.executable, "-m", "source_child", *place.spec, str(tmp_path / "taken.db")],
                stdout=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            assert child.stdout is not None
            for _ in range(1 + 2 * kill):  # a line a page: killed in the midst of the one after
                child.stdout.readline()
            child.kill()
            child.wait()
            child.stdout.close()
        assert at_work.bodies()
        at_work.restart()
        at_work.until_bodies(bodies, limit=100)
        assert at_work.counts()["stored"] == len(bodies)
