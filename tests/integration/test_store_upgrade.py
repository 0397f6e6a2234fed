"""A database of the release before, written by its own code, is brought up to date with everything in it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from driftwatch.domain.errors import StoreVersionError
from driftwatch.domain.run import RunId, RunState
from driftwatch.store import HEAD, Store, open_store

AT = datetime(2026, 3, 1, tzinfo=UTC)
BEFORE = Path(__file__).parent / "data" / "store-0003.sql"
"""What ``sqlite3 driftwatch.db .dump`` says of a database that the release with schema 0003 wrote."""


class Still:
    def now(self) -> datetime:
        return AT


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "driftwatch.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(BEFORE.read_text(encoding="utf-8"))
    return file


def opened(database: Path) -> Store:
    return open_store(database, clock=Still())


def schema(database: Path) -> str:
    with closing(sqlite3.connect(database)) as connection:
        return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def test_everything_in_it_is_there_afterwards(database: Path) -> None:
    assert schema(database) == "0003"
    store = opened(database)
    assert schema(database) == HEAD
    assert store.check() == []
    texts = store.texts.window("docs", after_seq=0, limit=100)
    assert len(texts) == 12
    assert (texts[1].text.group, texts[1].text.labels, texts[1].text.target) == ("g1", {"channel": "web"}, "a")
    assert "'quotes' and ünïcode" in texts[0].text.body
    assert texts[3].text.turns[0].content == "hi"
    cursor = store.texts.cursor("docs", "log")
    assert cursor is not None
    assert cursor.position == '{"offset": 123}'
    result = store.windows.result("docs", 0)
    assert result is not None
    assert (result.alarmed, result.exemplars) == (True, ("an exemplar",))
    assert store.windows.monitor_states("docs", reference="r1") == {"evidence": b"\x00\x01state"}
    assert store.windows.position("docs").after_seq == 6
    assert store.runs.get(RunId("docs-w0000000")).state is RunState.COLLECTING
    assert [stored.decision.policy for stored in store.decisions.recent("docs", limit=9)] == ["p1"]
    assert [delivery.alert.key for delivery in store.outbox.due(AT, limit=9)] == ["k1"]
    champion, reference = store.registry.champion("docs"), store.registry.reference("docs")
    assert champion is not None
    assert reference is not None
    assert (champion.version, reference.version) == ("m1", "r1")
    assert store.marks.false("docs") == 1
    assert store.feedback.between("docs", first_seq=1, last_seq=12)[0].correct is False
    store.close()


def test_what_is_new_works_in_it(database: Path) -> None:
    store = opened(database)
    assert store.audit.recent(limit=9) == []
    assert list(store.pauses.open(stream="docs")) == []
    assert store.forgetting.held("docs", "g1").ids == ("t1", "t5", "t9")
    store.close()
    opened(database).close()  # and a second start finds nothing to do


def test_an_upgrade_cut_off_leaves_the_database_as_it_was(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic import command

    real = command.upgrade

    def cut(*arguments: object, **options: object) -> None:
        real(*arguments, **options)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(command, "upgrade", cut)
        with pytest.raises(KeyboardInterrupt):
            opened(database)
    assert schema(database) == "0003"
    opened(database).close()
    assert schema(database) == HEAD


def test_only_who_may_write_brings_it_up_to_date(database: Path) -> None:
    with pytest.raises(StoreVersionError, match="start the daemon once"):
        open_store(database, clock=Still(), read_only=True)
    assert schema(database) == "0003"


def test_one_of_a_later_release_is_refused_untouched(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreVersionError, match="a newer driftwatch wrote this"):
        opened(database)
    assert schema(database) == "9999"
