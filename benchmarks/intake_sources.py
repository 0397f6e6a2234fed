"""What a text costs on its way from brokers, tables, folders and exports into the store; servers run elsewhere."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.table import Row, at_least
from driftwatch.domain.protocols import AcknowledgedSource, ClosedSource
from driftwatch.intake.folder import FolderSettings, FolderSource
from driftwatch.intake.kafka import KafkaSettings, KafkaSource
from driftwatch.intake.otlp import OtlpSettings, parse_export
from driftwatch.intake.redis_streams import RedisSettings, RedisSource
from driftwatch.intake.sql import SqlSettings, SqlSource
from driftwatch.wiring import CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from driftwatch.domain.protocols import Source
    from driftwatch.domain.text import Cursor
    from driftwatch.intake.pipeline import Pipeline

LEAST = 20_000
"""Texts per CPU-second that no source may fall below."""

REQUEST = 512
"""Spans of an export: what OpenTelemetry's batching sends at most unless it is told otherwise."""

ENTRY = 100
_PAGE = 1_000
_PATIENCE_SECONDS = 300
_MOCK_HOLDS = 4_000_000
"""Bytes that librdkafka's own cluster keeps of a partition; of more, it forgets the oldest."""

_KAFKA = """
import sys
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 1, "log_level": 0, "linger.ms": 50})
(broker,) = producer.list_topics(timeout=30).brokers.values()
for line in open(sys.argv[1], "rb"):
    while True:
        try:
            producer.produce("bench", line, partition=0)
            break
        except BufferError:
            producer.poll(0.1)
producer.flush()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


def measure_sources(
    place: Path, lines: Sequence[bytes], bodies: Sequence[str], fresh: Callable[[], Pipeline]
) -> Iterator[Row]:
    """Yield a row for every source.

    Args:
        place: folder for files and servers.
        lines: records of JSON, with ids.
        bodies: of the records.
        fresh: returns the way into an empty store, redacting nothing.
    """
    ways: dict[str, Callable[[], float]] = {
        "SQL, a table in SQLite": lambda: _sql(place, bodies, fresh()),
        "SQL, a table in PostgreSQL": lambda: _postgresql(bodies, fresh()),
        "a folder of Parquet": lambda: _folder(place, bodies, fresh()),
        f"OTLP in protobuf, {REQUEST} spans a request": lambda: _otlp(bodies, fresh()),
        f"OTLP in JSON, {REQUEST} spans a request": lambda: _otlp(bodies, fresh(), as_json=True),
        "Redis, one text an entry": lambda: _redis(place, lines, 1, fresh()),
        f"Redis, {ENTRY} texts an entry": lambda: _redis(place, lines, ENTRY, fresh()),
        "Kafka, one text a message": lambda: _kafka(place, lines, fresh()),
    }
    for name, way in ways.items():
        yield at_least(f"texts per CPU-s from {name}, durable", way(), LEAST)


def _drained(source: Source, count: int, pipeline: Pipeline) -> float:
    """Read until everything is there; return texts per CPU-second of this process."""
    cursor: Cursor | None = None
    taken, deadline = 0, time.monotonic() + _PATIENCE_SECONDS
    first = source.read(None, limit=1) if not isinstance(source, AcknowledgedSource) else None
    del first  # connections, lookups and imports are made once in a daemon's life
    began = time.process_time()
    while taken < count:
        page = source.read(cursor, limit=_PAGE)
        if page.cursor is not None:
            taken += pipeline.take(page).stored
            cursor = page.cursor
            if isinstance(source, AcknowledgedSource):
                source.acknowledge(cursor)
        if time.monotonic() > deadline:
            raise RuntimeError(f"{taken} of {count} texts came through")
    spent = time.process_time() - began
    if isinstance(source, ClosedSource):
        source.close()
    return count / spent


def _sql(place: Path, bodies: Sequence[str], pipeline: Pipeline) -> float:
    file = place / "app.db"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE says (id INTEGER PRIMARY KEY, text TEXT)")
        database.executemany("INSERT INTO says (text) VALUES (?)", [(body,) for body in bodies])
    settings = SqlSettings(url=f"sqlite:///{file}", table="says", cursor="id", settle=timedelta())
    return _drained(SqlSource(settings, clock=CLOCK, environ={}), len(bodies), pipeline)


def _postgresql(bodies: Sequence[str], pipeline: Pipeline) -> float:
    import psycopg

    with _database() as url:
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE says (id bigserial PRIMARY KEY, text text)")
            with connection.cursor().copy("COPY says (text) FROM STDIN") as rows:
                for body in bodies:
                    rows.write_row((body.replace("\0", ""),))
        settings = SqlSettings(url=url, table="says", cursor="id", settle=timedelta())
        return _drained(SqlSource(settings, clock=CLOCK, environ={}), len(bodies), pipeline)


@contextmanager
def _database() -> Iterator[str]:
    """Run a PostgreSQL, as nobody where this runs as root, which it refuses to serve."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as home, closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        who = ["runuser", "-u", "nobody", "--"] if os.geteuid() == 0 else []
        if who:
            shutil.chown(home, "nobody")
        make = [*who, str(found[-1].with_name("initdb")), "-D", f"{home}/data", "-U", "driftwatch", "-A", "trust"]
        subprocess.run(make, check=True, capture_output=True, cwd=home)
        control = [*who, str(found[-1].with_name("pg_ctl")), "-D", f"{home}/data", "-w"]
        options = ["-o", f"-p {port} -h 127.0.0.1 -k ''", "-l", f"{home}/log"]
        subprocess.run([*control, *options, "start"], check=True, capture_output=True, cwd=home)
        try:
            yield f"postgresql://driftwatch@127.0.0.1:{port}/postgres"
        finally:
            subprocess.run([*control, "-m", "immediate", "stop"], check=True, capture_output=True, cwd=home)


def _folder(place: Path, bodies: Sequence[str], pipeline: Pipeline) -> float:
    import pyarrow as pa
    from pyarrow.parquet import write_table

    (place / "spool").mkdir()
    write_table(pa.table({"text": list(bodies)}), place / "spool" / "1.parquet")
    source = FolderSource(FolderSettings(url=str(place / "spool")), clock=CLOCK, environ={})
    return _drained(source, len(bodies), pipeline)


def _otlp(bodies: Sequence[str], pipeline: Pipeline, *, as_json: bool = False) -> float:
    exports = [
        _export(bodies[start : start + REQUEST], start, as_json=as_json) for start in range(0, len(bodies), REQUEST)
    ]
    kind, settings, taken = "application/json" if as_json else "application/x-protobuf", OtlpSettings(), 0
    parse_export("traces", b"", content_type="", content_encoding="", settings=settings, now=datetime.now(UTC))
    began = time.process_time()
    for body in exports:
        found = parse_export(
            "traces", body, content_type=kind, content_encoding="", settings=settings, now=datetime.now(UTC)
        )
        taken += pipeline.take_texts(found.texts, rejected=found.counts).stored
    if taken != len(bodies):
        raise RuntimeError(f"{taken} of {len(bodies)} texts came through")
    return taken / (time.process_time() - began)


def _export(bodies: Sequence[str], start: int, *, as_json: bool) -> bytes:
    from google.protobuf.json_format import MessageToDict
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest()
    scope = request.resource_spans.add().scope_spans.add()
    for number, body in enumerate(bodies, start):
        span = scope.spans.add(
            trace_id=number.to_bytes(16, "big"), span_id=number.to_bytes(8, "big"), start_time_unix_nano=10**18
        )
        span.attributes.add(key="gen_ai.operation.name").value.string_value = "chat"
        message = [{"role": "user", "parts": [{"type": "text", "content": body}]}]
        span.attributes.add(key="gen_ai.input.messages").value.string_value = json.dumps(message)
    if not as_json:
        return bytes(request.SerializeToString())
    told = MessageToDict(request)
    for each, span in zip(told["resourceSpans"][0]["scopeSpans"][0]["spans"], scope.spans, strict=True):
        each["traceId"], each["spanId"] = span.trace_id.hex(), span.span_id.hex()
    return json.dumps(told).encode()


def _redis(place: Path, lines: Sequence[bytes], each: int, pipeline: Pipeline) -> float:
    import redis

    with _server(place) as port, redis.Redis(port=port) as client, client.pipeline() as sending:
        for start in range(0, len(lines), each):
            sending.xadd("says", {"record": b"".join(lines[start : start + each])})
        sending.execute()
        settings = RedisSettings(url=f"redis://127.0.0.1:{port}", key="says", payload="record", id="id")
        return _drained(RedisSource(settings, stream="bench", clock=CLOCK, environ={}), len(lines), pipeline)


@contextmanager
def _server(place: Path) -> Iterator[int]:
    if shutil.which("redis-server") is None:
        raise RuntimeError("redis-server is not installed: apt-get install redis-server")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(place)],
        stdout=subprocess.PIPE,
    )
    try:
        assert server.stdout is not None
        while b"Ready to accept" not in server.stdout.readline():
            if server.poll() is not None:
                raise RuntimeError("redis-server ended")
        yield port
    finally:
        server.kill()
        server.communicate()


def _kafka(place: Path, lines: Sequence[bytes], pipeline: Pipeline) -> float:
    lines = lines[: _MOCK_HOLDS // max(map(len, lines))] if sum(map(len, lines)) > _MOCK_HOLDS else lines
    (place / "messages").write_bytes(b"".join(lines))
    cluster = subprocess.Popen(
        [sys.executable, "-c", _KAFKA, str(place / "messages")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert cluster.stdout is not None
        settings = KafkaSettings(brokers=cluster.stdout.readline().decode().strip(), topic="bench", id="id")
        return _drained(KafkaSource(settings, stream="bench", clock=CLOCK, environ={}), len(lines), pipeline)
    finally:
        cluster.kill()
        cluster.communicate()
