"""Backup and restore with real files: what a daemon goes on from comes back, somewhere else too."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mixes import some
from run_samples import run_spec
from typer.testing import CliRunner, Result

from driftwatch.cli import app
from driftwatch.domain.features import Digest
from driftwatch.domain.run import RunId, RunState
from driftwatch.store import Champion, ReferenceRow, Store, open_store

AT = datetime(2026, 3, 1, tzinfo=UTC)
RULE = "stream: '*'\nrules:\n  - name: tell\n    when: drift.alarm\n    do: alert\n"
ENDED, WAITING = RunId("docs-w0000001"), RunId("docs-w0000002")


class Still:
    def now(self) -> datetime:
        return AT


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A deployment's files: the backup holds them by their hashes, whatever stands in them."""
    folder = tmp_path / "here"
    state = folder / "state"
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "default.yaml").write_text(RULE)
    (folder / "web.yml").write_text("basic_auth_users: {}\n")
    (folder / "server.key").write_text("KEY")
    (folder / "driftwatch.toml").write_text('[daemon]\nweb_config = "web.yml"\n[streams.docs]\n')
    for file, words in (
        ("models/docs/m1/weights", "WEIGHTS"),
        ("references/docs/r1/texts.json", "{}"),
        (f"runs/{ENDED}/data/fresh.jsonl", "{}"),
        (f"runs/{ENDED}/candidate-1/weights", "HEAVY"),
        (f"runs/{WAITING}/trained-1/weights", "HEAVY"),
        (f"runs/{WAITING}/candidate-1/weights", "WAITS"),
    ):
        (state / file).parent.mkdir(parents=True, exist_ok=True)
        (state / file).write_text(words)
    (state / "models" / "docs" / "current").symlink_to("m1")
    store = store_in(folder)
    store.texts.take_in("docs", source="log", texts=some(50), cursor=None, counts={})
    register(store, state)
    store.close()
    return folder


def store_in(folder: Path) -> Store:
    return open_store(folder / "state" / "driftwatch.db", clock=Still())


def register(store: Store, state: Path) -> None:
    row = ReferenceRow(
        stream="docs",
        version="r1",
        path=str(state / "references" / "docs" / "r1"),
        encoder=Digest("sha256:0"),
        tokenizer=Digest("sha256:0"),
        champion=None,
        texts=1,
        created_at=AT,
        in_force=False,
    )
    serving = Champion(
        stream="docs", version="m1", path=str(state / "models" / "docs" / "m1"), digest=Digest("sha256:0"), at=AT
    )
    store.registry.set_champion(serving, reference=row, reason="first")
    for run, states in (
        (ENDED, (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.REJECTED)),
        (WAITING, (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.AWAITING_APPROVAL)),
    ):
        store.runs.create(run_spec(run, stream="docs", window=1), reason="it drifted")
        for each in states:
            store.runs.move(run, to=each, reason="on")


def driftwatch(folder: Path, *arguments: str | Path) -> Result:
    given = [*map(str, arguments), "--config", str(folder / "driftwatch.toml")]
    return CliRunner().invoke(app, given, env={"COLUMNS": "200"})


def test_what_was_backed_up_comes_back_elsewhere(folder: Path, tmp_path: Path) -> None:
    made, there = tmp_path / "backup", tmp_path / "there"
    assert driftwatch(folder, "backup", made).exit_code == 0
    assert made.stat().st_mode & 0o077 == 0
    done = driftwatch(there, "restore", made)
    assert done.exit_code == 0, done.output
    state = there / "state"
    store = store_in(there)
    assert store.check() == []
    assert store.texts.backlog("docs", after_seq=0) == 50
    champion, reference = store.registry.champion("docs"), store.registry.reference("docs")
    store.close()
    assert champion is not None
    assert reference is not None
    assert (Path(champion.path) / "weights").read_text() == "WEIGHTS"
    assert (champion.path, reference.path) == (
        str(state / "models" / "docs" / "m1"),
        str(state / "references" / "docs" / "r1"),
    )
    assert (state / "models" / "docs" / "current").resolve() == (state / "models" / "docs" / "m1").resolve()
    assert (there / "policies" / "default.yaml").read_text() == RULE
    assert (there / "web.yml").exists()
    assert not (there / "server.key").exists()
    assert (state / "driftwatch.db").stat().st_mode & 0o077 == 0
    assert not (state / ".restoring").exists()


def test_weights_are_copied_where_they_may_still_be_promoted(folder: Path, tmp_path: Path) -> None:
    driftwatch(folder, "backup", tmp_path / "backup")
    runs = tmp_path / "backup" / "state" / "runs"
    assert [str(file.relative_to(runs)) for file in sorted(runs.rglob("*")) if file.is_file()] == [
        f"{ENDED}/data/fresh.jsonl",
        f"{WAITING}/candidate-1/weights",
    ]
    driftwatch(folder, "backup", tmp_path / "light", "--no-models")
    assert not (tmp_path / "light" / "state" / "models").exists()


def test_a_backup_of_a_store_that_is_written_to_is_one_state_of_it(folder: Path, tmp_path: Path) -> None:
    store, stop, began = store_in(folder), threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            batch = some(20, kind="w", first=number)
            store.texts.take_in("docs", source="log", texts=batch, cursor=None, counts={})
            number += 20
            began.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert began.wait(30)
        assert driftwatch(folder, "backup", tmp_path / "backup").exit_code == 0
    finally:
        stop.set()
        writer.join()
        store.close()
    with sqlite3.connect(tmp_path / "backup" / "state" / "driftwatch.db") as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (count,) = copy.execute("SELECT count(*) FROM texts").fetchone()
        (said,) = copy.execute("SELECT count FROM intake_counts WHERE outcome = 'stored'").fetchone()
    copy.close()
    assert count == said  # whole transactions only
    assert (count - 50) % 20 == 0
    assert count > 50


@pytest.mark.parametrize("damage", ["changed", "missing", "added", "no manifest"])
def test_a_damaged_backup_is_refused_before_anything_is_written(folder: Path, tmp_path: Path, damage: str) -> None:
    made, there = tmp_path / "backup", tmp_path / "there"
    driftwatch(folder, "backup", made)
    weights = made / "state" / "models" / "docs" / "m1" / "weights"
    match damage:
        case "changed":
            weights.write_text("OTHERS")
        case "missing":
            weights.unlink()
        case "added":
            (made / "state" / "stranger").touch()
        case _:
            (made / "driftwatch.json").unlink()
    refused = driftwatch(there, "restore", made)
    assert refused.exit_code == 2
    assert not there.exists()


def test_a_state_that_is_there_is_never_overwritten(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "backup"
    driftwatch(folder, "backup", made)
    refused = driftwatch(folder, "restore", made)
    assert (refused.exit_code, "there is a state already" in refused.output) == (5, True)
    assert driftwatch(folder, "backup", made).exit_code == 5


def test_a_restore_cut_off_is_done_again(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from driftwatch.wiring import backups

    made, there = tmp_path / "backup", tmp_path / "there"
    driftwatch(folder, "backup", made)

    def cut(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(backups, "move_paths", cut)
        assert driftwatch(there, "restore", made).exit_code == 130
    assert not (there / "state" / "driftwatch.db").exists()
    assert driftwatch(there, "restore", made).exit_code == 0
    assert (there / "state" / "driftwatch.db").exists()
