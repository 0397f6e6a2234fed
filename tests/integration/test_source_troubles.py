"""A daemon with sources that cannot be read: each is told by what, where and how, and everything else goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from deployment import Daemon, Deployment, until
from source_places import Striding

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.demo.workspace import free_port
from driftwatch.domain.errors import DataError
from driftwatch.domain.protocols import AcknowledgedSource, ClosedSource, TroubledSource
from driftwatch.domain.text import Page
from driftwatch.intake.connection import PatientSource

CONFIG = """
state_dir = "state"
[daemon]
listen = "127.0.0.1:{port}"
poll = "50ms"
[streams.docs]
window = 1000
[[streams.docs.sources]]
type = "file"
path = "production.jsonl"
[[streams.docs.sources]]
type = "folder"
url = "{folder}/spool"
every = "100ms"
[[streams.docs.sources]]
type = "sql"
url = "sqlite:///{folder}/none.db"
table = "says"
cursor = "id"
[[streams.docs.sources]]
type = "redis"
url = "redis://127.0.0.1:1/0"
key = "says"
[[streams.docs.sources]]
type = "kafka"
brokers = "127.0.0.1:1"
topic = "says"
"""
FAILING = ("folder", "kafka", "redis", "sql")


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    made = Deployment(folder=tmp_path, port=free_port())
    made.config.write_text(CONFIG.format(port=made.port, folder=tmp_path))
    made.append(["one", "two"], start=0)
    return made


def failing(deployment: Deployment) -> set[str]:
    """Return the sources that the status page says fail."""
    shown = httpx.get(f"{deployment.url}/").text
    return {name for name in FAILING if f"source fails</span> source {name} of stream docs: " in shown}


def answers(deployment: Deployment) -> bool | None:
    try:
        return httpx.get(f"{deployment.url}/-/healthy", timeout=2).is_success or None
    except httpx.TransportError:
        return None


def stored(deployment: Deployment, source: str) -> float:
    (line,) = [
        line
        for line in httpx.get(f"{deployment.url}/metrics").text.splitlines()
        if line.startswith("driftwatch_texts_total") and f'source="{source}"' in line and 'outcome="stored"' in line
    ]
    return float(line.rpartition(" ")[2])


def test_sources_that_fail_are_told_and_the_rest_goes_on(deployment: Deployment) -> None:
    pytest.importorskip("confluent_kafka", reason="the extra kafka is not installed")
    pytest.importorskip("redis", reason="the extra redis is not installed")
    with Daemon(deployment) as daemon:
        until(lambda: answers(deployment), "the daemon to answer")
        unready = httpx.get(f"{deployment.url}/-/ready").text
        until(lambda: failing(deployment) == set(FAILING) or None, "every source that fails to be named")
        until(lambda: stored(deployment, "file") == 2 or None, "the log to be read")
        assert httpx.get(f"{deployment.url}/-/ready").text == unready, "a source is no reason to go elsewhere"
        (deployment.folder / "spool").mkdir()
        (deployment.folder / "spool" / "1.jsonl").write_text('{"text": "three"}\n')
        until(lambda: stored(deployment, "folder") == 1 or None, "the folder to be read")
        until(lambda: "folder" not in failing(deployment) or None, "the folder to be named no more")
        assert daemon.stop() == 0
    lines = [json.loads(line) for line in (deployment.folder / "daemon.log").read_text().splitlines()]
    told = [line for line in lines if line["event"] == "round_failed"]
    assert {line["loop"] for line in told} == {f"read:docs:{name}" for name in FAILING}
    assert all(line["what"] and line["where"] and line["cure"] for line in told)
    assert not [line for line in lines if line["event"] == "round_crashed"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    pytest.importorskip("confluent_kafka", reason="the extra kafka is not installed")
    pytest.importorskip("redis", reason="the extra redis is not installed")
    file = tmp_path / "driftwatch.toml"
    file.write_text(CONFIG.format(port=1, folder=tmp_path))
    return file


@pytest.fixture
def readers(config: Path) -> Iterator[dict[str, wiring.Reader]]:
    loaded = load_config(config, environ={})
    store = wiring.open_store(loaded, clock=wiring.CLOCK)
    opened = {each.name: each for each in wiring.readers(loaded, store, clock=Striding(timedelta()))}
    yield opened
    for each in opened.values():
        assert isinstance(each.source, ClosedSource)
        each.source.close()
    store.close()


def test_only_brokers_are_read_by_every_host(readers: dict[str, wiring.Reader]) -> None:
    """What is read by a cursor is for the host that leads; a broker gives each text to one of those that read."""
    by_all = {name for name, reader in readers.items() if isinstance(reader.source, AcknowledgedSource)}
    assert by_all == {"redis", "kafka"}
    assert all(isinstance(reader.source, TroubledSource) for reader in readers.values())


def test_trouble_lasts_until_it_can_be_read(readers: dict[str, wiring.Reader]) -> None:
    folder = readers["folder"]
    assert isinstance(folder.source, TroubledSource)
    with pytest.raises(DataError):
        folder.source.read(None, limit=1)
    assert "there is no such folder" in str(folder.source.trouble)
    assert folder.source.read(None, limit=1).texts == ()  # a pause: nobody asked
    assert folder.source.trouble is not None


def test_what_nobody_foresaw_is_not_tried_at_once_again() -> None:
    class Crashing:
        asked = 0

        def read(self, after: object, *, limit: int) -> Page:
            del after, limit
            self.asked += 1
            raise TypeError("readline() takes 1 positional argument but 2 were given")

    crashing = Crashing()
    patient = PatientSource(crashing, clock=Striding(timedelta(seconds=0.25)))
    crashes = 0
    for _ in range(400):
        try:
            patient.read(None, limit=1)
        except TypeError:
            crashes += 1
    assert crashes == crashing.asked < 12
    assert patient.trouble == "it failed in a way that nobody foresaw: see the log"
