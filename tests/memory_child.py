"""A program that takes in something monstrous, and says as one line of JSON what came of it and the memory it took."""

from __future__ import annotations

import json
import sys
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from otlp_bombs import json_bombs, protobuf_bombs

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
EXPORT = 16 * 1024**2 - 1024
"""Below what an export may unpack to."""


class Standing:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


def packed(block: bytes, begin: bytes, size: int, end: bytes = b"") -> bytes:
    """Return so many bytes of the block, packed to a thousandth."""
    packer = zlib.compressobj(9, wbits=31)
    count, at_once = size // len(block), max(1, 1_000_000 // len(block))
    parts = [packer.compress(begin)]
    parts += [packer.compress(block * min(at_once, count - done)) for done in range(0, count, at_once)]
    return b"".join([*parts, packer.compress(end), packer.flush()])


def sent(kind: str, bomb: str) -> Callable[[], object]:
    """Return what reads a bomb that is posted."""
    begin = b'[{"text": "' if bomb == "one text" else b"[" if kind == "json" else b""
    body = packed(BOMBS[bomb], begin, GIGABYTE if bomb == "zeros" else JUST_TAKEN)
    settings = {"content_type": KINDS[kind], "content_encoding": "gzip", "now": NOW}
    if kind == "otlp":
        return lambda: parse_export("traces", body, settings=OtlpSettings(), **settings)  # type: ignore[arg-type]
    return lambda: HttpReader(HttpSettings()).read(body, **settings)  # type: ignore[arg-type]


def exported(kind: str, name: str) -> Callable[[], object]:
    """Return what reads a bomb that is exported."""
    bomb = (json_bombs if kind == "otlp-json" else protobuf_bombs)(EXPORT)[name]
    settings = {
        "content_type": "application/json" if kind == "otlp-json" else "application/x-protobuf",
        "content_encoding": "gzip",
        "settings": OtlpSettings(),
        "now": NOW,
    }
    body = packed(bomb.block, bomb.begin, bomb.size, bomb.end)

    def read() -> dict[str, object]:
        found = parse_export("traces", body, **settings)  # type: ignore[arg-type]
        return {"texts": len(found.texts), "counts": dict(found.counts)}

    return read


def long_line(folder: Path, begin: bytes) -> Callable[[], object]:
    """Return what reads a log in which a gigabyte without an end stands between two texts."""
    log = folder / "log"
    with log.open("wb") as file:
        file.write(b'{"text": "before"}\n' + begin)
        file.truncate(GIGABYTE)
        file.seek(0, 2)
        file.write(b'"}\n{"text": "after"}\n')
    return lambda: drained(FileSource(FileSettings(path=log), clock=Standing()))


def packed_log(folder: Path) -> Callable[[], object]:
    """Return what reads on in a log that was rotated and packed, with a gigabyte of zeros between two texts in it."""
    log, before = folder / "log", b'{"text": "before"}\n'
    log.write_bytes(before)
    cursor = FileSource(FileSettings(path=log), clock=Standing()).read(None, limit=9).cursor
    log.with_name("log.1.gz").write_bytes(packed(bytes(1_000_000), before, GIGABYTE, b'\n{"text": "after"}\n'))
    log.write_bytes(b'{"text": "new"}\n')
    return lambda: drained(FileSource(FileSettings(path=log), clock=Standing()), cursor)


def drained(source: FileSource, cursor: Cursor | None = None) -> dict[str, object]:
    """Read to the end."""
    bodies: list[str] = []
    rejected: dict[str, int] = {}
    more = True
    while more:
        page = source.read(cursor, limit=1_000)
        bodies += [text.body for text in page.texts]
        rejected |= page.rejected
        cursor, more = page.cursor or cursor, page.more
    return {"bodies": bodies, "rejected": rejected}


def main(kind: str, what: str, folder: Path) -> None:
    if kind in ("otlp-json", "otlp-protobuf"):
        work = exported(kind, what)
    elif kind == "file":
        work = packed_log(folder) if what == "packed" else long_line(folder, what.encode())
    else:
        work = sent(kind, what)
    begin = so_far("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: making a bomb is not what is measured
    try:
        found = work()
    except BatchError as error:
        found = {"status": error.status, "title": error.title}
    print(json.dumps({"found": found, "megabytes": so_far("VmHWM") - begin}))


def so_far(what: str) -> float:
    """Return the memory of this process, or its peak, in MB."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(what)]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
