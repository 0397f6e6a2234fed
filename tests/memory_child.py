"""A program that takes in something monstrous, and says as one line of JSON what came of it and the memory it took."""

from __future__ import annotations

import json
import resource
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch.intake.bodies import BatchError
from driftwatch.intake.file import FileSettings, FileSource
from driftwatch.intake.http import HttpReader, HttpSettings
from driftwatch.intake.otlp import OtlpSettings, parse_export

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.domain.text import Cursor

GIGABYTE = 1024**3
JUST_TAKEN = 60 * 1024**2
"""Below what a body may unpack to, so that it is looked into."""

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOMBS = {
    "zeros": b"\0" * 1_000_000,
    "lines": b"\n" * 1_000_000,
    "objects": b"{}," * 300_000,
    "numbers": b"0.1," * 250_000,
    "nesting": b"[" * 1_000_000,
    "one text": b"a" * 1_000_000,
}
KINDS = {"json": "application/json", "lines": "application/x-ndjson", "otlp": "application/json"}


class Standing:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


def packed(block: bytes, begin: bytes, size: int) -> bytes:
    """Return so many bytes of the block, packed to a thousandth."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(begin)]
    parts += [packer.compress(block) for _ in range(size // len(block))]
    return b"".join([*parts, packer.flush()])


def sent(kind: str, bomb: str) -> Callable[[], object]:
    """Return what reads a bomb that is posted."""
    begin = b'[{"text": "' if bomb == "one text" else b"[" if kind == "json" else b""
    body = packed(BOMBS[bomb], begin, GIGABYTE if bomb == "zeros" else JUST_TAKEN)
    settings = {"content_type": KINDS[kind], "content_encoding": "gzip", "now": NOW}
    if kind == "otlp":
        return lambda: parse_export("traces", body, settings=OtlpSettings(), **settings)  # type: ignore[arg-type]
    return lambda: HttpReader(HttpSettings()).read(body, **settings)  # type: ignore[arg-type]


def long_line(folder: Path, begin: bytes) -> Callable[[], object]:
    """Return what reads a log in which a gigabyte without an end stands between two texts."""
    log = folder / "log"
    with log.open("wb") as file:
        file.write(b'{"text": "before"}\n' + begin)
        file.truncate(GIGABYTE)
        file.seek(0, 2)
        file.write(b'"}\n{"text": "after"}\n')
    return lambda: drained(FileSource(FileSettings(path=log), clock=Standing()))


def drained(source: FileSource) -> dict[str, object]:
    """Read to the end."""
    bodies: list[str] = []
    rejected: dict[str, int] = {}
    cursor: Cursor | None = None
    more = True
    while more:
        page = source.read(cursor, limit=1_000)
        bodies += [text.body for text in page.texts]
        rejected |= page.rejected
        cursor, more = page.cursor or cursor, page.more
    return {"bodies": bodies, "rejected": rejected}


def main(kind: str, what: str, folder: Path) -> None:
    work = long_line(folder, what.encode()) if kind == "file" else sent(kind, what)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        found = work()
    except BatchError as error:
        found = {"status": error.status, "title": error.title}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"found": found, "megabytes": (peak - before) / 1024}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
