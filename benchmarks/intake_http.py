"""Texts over HTTP into a server of its own process: what they cost it, and how soon they are acknowledged.

``python -m benchmarks.intake_http FOLDER`` is that server; ``benchmarks.intake`` starts and asks it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.web import Health, Pages, ReloadResult, WebSettings, create_app, serve

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CONNECTIONS = 12
_STREAM = "bench"
_TICKS = os.sysconf("SC_CLK_TCK")
_HEAD = (
    "POST /v1/streams/{stream}/texts HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    "content-type: application/x-ndjson\r\ncontent-length: {length}\r\n\r\n"
)


class Sender:
    """Posts requests over a few connections that stay open.

    Args:
        port: of the server.
        process: id of the server, for its CPU time.
    """

    def __init__(self, port: int, process: int) -> None:
        self._port, self._process = port, process

    def flood(self, requests: Sequence[bytes]) -> float:
        """Send every request as soon as a connection is free; return the server's CPU seconds."""
        began = self._cpu_seconds()
        asyncio.run(self._send([(0.0, request) for request in requests]))
        return self._cpu_seconds() - began

    def paced(self, requests: Sequence[bytes], *, per_second: float) -> list[float]:
        """Send at a steady rate; return the seconds between when each was due and its acknowledgement."""
        return asyncio.run(self._send([(place / per_second, request) for place, request in enumerate(requests)]))

    async def _send(self, due: Sequence[tuple[float, bytes]]) -> list[float]:
        waiting = iter(due)
        began = time.perf_counter()

        async def work() -> list[float]:
            waits = []
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            for at, request in waiting:
                await asyncio.sleep(max(0.0, at - (time.perf_counter() - began)))
                writer.write(request)
                await _accepted(reader)
                waits.append(time.perf_counter() - began - at)
            writer.close()
            return waits

        return [wait for waits in await asyncio.gather(*(work() for _ in range(CONNECTIONS))) for wait in waits]

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


async def _accepted(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    if b" 202 " not in head[:16]:
        raise RuntimeError(f"not accepted: {body.decode()}")


def posted(lines: Sequence[bytes], each: int) -> list[bytes]:
    """Return the lines as requests, so many a request."""
    bodies = [b"".join(lines[start : start + each]) for start in range(0, len(lines), each)]
    return [_HEAD.format(stream=_STREAM, length=len(body)).encode() + body for body in bodies]


@contextmanager
def server(folder: Path, *, redact: bool) -> Iterator[Sender]:
    """Run a server with an empty store."""
    folder.mkdir()
    (folder / "driftwatch.toml").write_text(f'[streams.{_STREAM}]\n[[streams.{_STREAM}.sources]]\ntype = "http"\n')
    command = [sys.executable, "-m", "benchmarks.intake_http", str(folder), *(["--redact"] if redact else [])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Sender(int(process.stdout.readline()), process.pid)
    finally:
        process.terminate()
        process.wait()


def _serve(folder: Path, *, redact: bool) -> None:
    config = load_config(folder / "driftwatch.toml", environ={})
    if not redact:
        config = replace(config, streams={_STREAM: replace(config.streams[_STREAM], redact=None)})
    config.state_dir.mkdir(exist_ok=True)
    store = wiring.open_store(config, clock=wiring.CLOCK)
    app = create_app(
        intake=wiring.http_intakes(
            config, store, clock=wiring.CLOCK, taken=lambda _stream, _texts: None, backlog=lambda _stream: 0
        ),
        metrics=lambda _accept: (b"", "text/plain"),
        health=Health,
        reload=lambda _who: ReloadResult(),
        pages=Pages(
            status=lambda: (_ for _ in ()).throw(LookupError),
            window=lambda _stream, _index: None,
            incident=lambda _stream, _index: None,
            report=lambda _stream, _index: None,
            run=lambda _run: None,
        ),
        settings=WebSettings(per_second=1e9, burst=10**9),
    )
    running = serve(app, "127.0.0.1", 0)
    print(running.port, flush=True)
    running.run()
    store.close()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), redact="--redact" in sys.argv)
