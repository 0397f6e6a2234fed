"""What a text costs on its way into the store, from every kind of source, against parsing its line alone.

``python -m benchmarks.intake [--quick] [--json FILE]``. CPU time of one process; every commit is synchronous.
"""

from __future__ import annotations

import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.intake_sources import measure_sources
from benchmarks.table import Row, main
from driftwatch.demo.prose import paragraphs
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.http import HttpReader, HttpSettings
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.redact import Redactor, RedactSettings
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.store import Store, open_store
from driftwatch.wiring import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STREAM = "bench"
PAGE = 1_000
REQUEST = 100
CLOCK = SystemClock()


def measure(quick: bool) -> Sequence[Row]:
    """Return texts per CPU-second of each way in."""
    count = 5_000 if quick else 50_000
    some = paragraphs(["numpy", "scipy"], min(count, 8_000))
    lines = [json.dumps({"id": str(n), "text": some[n % len(some)]}).encode() + b"\n" for n in range(count)]
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as folder:
        place = Path(folder)
        (place / "log").write_bytes(b"".join(lines))
        parse = _rate(count, lambda: _parse(lines))
        ways = {
            "from a file, redacted": lambda: _file(place, redact=True),
            "from a file, as it is": lambda: _file(place, redact=False),
            f"over HTTP, {REQUEST} a request, redacted": lambda: _http(place, lines, redact=True),
            f"over HTTP, {REQUEST} a request, as it is": lambda: _http(place, lines, redact=False),
        }
        rows = [
            Row(measure=f"texts per CPU-s {name}, durable", driftwatch=_rate(count, way), peer=parse)
            for name, way in ways.items()
        ]
        bodies = [some[n % len(some)] for n in range(count)]
        rows += measure_sources(place, lines, bodies, lambda: _pipeline(_fresh(place), redact=False))
    return [*rows, Row(measure="texts per CPU-s, parsing alone", driftwatch=parse, peer=parse)]


def _parse(lines: Sequence[bytes]) -> int:
    decoder = msgspec.json.Decoder()
    return sum(len(decoder.decode(line)["text"]) > 0 for line in lines)


def _file(place: Path, *, redact: bool) -> int:
    store = _fresh(place)
    settings = FileSettings(path=place / "log", id="id")
    source, pipeline, cursor, taken, more = FileSource(settings, clock=CLOCK), _pipeline(store, redact), None, 0, True
    while more:
        page = source.read(cursor, limit=PAGE)
        taken += pipeline.take(page).stored
        cursor, more = page.cursor or cursor, page.more
    store.close()
    return taken


def _http(place: Path, lines: Sequence[bytes], *, redact: bool) -> int:
    store = _fresh(place)
    pipeline, reader, taken = _pipeline(store, redact), HttpReader(HttpSettings()), 0
    for start in range(0, len(lines), REQUEST):
        batch = reader.read(
            b"".join(lines[start : start + REQUEST]),
            content_type="application/x-ndjson",
            content_encoding="",
            now=datetime.now(UTC),
        )
        taken += pipeline.take_texts(batch.texts, rejected=batch.counts).stored
    store.close()
    return taken


def _pipeline(store: Store, redact: bool) -> Pipeline:
    return Pipeline(
        store,
        stream=STREAM,
        source="bench",
        redactor=Redactor(RedactSettings()) if redact else None,
        sampler=HashSampler(SampleSettings()),
        clock=CLOCK,
    )


def _fresh(place: Path) -> Store:
    for old in place.glob("bench.db*"):
        old.unlink()
    return open_store(place / "bench.db", clock=CLOCK)


def _rate(count: int, work: Callable[[], int]) -> float:
    began = time.process_time()
    done = work()
    if done != count:
        raise RuntimeError(f"{done} of {count} texts came through")
    return count / (time.process_time() - began)


if __name__ == "__main__":
    main("intake", measure)
