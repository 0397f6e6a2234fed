"""A store on PostgreSQL, dumped and restored by PostgreSQL's own tools, with the files by ours: the daemon goes on."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from assessed import decisions, monitor_states, results
from corpus import paragraphs
from deployment import (
    DRIFTED,
    QUIET,
    STREAM,
    WINDOW,
    Daemon,
    Deployment,
    configure,
    deploy,
    ready,
    run,
    twin,
    until,
)
from postgres import PostgresServer, Stores, postgres_binaries

from driftwatch.domain.decision import Action
from driftwatch.store import Store

pytestmark = pytest.mark.slow
DUMPED_AFTER, BEYOND = 2, 25
"""Windows, and texts of the next one, that the dump holds."""
QUIET_WINDOWS, DRIFTED_WINDOWS = 2, 3
RULES = f"""\
stream: [{STREAM}]
rules:
  - {{name: suffers, when: loss.increase > 0.05, for: 2 windows, do: alert, limits: {{cooldown: 1h}}}}
"""


def script() -> list[str]:
    quiet = paragraphs(QUIET, 1_000 + QUIET_WINDOWS * WINDOW)[1_000:]
    return quiet + paragraphs(DRIFTED, DRIFTED_WINDOWS * WINDOW)


def calls(program: str, *arguments: str) -> None:
    subprocess.run([str(postgres_binaries() / program), *arguments], check=True, capture_output=True, timeout=120)


def assessed(store: Store, windows: int) -> None:
    until(lambda: True if store.windows.position(STREAM).index >= windows else None, f"{windows} windows")


def taken(store: Store, texts: int) -> None:
    until(lambda: True if store.texts.backlog(STREAM, after_seq=0) >= texts else None, f"{texts} texts")


def decided(store: Store) -> list[tuple[object, ...]]:
    return [(each.window, each.rule, each.action, each.policy) for each in decisions(store)]


def dumped_in_the_middle(here: Deployment, folder: Path, said: list[str]) -> None:
    """Dump the database and copy the files while the daemon runs; what comes in later is in neither."""
    held = DUMPED_AFTER * WINDOW + BEYOND
    store = here.store()
    with Daemon(here) as daemon:
        until(lambda: ready(here), "the daemon to be ready")
        here.append(said[:held], start=0)
        taken(store, held)
        assessed(store, DUMPED_AFTER)
        assert here.database is not None
        calls("pg_dump", "--format=custom", f"--file={folder / 'driftwatch.dump'}", here.database)
        run("backup", str(folder / "files"), "--config", str(here.config))
        here.append(said[held:], start=held)
        assessed(store, DUMPED_AFTER + 1)
        daemon.kill()
    store.close()


def restored(here: Deployment, folder: Path, server: PostgresServer) -> Deployment:
    """Return the deployment on a new database, its files back at their place."""
    there = replace(here, database=server.fresh())
    assert there.database is not None
    calls("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={there.database}", str(folder / "driftwatch.dump"))
    here.state.rename(folder / "state-before")
    configure(there)
    run("restore", str(folder / "files"), "--config", str(there.config))
    return there


def test_a_dump_of_the_database_and_a_backup_of_the_files_are_gone_on_from(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    said = script()
    here = deploy(tmp_path / "here", Stores(postgres_server))
    (here.folder / "policies" / "policy.yaml").write_text(RULES)
    alone = twin(here, tmp_path / "alone")
    (backups := tmp_path / "backups").mkdir()
    dumped_in_the_middle(here, backups, said)
    there = restored(here, backups, postgres_server)
    store = there.store()
    assert store.windows.position(STREAM).index == DUMPED_AFTER
    assert store.texts.backlog(STREAM, after_seq=0) == DUMPED_AFTER * WINDOW + BEYOND
    with Daemon(there) as daemon:
        assessed(store, len(said) // WINDOW)
        assert daemon.stop() == 0
    only = alone.store()
    alone.append(said, start=0)
    with Daemon(alone) as daemon:
        assessed(only, len(said) // WINDOW)
        assert daemon.stop() == 0
    assert results(store) == results(only), "the same windows as without an end"
    assert decided(store) == decided(only)
    assert Action.ALERT in {action for _, _, action, _ in decided(store)}
    kept = [[each.text.body for each in one.texts.window(STREAM, after_seq=0, limit=10_000)] for one in (store, only)]
    assert kept[0] == kept[1] == said, "none lost, none twice"
    assert monitor_states(store) == monitor_states(only)
    for each in (store, only):
        each.close()
