"""Memory over a long feed: real texts again and again, with new ids, through intake and retention."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

from driftwatch.demo.prose import paragraphs
from driftwatch.intake.http import HttpReader, HttpSettings
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.redact import Redactor, RedactSettings
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.store import open_store
from driftwatch.wiring import SystemClock

REQUEST = 4_000
"""Texts a commit: the disk is waited for once for all of them."""

KEPT = 20_000
"""Texts that retention leaves."""

LOOKS = 20
_PRUNE_EVERY = 25
_ALLOWED = 1.1
"""Growth from an early look to the last that still counts as flat: the allocator's, not of what is held."""


def flow(texts: int) -> None:
    """Let so many texts through and print what the process holds on the way.

    Raises:
        SystemExit: with 1 where the process or its store grew.
    """
    some = [json.dumps(body).encode() for body in paragraphs(["numpy", "scipy"], 8_000)]
    clock, reader, memory, stored = SystemClock(), HttpReader(HttpSettings()), list[float](), list[float]()
    requests = -(-texts // REQUEST)
    with tempfile.TemporaryDirectory(prefix="driftwatch-benchmark-") as folder:
        store = open_store(Path(folder) / "flow.db", clock=clock)
        pipeline = Pipeline(
            store,
            stream="flow",
            source="http",
            redactor=Redactor(RedactSettings()),
            sampler=HashSampler(SampleSettings()),
            clock=clock,
        )
        began, began_at = time.process_time(), time.monotonic()
        for number in range(requests):
            first = number * REQUEST
            body = b"\n".join(
                b'{"id": "%d", "text": %b}' % (place, some[place % len(some)])
                for place in range(first, first + REQUEST)
            )
            batch = reader.read(body, content_type="application/x-ndjson", content_encoding="", now=clock.now())
            pipeline.take_texts(batch.texts, rejected=batch.counts)
            if number % _PRUNE_EVERY == _PRUNE_EVERY - 1:
                store.texts.prune("flow", older_than=None, keep=KEPT, before_seq=first)
            if number % max(1, requests // LOOKS) == 0 or number == requests - 1:
                memory.append(_resident_megabytes())
                stored.append(store.size() / 1e6)
                seconds = time.monotonic() - began_at
                print(
                    f"{first + REQUEST:>13,} texts {seconds:8,.0f} s {memory[-1]:7.1f} MB  store {stored[-1]:7.1f} MB",
                    flush=True,
                )
        spent = time.process_time() - began
        store.close()
    print(f"{requests * REQUEST / spent:,.0f} texts per CPU-second, the feed's own making counted")
    early = len(memory) // 2, 1  # a store takes some rounds of retention to come to its size
    if len(memory) > LOOKS // 2 and any(
        held[-1] > _ALLOWED * held[look] for held, look in zip((stored, memory), early, strict=True)
    ):
        raise SystemExit(1)


def _resident_megabytes() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
