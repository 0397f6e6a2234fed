"""``driftwatch tap``: standard input is durable when it ends, whatever is in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftwatch.intake.tap import Line, batches
from driftwatch.store import open_store

CONFIG = """
[daemon]
backlog = 60

[streams.support]
window = 50

[[streams.support.sources]]
type = "tap"
body = "message"
"""


class Noon:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, 12, tzinfo=UTC)


def tap(folder: Path, sent: bytes, *options: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "driftwatch.toml").write_text(CONFIG)
    return subprocess.run(
        [sys.executable, "-m", "driftwatch", "tap", "support", "--config", str(folder / "driftwatch.toml"), *options],
        input=sent,
        capture_output=True,
        timeout=300,
        check=False,
    )


def bodies(folder: Path) -> list[str]:
    store = open_store(folder / "state" / "driftwatch.db", clock=Noon())
    try:
        return [stored.text.body for stored in store.texts.window("support", after_seq=0, limit=1_000)]
    finally:
        store.close()


def test_lines_are_durable_and_counted(tmp_path: Path) -> None:
    sent = b'{"message": "a"}\n{"message": "b"}\n\n{\n{"message": "c"}'
    done = tap(tmp_path, sent, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "stored": 3,
        "duplicates": 0,
        "sampled_out": 0,
        "dropped": 0,
        "rejected": {"not-json": 1},
        "noted": {},
    }
    assert bodies(tmp_path) == ["a", "b", "c"]
    again = tap(tmp_path, sent, "--strict")
    assert again.returncode == 2
    assert b"0 stored, 3 known already" in again.stdout
    assert b"1 left out (not-json)" in again.stdout


def test_plain_lines_options_and_nothing_of_use(tmp_path: Path) -> None:
    assert tap(tmp_path, "füür\nflamme\n".encode(), "--format", "lines").returncode == 0
    assert bodies(tmp_path) == ["füür", "flamme"]
    asked = b'{"id": "c1", "messages": [{"role": "user", "content": "Hi"}], "choices": [{"text": "Hello"}]}\n'
    assert tap(tmp_path, asked, "--records", "openai", "--watch", "completion", "--body", "text").returncode == 0
    assert bodies(tmp_path)[-1] == "Hello"
    assert tap(tmp_path, b'{"other": 1}\n').returncode == 2
    assert tap(tmp_path, b"").returncode == 0
    unknown = subprocess.run(
        [sys.executable, "-m", "driftwatch", "tap", "nobody", "--config", str(tmp_path / "driftwatch.toml")],
        input=b"",
        capture_output=True,
        check=False,
    )
    assert unknown.returncode == 4
    assert b"support" in unknown.stderr


def test_what_was_committed_survives_a_kill(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "driftwatch", "tap", "support", "--config", str(tmp_path / "driftwatch.toml")]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    assert child.stdin is not None
    child.stdin.write(b"".join(b'{"message": "t%d"}\n' % number for number in range(20)))
    child.stdin.flush()
    database = tmp_path / "state" / "driftwatch.db"
    while not database.exists() or len(bodies(tmp_path)) < 20:
        assert child.poll() is None
    child.kill()
    child.wait()
    child.stdin.close()
    assert bodies(tmp_path) == [f"t{number}" for number in range(20)]


def test_a_full_backlog_holds_the_sender_up(tmp_path: Path) -> None:
    from driftwatch import wiring
    from driftwatch.config import load_config

    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    config = load_config(tmp_path / "driftwatch.toml", environ={})
    store = wiring.open_store(config)
    asked: list[int] = []

    def wait(waiting: int) -> None:
        asked.append(waiting)
        store.texts.quarantine("support", first_seq=0, last_seq=10_000, reason="room")

    lines = [[Line(at, b'{"message": "t%d"}' % at) for at in range(8 * page, 8 * page + 8)] for page in range(11)]
    tapped = wiring.tap(
        lines, wiring.tap_settings(config, "support"), config, store, stream="support", clock=Noon(), wait=wait
    )
    store.close()
    assert (tapped.stored, asked) == (88, [80])


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_batches_of_a_pipe(limit: int) -> None:
    read, write = os.pipe()
    sent = b"a\nb\n" + b"x" * 9_000_000 + b"\nc\nlast"
    writer = threading.Thread(target=_write, args=(write, sent))
    writer.start()
    found = [line for batch in batches(read, limit=limit) for line in batch]
    writer.join()
    os.close(read)
    assert [(line.number, line.content) for line in found] == [(1, b"a"), (2, b"b"), (3, None), (4, b"c"), (5, b"last")]


def _write(descriptor: int, content: bytes) -> None:
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
