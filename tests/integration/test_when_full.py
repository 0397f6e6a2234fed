"""A stream whose backlog is full lets its senders wait, or drops what comes newest and counts it; nothing silently."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from typer.testing import CliRunner
from web_client import client_of

from driftwatch import wiring
from driftwatch.cli import app
from driftwatch.config import load_config
from driftwatch.daemon.backlog import Backlog
from driftwatch.daemon.pages import pages
from driftwatch.daemon.rounds import reading
from driftwatch.domain.text import Text
from driftwatch.store import open_store
from driftwatch.web import Health, Pages, ReloadResult, Room, WebSettings, create_app
from driftwatch.web.status_page import status_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.config import Config
    from driftwatch.store import Store
    from driftwatch.web import App

CONFIG = """
[daemon]
backlog = 60
when_full = "{when_full}"
[streams.support]
window = 50
[[streams.support.sources]]
type = "file"
path = "{folder}/log"
[[streams.support.sources]]
type = "http"
[[streams.support.sources]]
type = "otlp"
"""
TEXTS, EXPORT = "/v1/streams/support/texts", "/v1/streams/support/otlp/v1/logs"
LIMIT = 60


class Place:
    """A stream of a daemon: its store, its backlog, its file's reader and its way in over HTTP."""

    def __init__(self, folder: Path, when_full: str) -> None:
        file = folder / "driftwatch.toml"
        file.write_text(CONFIG.format(folder=folder, when_full=when_full))
        self.config: Config = load_config(file, environ={})
        self.config.state_dir.mkdir()
        self.store: Store = wiring.open_store(self.config, clock=wiring.CLOCK)
        self.backlog = Backlog(LIMIT, drops=self.config.daemon.when_full == "drop")
        self.log = folder / "log"
        (reader,) = wiring.readers(self.config, self.store, clock=wiring.CLOCK, dropping=self.backlog.dropping)
        self.read = reading(
            reader.source,
            reader.pipeline,
            self.store,
            stream="support",
            name=reader.name,
            stopping=threading.Event(),
            beat=lambda: None,
            taken=partial(self.backlog.stored, "support"),
            full=partial(self.backlog.full, "support"),
        )

    def assessed(self) -> None:
        """Let everything that waits be assessed."""
        self.backlog.counted({"support": 0}, self.backlog.look())

    def write(self, name: str, count: int) -> None:
        with self.log.open("a") as log:
            log.writelines(json.dumps({"text": f"{name} {number}"}) + "\n" for number in range(count))

    def post(self, name: str, count: int) -> httpx.Response:
        return self._post(TEXTS, [{"id": f"{name}{number}", "text": f"{name} {number}"} for number in range(count)])

    def export(self, body: str) -> httpx.Response:
        message = {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps([_said(body)])}}
        operation = {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}
        record = {"timeUnixNano": "1", "attributes": [operation, message]}
        return self._post(EXPORT, {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]})

    def _post(self, path: str, content: object) -> httpx.Response:
        async def posting() -> httpx.Response:
            async with client_of(self._app()) as client:
                return await client.post(path, json=content)

        return asyncio.run(posting())

    def _app(self) -> App:
        ways = {
            "clock": wiring.CLOCK,
            "taken": self.backlog.stored,
            "backlog": self.backlog.blocking,
            "dropping": self.backlog.dropping,
        }
        return create_app(
            intake=wiring.http_intakes(self.config, self.store, **ways),  # type: ignore[arg-type]
            otlp=wiring.otlp_intakes(self.config, self.store, **ways),  # type: ignore[arg-type]
            metrics=lambda _accept: (b"", "text/plain"),
            health=Health,
            reload=lambda _who: ReloadResult(),
            pages=Pages(
                status=lambda: pytest.fail("nobody asks"),
                window=lambda _stream, _index: None,
                incident=lambda _stream, _index: None,
                report=lambda _stream, _index: None,
                run=lambda _run: None,
            ),
            settings=WebSettings(backlog=LIMIT),
        )

    def stored(self) -> list[str]:
        return [each.text.body for each in self.store.texts.window("support", after_seq=0, limit=10_000)]

    def counts(self) -> dict[tuple[str, str], int]:
        return {(source, outcome): count for (_, source, outcome), count in self.store.counts.intake().items()}


def _said(body: str) -> dict[str, object]:
    return {"role": "user", "parts": [{"type": "text", "content": body}]}


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, request.param)
    yield made
    made.store.close()


@pytest.mark.parametrize("place", ["block"], indirect=True)
def test_senders_wait_and_nothing_is_lost(place: Place) -> None:
    assert place.post("a", LIMIT).status_code == 202
    refused = place.post("b", 3)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert place.export("c").status_code == 429
    place.write("d", 5)
    place.read()
    assert len(place.stored()) == LIMIT
    assert place.store.texts.cursor("support", "file") is None, "the file is not read"
    place.assessed()
    place.read()
    assert place.post("b", 3).json()["stored"] == 3
    assert place.stored()[LIMIT:] == [f"d {n}" for n in range(5)] + [f"b {n}" for n in range(3)]
    assert not any(outcome == "dropped-full" for _, outcome in place.counts())


@pytest.mark.parametrize("place", ["drop"], indirect=True)
def test_the_newest_are_dropped_counted_and_told(place: Place) -> None:
    assert place.post("a", LIMIT).json()["dropped"] == 0
    answer = place.post("b", 3)
    assert (answer.status_code, answer.json()["stored"], answer.json()["dropped"]) == (202, 0, 3)
    told = place.export("c").json()["partialSuccess"]
    assert told["rejectedLogRecords"] == "1"
    assert "stream support is full" in told["errorMessage"]
    place.write("d", 5)
    place.read()
    assert len(place.stored()) == LIMIT
    place.assessed()
    place.write("e", 2)
    place.read()
    assert place.stored()[LIMIT:] == ["e 0", "e 1"], "what was dropped is not read again"
    dropped = {source: count for (source, outcome), count in place.counts().items() if outcome == "dropped-full"}
    assert dropped == {"http": 3, "otlp": 1, "file": 5}


@pytest.mark.parametrize(
    ("place", "intake", "meaning"),
    [
        ("block", "blocked", "senders are answered 429, other sources are not read; nothing is lost"),
        ("drop", "dropping", "what comes now is thrown away, and counted as dropped-full"),
    ],
    indirect=["place"],
)
def test_page_and_terminal_say_that_a_stream_is_full(place: Place, intake: str, meaning: str) -> None:
    show = pages(place.config, place.store, clock=wiring.CLOCK, unready=tuple).status
    command = ["status", "--config", str(place.config.path)]
    place.post("a", LIMIT - 1)
    [calm] = show().streams
    assert (calm.standing, calm.full) == ("waiting for text", None)
    assert "intake" not in status_page(show())
    assert "intake" not in CliRunner().invoke(app, command).output
    place.post("b", 1)
    page = status_page(show())
    assert f'<span class="badge bad">intake {intake}</span><small> since <time' in page
    assert f"60 texts wait to be assessed, at most 60 may: {meaning}" in page
    assert "What to do: " in page
    told = CliRunner().invoke(app, command, env={"COLUMNS": "1000"}).output
    assert f"stream support: intake {intake} since " in told
    assert meaning in told
    assert "what to do: " in told
    [stream] = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)["streams"]
    assert (stream["full"]["intake"], stream["full"]["limit"]) == (intake, LIMIT)


class Passing:
    """A clock that goes on by a minute whenever it is looked at."""

    at = datetime(2026, 11, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        self.at += timedelta(minutes=1)
        return self.at


def test_a_stream_is_full_since_the_text_that_filled_it(tmp_path: Path) -> None:
    clock = Passing()
    store = open_store(tmp_path / "driftwatch.db", clock=clock)
    begun = clock.at
    for number in range(5):
        text = Text(id=str(number), body=f"text {number}", seen_at=begun)
        store.texts.take_in("support", source="http", texts=[text], cursor=None, counts={})
    room = Room(limit=3, drops=False)
    full = room.full(store, "support", waiting=5, after_seq=0)
    assert full is not None
    assert full.since == begun + timedelta(minutes=3)
    assert room.full(store, "support", waiting=2, after_seq=3) is None
    moved = room.full(store, "support", waiting=4, after_seq=1)
    assert moved is not None
    assert moved.since == begun + timedelta(minutes=4)
    store.close()
