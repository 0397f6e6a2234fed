"""From the configuration to the store: every source that is read, opened and read as the daemon does it."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from source_places import Striding

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.daemon.rounds import reading
from driftwatch.domain.errors import ConfigError
from driftwatch.domain.protocols import ClosedSource

CONFIG = """
[streams.support]
redact = ["email"]

[[streams.support.sources]]
type = "sql"
url = "sqlite:///{folder}/app.db"
table = "says"
cursor = "id"

[[streams.support.sources]]
type = "folder"
url = "{folder}/spool"
records = "openai"

[[streams.support.sources]]
type = "http"
"""


def test_what_is_configured_is_read(tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    exchange = {"messages": [{"role": "user", "content": "Write to me@example.org"}], "choices": [{"text": "Done"}]}
    (tmp_path / "spool" / "1.jsonl").write_text(json.dumps(exchange) + "\n")
    with closing(sqlite3.connect(tmp_path / "app.db")) as database, database:
        database.execute("CREATE TABLE says (id INTEGER PRIMARY KEY, text TEXT)")
        database.execute("INSERT INTO says (text) VALUES ('From a table')")
    (tmp_path / "driftwatch.toml").write_text(CONFIG.format(folder=tmp_path))
    config = load_config(tmp_path / "driftwatch.toml", environ={})
    clock = Striding(timedelta(seconds=3))
    store = wiring.open_store(config, clock=clock)
    readers = wiring.readers(config, store, clock=clock, environ={"X": "y"})
    assert [reader.name for reader in readers] == ["sql", "folder"]
    for reader in readers:
        turn = reading(
            reader.source,
            reader.pipeline,
            store,
            stream=reader.stream,
            name=reader.name,
            stopping=threading.Event(),
            beat=lambda: None,
            taken=lambda _texts: None,
            full=lambda: False,
        )
        for _ in range(4):
            turn()
        assert isinstance(reader.source, ClosedSource)
        reader.source.close()
    found = [(stored.text.source, stored.text.body) for stored in store.texts.window("support", after_seq=0, limit=9)]
    store.close()
    assert found[0] == ("sql", "From a table")
    assert found[1][0] == "folder"
    assert found[1][1].startswith("Write to ")
    assert "me@example.org" not in found[1][1]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('type = "sql"\nurl = "env:NONE"\ntable = "t"\ncursor = "id"', "env:NONE: the secret is missing or empty"),
        ('type = "redis"\nurl = "redis://r"\nkey = "k"\npassword = "env:NONE"', "missing or empty"),
        ('type = "kafka"\nbrokers = "b:1"\ntopic = "t"\noptions = { "no.such" = "1" }', "source kafka: No such"),
    ],
)
def test_what_cannot_be_opened_ends_the_start(tmp_path: Path, source: str, told: str) -> None:
    (tmp_path / "driftwatch.toml").write_text(f"[streams.a]\n[[streams.a.sources]]\n{source}\n")
    config = load_config(tmp_path / "driftwatch.toml", environ={})
    store = wiring.open_store(config)
    with pytest.raises(ConfigError, match=told):
        wiring.readers(config, store, clock=wiring.CLOCK, environ={"X": "y"})
    store.close()
