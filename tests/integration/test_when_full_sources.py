"""What is read from tables, folders, brokers and pipes into a full stream: it waits, or the newest is dropped."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest
from relay import Relay
from source_places import (
    NAME,
    STREAM,
    Files,
    Folder,
    RedisServer,
    RedisStream,
    SqliteTable,
    Striding,
    opened,
    redis_server,
)

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.daemon.backlog import Backlog
from driftwatch.daemon.rounds import reading
from driftwatch.domain.protocols import ClosedSource
from driftwatch.intake.pipeline import Pipeline
from driftwatch.intake.sampler import HashSampler, SampleSettings
from driftwatch.intake.tap import Line
from driftwatch.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from source_places import Place

    from driftwatch.domain.protocols import Source

LIMIT = 20
OLD = [f"old {number}" for number in range(LIMIT)]
LATE = [f"late {number}" for number in range(5)]
NEW = ["new 0", "new 1"]
TAPPED = """
[daemon]
backlog = 60
when_full = "drop"
[streams.support]
window = 50
[[streams.support.sources]]
type = "tap"
format = "lines"
"""


class Reading:
    """A daemon's reading of one place with room for a few texts."""

    def __init__(self, place: Place, folder: Path, *, drops: bool) -> None:
        self._place = place
        self.store = open_store(folder / "taken.db", clock=Striding())
        self.backlog = Backlog(LIMIT, drops=drops)
        self.source: Source = opened(*place.spec)

    def restart(self) -> None:
        """Begin anew as a killed process does."""
        self.close()
        self.source = opened(*self._place.spec)

    def read(self) -> None:
        """Do some rounds of the daemon's loop."""
        pipeline = Pipeline(
            self.store,
            stream=STREAM,
            source=NAME,
            redactor=None,
            sampler=HashSampler(SampleSettings()),
            clock=Striding(),
            dropping=partial(self.backlog.dropping, STREAM),
        )
        for _ in range(4):  # a table's newest rows are left to settle for a while, a folder is looked at again later
            reading(
                self.source,
                pipeline,
                self.store,
                stream=STREAM,
                name=NAME,
                stopping=threading.Event(),
                beat=lambda: None,
                taken=partial(self.backlog.stored, STREAM),
                full=partial(self.backlog.full, STREAM),
            )()

    def read_until(self, done: Callable[[], bool]) -> None:
        for _ in range(50):
            if done():
                return
            self.read()
        pytest.fail(f"came in: {self.bodies()}, {self.dropped()}")

    def assessed(self) -> None:
        """Let everything that waits be assessed."""
        self.backlog.counted({STREAM: 0}, self.backlog.look())

    def bodies(self) -> list[str]:
        return [stored.text.body for stored in self.store.texts.window(STREAM, after_seq=0, limit=1_000)]

    def dropped(self) -> int:
        return self.store.counts.intake().get((STREAM, NAME, "dropped-full"), 0)

    def position(self) -> str | None:
        cursor = self.store.texts.cursor(STREAM, NAME)
        return cursor.position if cursor is not None else None

    def close(self) -> None:
        if isinstance(self.source, ClosedSource):
            self.source.close()


@pytest.fixture(scope="module")
def redis_of_module() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture(params=["sqlite", "folder", "redis"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    match request.param:
        case "sqlite":
            yield SqliteTable(tmp_path)
        case "folder":
            yield Files(Folder(tmp_path))
        case _:
            server = request.getfixturevalue("redis_of_module")
            with Relay(server.port) as relay:
                yield RedisStream(server, relay)


@pytest.fixture
def full(request: pytest.FixtureRequest, place: Place, tmp_path: Path) -> Iterator[Reading]:
    """Return a reading whose stream is full of the old texts."""
    made = Reading(place, tmp_path, drops=request.param == "drop")
    place.put(OLD)
    made.read_until(lambda: len(made.bodies()) == LIMIT)
    yield made
    made.close()
    made.store.close()


def unread(place: Place) -> int:
    """Return what a broker has handed to nobody or heard nothing of; 0 for what is read by a cursor."""
    if not isinstance(place, RedisStream):
        return 0
    with place.server.client() as client:
        (group,) = client.xinfo_groups("says")
        return int(group["pending"]) + int(group["lag"])


@pytest.mark.parametrize("full", ["drop"], indirect=True)
def test_the_newest_are_dropped_and_never_read_again(full: Reading, place: Place) -> None:
    before = full.position()
    place.put(LATE)
    full.read_until(lambda: full.dropped() == len(LATE))
    assert full.bodies() == OLD, "nothing old is lost"
    assert full.position() != before
    assert unread(place) == 0
    full.restart()
    full.assessed()
    place.put(NEW)
    full.read_until(lambda: len(full.bodies()) > LIMIT)
    assert full.bodies() == [*OLD, *NEW]
    assert full.dropped() == len(LATE)


@pytest.mark.parametrize("full", ["block"], indirect=True)
def test_what_waits_is_read_once_there_is_room(full: Reading, place: Place) -> None:
    before = full.position()
    place.put(LATE)
    full.read()
    assert (full.bodies(), full.position()) == (OLD, before)
    assert unread(place) == (len(LATE) if isinstance(place, RedisStream) else 0)
    full.restart()
    full.read()
    assert (full.bodies(), full.position()) == (OLD, before)
    full.assessed()
    full.read_until(lambda: len(full.bodies()) == LIMIT + len(LATE))
    assert full.bodies() == [*OLD, *LATE]
    assert full.dropped() == 0


def test_a_pipe_into_a_full_stream_is_drained_and_counted(tmp_path: Path) -> None:
    (tmp_path / "driftwatch.toml").write_text(TAPPED)
    config = load_config(tmp_path / "driftwatch.toml", environ={})
    store = wiring.open_store(config)

    def batches() -> Iterator[list[Line]]:
        yield _lines("old", 60)
        yield from ([] for _ in range(9))  # a look at the backlog every ten batches
        yield _lines("late", 5)
        store.texts.quarantine(STREAM, first_seq=0, last_seq=10_000, reason="room")
        yield from ([] for _ in range(9))
        yield _lines("new", 2)

    def never(waiting: int) -> None:
        pytest.fail(f"it waits for {waiting} texts")

    settings = wiring.tap_settings(config, STREAM)
    tapped = wiring.tap(batches(), settings, config, store, stream=STREAM, clock=Striding(), wait=never)
    assert (tapped.stored, tapped.dropped, tapped.rejected) == (62, 5, {})
    assert [each.text.body for each in store.texts.window(STREAM, after_seq=60, limit=100)] == ["new 0", "new 1"]
    assert store.counts.intake()[STREAM, "tap", "dropped-full"] == 5
    store.close()


def _lines(name: str, count: int) -> list[Line]:
    return [Line(number, f"{name} {number}".encode()) for number in range(count)]
