"""What a text costs on its way into the store, from every kind of source, against parsing its line alone.

``python -m benchmarks.intake [--quick] [--json FILE]``. CPU time of the process that takes in, the sender's left out;
every commit is synchronous. ``python -m benchmarks.intake --flow N`` lets N texts flow through a store that keeps few
of them, and prints the memory on the way.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.intake_flow import flow
from benchmarks.intake_http import posted, server
from benchmarks.intake_sources import measure_sources
from benchmarks.table import Row, at_least, at_most, main, told
from driftwatch.demo.prose import paragraphs
from driftwatch.features.counting import load_counter
from driftwatch.features.encoder import DEFAULT, find_folder
from driftwatch.intake.drafts import Drafts
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.http import HttpSettings
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.plain import plain_of
from driftwatch.intake.redact import Redactor, RedactSettings
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.store import Store, open_store
from driftwatch.wiring import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

STREAM = "bench"
PAGE = 1_000
REQUEST = 100
DURABLE = 100_000
"""Texts per CPU-second that file and HTTP must reach."""

COUNTED = 25_000
"""Likewise with every text's tokens counted."""

PARSE_AND_SAMPLE = 0.85
"""Share of msgspec's own speed."""

SHARES = (0.01, 0.1, 1.0)
"""Of the texts that are kept."""

ROUNDS = 5

ACKNOWLEDGED_MS = 50
CLOCK = SystemClock()


class _Line(msgspec.Struct):
    """What is read of a line at least."""

    id: str
    text: str


def measure(quick: bool) -> Sequence[Row]:
    """Return texts per CPU-second of each way in."""
    return told(_rows(quick))


def _rows(quick: bool) -> Iterator[Row]:
    Redactor(RedactSettings()).redact("call +44 20 7946 0958")  # packages are loaded once in a daemon's life
    count = 20_000 if quick else 100_000
    some = paragraphs(["numpy", "scipy"], min(count, 8_000))
    lines = [json.dumps({"id": str(n), "text": some[n % len(some)]}).encode() + b"\n" for n in range(count)]
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as folder:
        place = Path(folder)
        (place / "log").write_bytes(b"".join(lines))
        yield from _sampled(lines)
        for redact in (True, False):
            how = "redacted" if redact else "as it is"
            yield at_least(f"texts per CPU-s from a file, {how}, durable", _file(place, count, redact), DURABLE)
            yield from _http(place / how.replace(" ", "-"), lines, redact=redact)
        yield _counted(place, count)
        bodies = [some[n % len(some)] for n in range(count)]
        few = 5_000 if quick else 50_000
        yield from measure_sources(place, lines[:few], bodies[:few], lambda: _pipeline(_fresh(place), redact=False))


def _sampled(lines: Sequence[bytes]) -> Iterator[Row]:
    """Yield how much of decoding's own speed is left where records are checked and sampled besides.

    What is kept is left as the pipeline takes it on from there: ids, bodies and times.
    Both take the same bodies, in turns; the best of several rounds each, for the machine is not ours alone.
    """
    plain = plain_of(HttpSettings())
    if plain is None:
        raise RuntimeError("plain records have no quick way")
    bodies = [b"".join(lines[start : start + PAGE]).removesuffix(b"\n") for start in range(0, len(lines), PAGE)]
    decoder, now = msgspec.json.Decoder(_Line), datetime.now(UTC)

    def alone() -> int:
        return sum(len(decoder.decode_lines(body)) for body in bodies)

    def sampling(sampler: HashSampler) -> int:
        found = 0
        for body in bodies:
            texts = Drafts((plain.lines(body, place=str, now=now).part({}),))
            found += len(texts)
            kept = sampler.kept(texts)
            if isinstance(kept, Drafts):
                kept.bare()
        return found

    ways: dict[float | None, Callable[[], int]] = {None: alone}
    for share in SHARES:
        ways[share] = partial(sampling, HashSampler(SampleSettings(rate=share)))
    best: dict[float | None, float] = dict.fromkeys(ways, 0.0)
    for _ in range(ROUNDS):
        for kept, work in ways.items():
            best[kept] = max(best[kept], _rate(len(lines), work))
    yield Row(measure="texts per CPU-s, decoding alone", driftwatch=best[None], peer=best[None])
    for share in SHARES:
        name = f"decoded, checked and sampled at {share:.0%}, over msgspec alone"
        yield at_least(name, best[share] / best[None], PARSE_AND_SAMPLE)


def _file(place: Path, count: int, redact: bool) -> float:
    store = _fresh(place)
    settings = FileSettings(path=place / "log", id="id")
    source, pipeline, more = FileSource(settings, clock=CLOCK), _pipeline(store, redact), True

    def work() -> int:
        nonlocal more
        cursor, taken = None, 0
        while more:
            page = source.read(cursor, limit=PAGE)
            taken += pipeline.take(page).stored
            cursor, more = page.cursor or cursor, page.more
        return taken

    rate = _rate(count, work)
    store.close()
    return rate


def _counted(place: Path, count: int) -> Row:
    """Return what every text costs from the file into the store, out of it again, and counted in tokens."""
    store = _fresh(place)
    settings = FileSettings(path=place / "log", id="id")
    source, pipeline, counter = (
        FileSource(settings, clock=CLOCK),
        _pipeline(store, redact=True),
        load_counter(find_folder(DEFAULT)),
    )

    def work() -> int:
        cursor, done, more = None, 0, True
        while more:
            page = source.read(cursor, limit=PAGE)
            pipeline.take(page)
            cursor, more = page.cursor or cursor, page.more
            window = store.texts.window(STREAM, after_seq=done, limit=PAGE)
            counter.count([stored.text.body for stored in window])
            done += len(window)
        return done

    rate = _rate(count, work)
    store.close()
    return at_least("texts per CPU-s from a file, redacted, durable, counted in tokens", rate, COUNTED)


def _http(place: Path, lines: Sequence[bytes], *, redact: bool) -> Iterator[Row]:
    how = "redacted" if redact else "as it is"
    requests = posted(lines, REQUEST)
    warm = len(requests) // 10
    with server(place, redact=redact) as sender:
        sender.flood(requests[:warm])
        rate = REQUEST * (len(requests) - warm) / sender.flood(requests[warm:])
        again = posted([line.replace(b'"id": "', b'"id": "again-') for line in lines], REQUEST)
        waits = sorted(sender.paced(again, per_second=rate / REQUEST / 2))
    yield at_least(f"texts per CPU-s over HTTP, {REQUEST} a request, {how}, durable", rate, DURABLE)
    late = 1_000 * waits[int(0.99 * len(waits))]
    yield at_most(f"acknowledged over HTTP at half of that load, {how}, 99% ms", late, ACKNOWLEDGED_MS)


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


def _main() -> None:
    if "--flow" not in sys.argv:
        main("intake", measure)
        return
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake")
    parser.add_argument("--flow", type=int, metavar="TEXTS", required=True, help="texts to let through")
    flow(parser.parse_args().flow)


if __name__ == "__main__":
    _main()
