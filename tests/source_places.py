"""Places that texts are read from, real ones: each can be written to, broken and opened again."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from kafka_cluster import KafkaCluster
from postgres import PostgresServer, until_it_answers
from relay import Relay
from s3_server import ENVIRON, S3Server, s3_settings

from driftwatch.demo.workspace import free_port
from driftwatch.domain.errors import DataError
from driftwatch.domain.protocols import AcknowledgedSource, ClosedSource, Source
from driftwatch.domain.text import Cursor
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.folder import FolderSettings, FolderSource
from driftwatch.intake.kafka import KafkaSettings, KafkaSource
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.redis_streams import RedisSettings, RedisSource
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.intake.sql import SqlSettings, SqlSource
from driftwatch.store import Store, open_store

if TYPE_CHECKING:
    import redis

STREAM = "support"
NAME = "it"
QUICK = {
    "reconnect.backoff.ms": "10",
    "reconnect.backoff.max.ms": "100",
    "session.timeout.ms": "3000",
    "heartbeat.interval.ms": "500",
}
"""Of librdkafka: how soon it looks for a broker that went, and a group for a member; the mock waits for that after each
that left, too. Who is put out of a group for being slow comes back, and what is read again is known by its ids."""


class Striding:
    """A clock on which every look is some seconds after the last: waits pass while tests only read."""

    def __init__(self, stride: timedelta = timedelta(seconds=3)) -> None:
        self.at = datetime(2026, 1, 1, 12, tzinfo=UTC)
        self.stride = stride

    def now(self) -> datetime:
        self.at += self.stride
        return self.at


class Place(Protocol):
    """Where texts come from."""

    def put(self, bodies: Sequence[str]) -> None:
        """Write texts at its end."""
        ...

    @property
    def spec(self) -> tuple[str, str]:
        """Its kind and where it is: what another process needs to read it."""
        ...

    def poison(self) -> str:
        """Write a record that is no text, and return the reason that is counted."""
        ...

    def lose(self) -> None:
        """Take it away from under its reader."""
        ...

    def regain(self) -> None:
        """Bring it back with all that it held."""
        ...

    @property
    def tells(self) -> bool:
        """Whether its loss is an error: a log that is not there may come yet."""
        ...


@dataclass
class Taking:
    """A daemon's reading of one place, into a real store."""

    place: Place
    store: Store

    def __post_init__(self) -> None:
        self.source = opened(*self.place.spec)

    def restart(self) -> None:
        """Begin anew as a killed process does: nothing is told to anybody."""
        self.source = opened(*self.place.spec)

    def cursor(self) -> Cursor | None:
        return self.store.texts.cursor(STREAM, NAME)

    def page(self, *, limit: int, acknowledge: bool = True) -> tuple[int, bool]:
        """Read and commit a page; return its texts and whether there is more."""
        page = self.source.read(self.cursor(), limit=limit)
        assert len(page.texts) <= limit
        if page.cursor is not None:
            pipeline_into(self.store).take(page)
            if acknowledge and isinstance(self.source, AcknowledgedSource):
                self.source.acknowledge(page.cursor)
        return len(page.texts), page.more

    def until(self, done: Callable[[], bool], *, limit: int = 3, patient: bool = False) -> None:
        """Read until something holds; a broker may take seconds to hand out its texts, or to be there again."""
        deadline = time.monotonic() + 60
        while not done():
            assert time.monotonic() < deadline, f"came in: {self.bodies()}, {self.counts()}"
            try:
                self.page(limit=limit)
            except DataError as error:
                if not patient or not error.retryable:
                    raise

    def until_bodies(self, wanted: Sequence[str], *, limit: int = 3, patient: bool = False) -> None:
        self.until(lambda: len(self.bodies()) >= len(wanted), limit=limit, patient=patient)
        for _ in range(3):
            self.page(limit=limit)
        assert self.bodies() == list(wanted)

    def until_told(self, *, most: int) -> DataError | None:
        """Read until an error is told, so often at most; what it was."""
        for _ in range(most):
            try:
                self.page(limit=3)
            except DataError as error:
                return error
        return None

    def bodies(self) -> list[str]:
        return [stored.text.body for stored in self.store.texts.window(STREAM, after_seq=0, limit=100_000)]

    def counts(self) -> dict[str, int]:
        return {outcome: count for (_, _, outcome), count in self.store.counts.intake().items()}

    def close(self) -> None:
        if isinstance(self.source, ClosedSource):
            self.source.close()


def opened(kind: str, where: str) -> Source:
    """Open a place as a process that has just begun does."""
    match kind:
        case "file":
            return FileSource(FileSettings(path=Path(where), name=NAME, format="jsonl"), clock=Striding())
        case "sql":
            settings = SqlSettings(url=where, table="says", cursor="id", name=NAME)
            return SqlSource(settings, clock=Striding(), environ={})
        case "folder":
            return FolderSource(FolderSettings(url=where, name=NAME), clock=Striding(), environ={})
        case "s3":
            endpoint, _, bucket = where.rpartition("/")
            in_bucket = s3_settings(endpoint, f"s3://{bucket}", name=NAME)
            return FolderSource(in_bucket, clock=Striding(), environ=ENVIRON)
        case "redis":
            asked = RedisSettings(url=where, key="says", consumer="one", payload="record", name=NAME)
            return RedisSource(asked, stream=STREAM, clock=Striding(timedelta()), environ={})
        case "kafka":
            brokers, _, topic = where.partition("/")
            said = KafkaSettings(
                brokers=brokers,
                topic=topic,
                name=NAME,
                options={**QUICK, "fetch.wait.max.ms": "20"},
            )
            return KafkaSource(said, stream=STREAM, clock=Striding(), environ={})
        case _:
            raise AssertionError(kind)


def pipeline_into(store: Store) -> Pipeline:
    return Pipeline(
        store, stream=STREAM, source=NAME, redactor=None, sampler=HashSampler(SampleSettings()), clock=Striding()
    )


@contextmanager
def taking(place: Place, folder: Path) -> Iterator[Taking]:
    """Read a place into a fresh store."""
    store = open_store(folder / "taken.db", clock=Striding())
    at_work = Taking(place, store)
    try:
        yield at_work
    finally:
        at_work.close()
        store.close()


@dataclass
class SqliteTable:
    """A table in a SQLite file."""

    folder: Path

    tells = False  # a file that was opened stays open, whatever becomes of its name

    def __post_init__(self) -> None:
        self.file = self.folder / "database" / "app.db"
        self.file.parent.mkdir()
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute("CREATE TABLE says (id INTEGER PRIMARY KEY, text TEXT)")

    def put(self, bodies: Sequence[str]) -> None:
        with closing(sqlite3.connect(self.file)) as database, database:
            database.executemany("INSERT INTO says (text) VALUES (?)", [(body,) for body in bodies])

    def poison(self) -> str:
        with closing(sqlite3.connect(self.file)) as database, database:
            database.execute("INSERT INTO says (text) VALUES (NULL)")
        return "no-body"

    def lose(self) -> None:
        self.file.parent.rename(self.folder / "gone")

    def regain(self) -> None:
        (self.folder / "gone").rename(self.file.parent)

    @property
    def spec(self) -> tuple[str, str]:
        return "sql", f"sqlite:///{self.file}"


@dataclass
class PostgresTable:
    """A table in a real PostgreSQL, on the other side of a relay."""

    server: PostgresServer
    relay: Relay
    tells = True

    def __post_init__(self) -> None:
        self.server.execute("DROP TABLE IF EXISTS says", "CREATE TABLE says (id bigserial PRIMARY KEY, text text)")

    def put(self, bodies: Sequence[str]) -> None:
        import psycopg

        with psycopg.connect(self.server.url) as connection:
            connection.cursor().executemany("INSERT INTO says (text) VALUES (%s)", [(body,) for body in bodies])

    def poison(self) -> str:
        self.server.execute("INSERT INTO says (text) VALUES (NULL)")
        return "no-body"

    def lose(self) -> None:
        self.relay.cut()

    def regain(self) -> None:
        self.relay.mend()

    @property
    def spec(self) -> tuple[str, str]:
        return "sql", self.server.url.replace(f":{self.server.port}/", f":{self.relay.port}/")


@dataclass
class LogFile:
    """A log file."""

    folder: Path
    tells = False

    def __post_init__(self) -> None:
        self.logs = self.folder / "logs"
        self.logs.mkdir()

    def put(self, bodies: Sequence[str]) -> None:
        with (self.logs / "log").open("a") as log:
            log.write("".join(json.dumps({"text": body}) + "\n" for body in bodies))

    def poison(self) -> str:
        with (self.logs / "log").open("a") as log:
            log.write("{\n")
        return "not-json"

    def lose(self) -> None:
        self.logs.rename(self.folder / "gone")

    def regain(self) -> None:
        (self.folder / "gone").rename(self.logs)

    @property
    def spec(self) -> tuple[str, str]:
        return "file", str(self.logs / "log")


class Shelf(Protocol):
    """What holds files, under names."""

    spec: tuple[str, str]

    def write(self, name: str, content: bytes) -> None:
        """Let a file turn up."""
        ...

    def lose(self) -> None:
        """Take it away from under its reader."""
        ...

    def regain(self) -> None:
        """Bring it back with all that it held."""
        ...


@dataclass
class Files:
    """A place in which a file turns up for every put.

    Args:
        shelf: what holds them.
        suffix: of the files.
    """

    shelf: Shelf
    suffix: str = ".jsonl"
    tells = True

    def __post_init__(self) -> None:
        self.lose, self.regain = self.shelf.lose, self.shelf.regain
        self._written = 0

    def put(self, bodies: Sequence[str]) -> None:
        self._write(content_of(bodies, self.suffix))

    def poison(self) -> str:
        reason, content = poison_of(self.suffix)
        self._write(content)
        return reason

    @property
    def spec(self) -> tuple[str, str]:
        return self.shelf.spec

    def _write(self, content: bytes) -> None:
        self.shelf.write(f"part-{self._written}{self.suffix}", content)
        self._written += 1


class Folder:
    """A folder of files.

    Args:
        folder: for everything.
    """

    def __init__(self, folder: Path) -> None:
        self._spool, self._gone = folder / "spool", folder / "gone"
        self._spool.mkdir()
        self.spec = "folder", str(self._spool)
        self._seconds = 1_767_000_000

    def write(self, name: str, content: bytes) -> None:
        """Files are written in the same instant here, where in life there are seconds between them."""
        written = self._spool / f".{name}"
        written.write_bytes(content)
        os.utime(written, (self._seconds, self._seconds))
        self._seconds += 1
        written.rename(self._spool / name)

    def lose(self) -> None:
        self._spool.rename(self._gone)

    def regain(self) -> None:
        self._gone.rename(self._spool)


class Bucket:
    """A bucket on a server on the other side of a relay.

    Args:
        server: that has it.
        relay: in front of the server.
    """

    def __init__(self, server: S3Server, relay: Relay) -> None:
        self._server, self._name = server, server.bucket()
        self.lose, self.regain = relay.cut, relay.mend
        self.spec = "s3", f"http://127.0.0.1:{relay.port}/{self._name}"

    def write(self, name: str, content: bytes) -> None:
        self._server.put(self._name, name, content)


def content_of(bodies: Sequence[str], suffix: str) -> bytes:
    """Return a file that holds these texts."""
    if suffix == ".parquet":
        import pyarrow.parquet

        file = io.BytesIO()
        table = pyarrow.table({"text": list(bodies), "n": list(range(len(bodies)))})
        pyarrow.parquet.write_table(table, file, row_group_size=7)
        return file.getvalue()
    return _packed("".join(json.dumps({"text": body}) + "\n" for body in bodies), suffix)


def poison_of(suffix: str) -> tuple[str, bytes]:
    """Return a file with a record that is no text, and the reason that is counted."""
    if suffix == ".parquet":
        return "unreadable-file", b"PAR1 but not really PAR1"
    return "not-json", _packed("{\n", suffix)


def _packed(lines: str, suffix: str) -> bytes:
    if suffix.endswith(".gz"):
        return gzip.compress(lines.encode())
    if suffix.endswith(".zst"):
        import pyarrow as pa

        return bytes(pa.compress(lines.encode(), codec="zstd", asbytes=True))
    return lines.encode()


@dataclass
class RedisServer:
    """A real Redis of one's own, which keeps what it acknowledged."""

    folder: Path

    def __post_init__(self) -> None:
        self.port = free_port()
        self.start()

    def start(self, *options: str) -> None:
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        # Written before it is acknowledged; with "everysec" that waits while the disk is busy, and a kill loses it.
        command += ["--appendonly", "yes", "--appendfsync", "no", "--save", "", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until_it_answers(self.ready, self.process)

    def ready(self) -> bool:
        import redis

        with suppress(redis.ConnectionError), self.client() as client:
            try:
                return bool(client.ping())
            except (redis.AuthenticationError, redis.ResponseError):
                return True
        return False

    def client(self) -> redis.Redis:
        import redis

        return redis.Redis(port=self.port)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"


@contextmanager
def redis_server() -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("Redis is not installed (apt-get install redis-server)")
    pytest.importorskip("redis", reason="the extra redis is not installed")
    with tempfile.TemporaryDirectory(prefix="driftwatch-redis-") as folder:
        server = RedisServer(Path(folder))
        try:
            yield server
        finally:
            server.stop()


@dataclass
class RedisStream:
    """A stream in a real Redis, on the other side of a relay."""

    server: RedisServer
    relay: Relay
    tells = True

    def __post_init__(self) -> None:
        with self.server.client() as client:
            client.flushall()

    def put(self, bodies: Sequence[str]) -> None:
        with self.server.client() as client, client.pipeline() as pipeline:
            for body in bodies:
                pipeline.xadd("says", {"record": json.dumps({"text": body})})
            pipeline.execute()

    def poison(self) -> str:
        with self.server.client() as client:
            client.xadd("says", {"record": "{"})
        return "not-json"

    def lose(self) -> None:
        self.relay.cut()

    def regain(self) -> None:
        self.relay.mend()

    @property
    def spec(self) -> tuple[str, str]:
        return "redis", f"redis://127.0.0.1:{self.relay.port}/0"


@dataclass
class KafkaTopic:
    """A topic with one partition read in order."""

    cluster: KafkaCluster
    tells = True

    def __post_init__(self) -> None:
        self.cluster.topics += 1
        self.topic = f"says-{self.cluster.topics}-{os.getpid()}"

    def put(self, bodies: Sequence[str]) -> None:
        self._send([json.dumps({"text": body}).encode() for body in bodies])

    def poison(self) -> str:
        self._send([b"{"])
        return "not-json"

    def _send(self, values: Sequence[bytes]) -> None:
        for value in values:
            self.cluster.producer.produce(self.topic, value, partition=0)
        assert self.cluster.producer.flush(30) == 0

    def lose(self) -> None:
        self.cluster.take_down()

    def regain(self) -> None:
        self.cluster.bring_up()

    @property
    def spec(self) -> tuple[str, str]:
        return "kafka", f"{self.cluster.brokers}/{self.topic}"
