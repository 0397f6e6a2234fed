"""The durable core on real databases: exactly once, whole or not at all, and clear words when it cannot."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config as AlembicConfig
from run_samples import run_spec
from sqlalchemy import insert, inspect

from driftwatch.domain.alert import Alert
from driftwatch.domain.audit import AuditEntry
from driftwatch.domain.decision import Action, Decision, RuleState
from driftwatch.domain.drift import Measure, Outcome, WindowResult, WordShift
from driftwatch.domain.errors import (
    ConflictError,
    NotFoundError,
    StoreCorruptError,
    StoreUnavailableError,
    StoreVersionError,
)
from driftwatch.domain.features import Digest
from driftwatch.domain.mark import Mark
from driftwatch.domain.run import (
    GateMeasure,
    Progress,
    RunId,
    RunSpec,
    RunState,
    Verdict,
    VerdictOutcome,
)
from driftwatch.domain.text import Cursor, Text
from driftwatch.store import Champion, ReferenceRow, Step, Store, migrations, open_store
from driftwatch.store.database import Database
from driftwatch.store.tables import METADATA, windows
from driftwatch.store.values import dump

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MARKED = AuditEntry(at=NOW, who="me", what="alarm-marked-false", subject="s/1")
S = "support"
OPENED = "place = sys.argv[1]; place = place if '://' in place else Path(place)"
"""A line of a program of its own: the place of the store."""
pytestmark = pytest.mark.both_stores


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(store_place: Path | str, clock: Clock) -> Iterator[Store]:
    opened = open_store(store_place, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def file_store(tmp_path: Path, clock: Clock) -> Store:
    return open_store(tmp_path / "driftwatch.db", clock=clock)


def texts(count: int, *, start: int = 0, group: str | None = None) -> list[Text]:
    return [Text(id=f"t{n}", body=f"body {n}", seen_at=NOW, group=group) for n in range(start, start + count)]


def take(store: Store, count: int, *, start: int = 0, group: str | None = None) -> None:
    store.texts.take_in(S, source="file", texts=texts(count, start=start, group=group), cursor=None, counts={})


def result(index: int = 0, *, first: int = 1, last: int = 50) -> WindowResult:
    return WindowResult(
        stream=S,
        index=index,
        first_seq=first,
        last_seq=last,
        texts=50,
        distinct=50,
        first_seen_at=NOW,
        last_seen_at=NOW,
        reference="r1",
        champion="m1",
        outcome=Outcome.ASSESSED,
        measures=(Measure(name="embedding.mmd2", value=0.1 + 0.2, null_high=1e-300),),
        words=(WordShift(word="déjà", share=0.1, reference_share=0.0, z=4.5),),
    )


def spec(run: str = "support-w0") -> RunSpec:
    return run_spec(run, stream=S, rule="suffers", window=0, last_seq=50)


def alert(key: str = "k") -> Alert:
    return Alert(key=key, name="N", stream=S, severity="info", summary="s", description="d", starts_at=NOW)


def step(index: int = 0) -> Step:
    decision = Decision(stream=S, window=index, rule="suffers", action=Action.RETRAIN, reasons=(), at=NOW, policy="p")
    return Step(
        result=result(index),
        states={"embedding": b"\x00state"},
        decisions=(decision,),
        rule_states=(RuleState(rule="suffers", fingerprint="f", since_window=0, since_at=NOW),),
        alerts=(alert(),),
        receivers=("webhook", "alertmanager"),
        runs=(spec(),),
    )


def test_texts_are_taken_in_once_with_cursor_and_counts(store: Store) -> None:
    cursor = Cursor(source="file", position="12")
    first = store.texts.take_in(S, source="file", texts=texts(3), cursor=cursor, counts={"not-json": 2})
    again = store.texts.take_in(S, source="file", texts=texts(4), cursor=None, counts={})
    assert (first.stored, first.duplicates, again.stored, again.duplicates) == (3, 0, 1, 3)
    assert store.texts.cursor(S, "file") == cursor
    assert store.counts.intake() == {
        (S, "file", "stored"): 4,
        (S, "file", "duplicate"): 3,
        (S, "file", "not-json"): 2,
    }
    assert [each.text for each in store.texts.window(S, after_seq=0, limit=9)] == texts(4)
    assert store.counts.last_text_at() == {S: NOW}
    assert store.texts.window("other", after_seq=0, limit=9) == []


def test_labels_groups_and_odd_bodies_come_back(store: Store) -> None:
    odd = Text(id="é" * 100, body="\u0000 \U0001f600 \r\n", seen_at=NOW, group="g", labels={"lang": "fr"})
    store.texts.take_in(S, source="http", texts=[odd], cursor=None, counts={})
    kept = odd if store._database.file is not None else replace(odd, body=odd.body.replace("\0", "\ufffd"))
    assert store.texts.window(S, after_seq=0, limit=1)[0].text == kept
    assert store.texts.forget(S, group="g") == 1
    assert store.texts.backlog(S, after_seq=0) == 0


def test_a_step_happens_once(store: Store) -> None:
    take(store, 60)
    assert store.windows.begin_attempt(S, 0) == 1
    for _ in range(2):
        store.windows.commit_step(step())
    position = store.windows.position(S)
    assert (position.index, position.after_seq, position.attempts) == (1, 50, 0)
    assert store.windows.result(S, 0) == result()
    assert store.windows.monitor_states(S, reference="r1") == {"embedding": b"\x00state"}
    assert store.windows.monitor_states(S, reference="r2") == {}
    assert [(d.decision.rule, d.run) for d in store.decisions.recent(S, limit=9)] == [("suffers", "support-w0")]
    assert store.decisions.count() == {(S, "suffers", "retrain"): 1}
    assert store.decisions.rule_states(S)["suffers"].since_at == NOW
    assert [run.spec for run in store.runs.list()] == [spec()]
    assert store.outbox.counts() == {("webhook", "pending"): 1, ("alertmanager", "pending"): 1}
    assert store.windows.count() == {(S, "assessed"): 1}
    assert list(store.windows.since(NOW)) == [result()]
    assert list(store.windows.since(NOW + timedelta(seconds=1))) == []


def test_attempts_are_counted_withdrawn_and_end_in_quarantine(store: Store) -> None:
    take(store, 60)
    assert [store.windows.begin_attempt(S, 0) for _ in range(3)] == [1, 2, 3]
    store.windows.withdraw_attempt(S, 0)
    assert store.windows.position(S).attempts == 2
    for _ in range(2):
        store.windows.skip(S, 0, last_seq=50, reason="died")
    assert store.counts.intake()[S, "assessment", "quarantined"] == 50
    assert store.texts.backlog(S, after_seq=0) == 10
    assert next(store.texts.span(S, first_seq=1, last_seq=55)).seq == 51
    position = store.windows.position(S)
    assert (position.index, position.after_seq, position.attempts) == (0, 50, 0)


def test_retention_spares_what_is_wanted(store: Store, clock: Clock) -> None:
    take(store, 10)
    clock.at = NOW + timedelta(days=40)
    take(store, 10, start=10)
    assert store.texts.prune(S, older_than=clock.at - timedelta(days=30), keep=None, before_seq=6) == 5
    assert store.texts.prune(S, older_than=None, keep=12, before_seq=100) == 3
    assert store.texts.prune(S, older_than=None, keep=None, before_seq=100) == 0
    assert store.texts.backlog(S, after_seq=0) == 12


def test_a_run_moves_along_its_machine_only(store: Store) -> None:
    store.runs.create(spec(), reason="by hand")
    store.runs.create(spec(), reason="again")
    with pytest.raises(ConflictError, match="cannot become kept"):
        store.runs.move(spec().id, to=RunState.KEPT, reason="x")
    with pytest.raises(ConflictError, match="not awaiting-approval"):
        store.runs.move(spec().id, to=RunState.COLLECTING, reason="x", expect=(RunState.AWAITING_APPROVAL,))
    for state in (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.TRAINING, RunState.JUDGING):
        store.runs.move(spec().id, to=state, reason=state.value, round=1, alerts=(alert(),), receivers=("w",))
    store.runs.progress(spec().id, Progress(stage="judging", done=1, total=3, figures={"loss": 0.5}))
    measure = GateMeasure(name="gain", value=0.1, low=0.0, high=0.2, limit=0.01, unit="nats/token", n=9)
    verdict = Verdict(gate="quality", round=1, outcome=VerdictOutcome.PASSED, detail="d", measures=(measure,))
    for _ in range(2):
        store.runs.add_verdict(spec().id, verdict)
    run = store.runs.get(spec().id)
    assert run.verdicts == (verdict,)
    assert run.progress is not None
    assert [moved.state.value for moved in run.transitions][:2] == ["queued", "collecting"]
    assert store.outbox.counts() == {("w", "pending"): 1}
    store.runs.request_cancel(spec().id)
    assert store.runs.cancel_requested(spec().id)
    store.runs.move(spec().id, to=RunState.CANCELLED, reason="asked")
    assert store.runs.last_finished(S) == NOW
    with pytest.raises(ConflictError, match="is cancelled"):
        store.runs.request_cancel(spec().id)
    with pytest.raises(NotFoundError, match="no run nobody"):
        store.runs.get(RunId("nobody"))


def test_one_champion_and_one_reference_are_in_force(store: Store) -> None:
    def reference(version: str) -> ReferenceRow:
        return ReferenceRow(
            stream=S,
            version=version,
            path=f"/{version}",
            encoder=Digest("e"),
            tokenizer=Digest("t"),
            champion=Digest("c"),
            texts=9,
            created_at=NOW,
            in_force=False,
        )

    first = Champion(stream=S, version="m1", path="/m1", digest=Digest("d1"), at=NOW)
    assert store.registry.champion(S) is None
    store.registry.set_champion(first, reference=reference("r1"), reason="first")
    store.windows.commit_step(replace(step(), runs=()))
    store.runs.create(spec(), reason="x")
    for state in (RunState.COLLECTING, RunState.TRAINING, RunState.JUDGING, RunState.PROMOTING):
        store.runs.move(spec().id, to=state, reason="x")
    second = replace(first, version="m2", path="/m2", run=spec().id, previous="m1", reference="r2")
    for _ in range(2):
        store.registry.set_champion(second, reference=reference("r2"), run=spec().id, to=RunState.KEPT, reason="better")
    assert store.registry.champion(S) == second
    assert [each.version for each in store.registry.champions(S)] == ["m2", "m1"]
    assert {row.version: row.in_force for row in store.registry.references(S)} == {"r1": False, "r2": True}
    assert store.windows.monitor_states(S, reference="r1") == {}
    assert store.runs.get(spec().id).state is RunState.KEPT


def test_the_outbox_delivers_retries_and_resolves(store: Store, clock: Clock) -> None:
    store.outbox.put([alert(), alert()], ["w"])
    (delivery,) = store.outbox.due(NOW, limit=9)
    store.outbox.retry(delivery.id, due_at=NOW + timedelta(minutes=1), error="down")
    assert store.outbox.due(NOW, limit=9) == []
    assert store.outbox.oldest_pending() == NOW
    store.outbox.delivered(delivery.id)
    assert [each.id for each in store.outbox.firing("w")] == [delivery.id]
    clock.at = NOW + timedelta(hours=1)
    store.outbox.resolve("k", at=clock.at)
    (over,) = store.outbox.due(clock.at, limit=9)
    assert over.alert.ends_at == clock.at
    store.outbox.dead(over.id, error="gone")
    assert store.outbox.counts() == {("w", "dead"): 1}


def test_opening_again_is_light(store: Store, store_place: Path | str) -> None:
    store.close()
    program = (
        f"import sys; from pathlib import Path; from driftwatch.store import open_store; {OPENED}\n"
        "open_store(place, clock=None).close()\n"
        "print([n for n in ('alembic', 'numpy', 'torch', 'scipy') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program, str(store_place)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_several_processes_make_one_store(store_place: Path | str, clock: Clock) -> None:
    program = (
        f"import sys; from pathlib import Path; from driftwatch.store import open_store; {OPENED}\n"
        "sys.stdin.read(1); open_store(place, clock=None).close()"
    )
    command_line = [sys.executable, "-c", program, str(store_place)]
    openers = [subprocess.Popen(command_line, stdin=subprocess.PIPE) for _ in range(2)]
    for opener in openers:
        opener.communicate(b"x")
    assert [opener.returncode for opener in openers] == [0, 0]
    opened = open_store(store_place, clock=clock)
    assert opened.check() == []
    opened.close()


def test_several_threads_store_each_text_once(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        for start in (0, 20, 0, 20, 40, 30):
            pool.submit(take, store, 30, start=start)
    stored = [each.text.id for each in store.texts.window(S, after_seq=0, limit=999)]
    assert sorted(stored) == sorted(text.id for text in texts(70))
    counts = store.counts.intake()
    assert counts[S, "file", "stored"] == 70
    assert counts[S, "file", "duplicate"] == 110


def test_migrations_make_the_schema_that_the_code_knows(store: Store, store_place: Path | str) -> None:
    store.close()
    database = Database(store_place)
    with database.read() as connection:
        found = inspect(connection)
        for table in METADATA.sorted_tables:
            columns = {column["name"]: column["nullable"] for column in found.get_columns(table.name)}
            assert columns == {column.name: column.nullable for column in table.columns}, table.name
            assert {each["name"] for each in found.get_indexes(table.name)} >= {each.name for each in table.indexes}
    database.close()


def test_a_store_of_the_first_schema_comes_up_to_date_with_its_rows(store_place: Path | str, clock: Clock) -> None:
    """What 0001 wrote is there after 0002, and the new table takes rows."""
    database = Database(store_place)
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO cursors (stream, source, position) VALUES ('s', 'file', '7')")
        row = {"stream": S, "index": 4, "outcome": "assessed", "assessed_at": 1, "result": dump(result(4))}
        connection.execute(insert(windows), [row])
    database.close()
    with pytest.raises(StoreVersionError, match="its schema is 0001"):
        open_store(store_place, clock=clock, migrate=False)
    renewed = open_store(store_place, clock=clock)
    cursor = renewed.texts.cursor("s", "file")
    assert cursor is not None
    assert cursor.position == "7"
    assert renewed.windows.result(S, 4) == result(4)
    assert renewed.windows.count() == {(S, "assessed"): 1}
    renewed.marks.put(Mark(stream="s", window=1, false=True, note="", who="me", at=NOW), entry=MARKED)
    assert renewed.marks.false("s") == 1
    renewed.close()


@pytest.mark.parametrize("index", [-1, 1, 2**63 - 1, 2**63, 10**30])
def test_there_is_no_window_of_a_number_that_no_window_has(store: Store, index: int) -> None:
    assert store.windows.result(S, index) is None


def test_one_mark_an_alarm_and_the_last_word_counts(store: Store) -> None:
    first = Mark(stream=S, window=4, false=True, note="a test", who="ann", at=NOW)
    second = Mark(stream=S, window=4, false=False, note="no, it was real", who="bob", at=NOW + timedelta(hours=1))
    other = Mark(stream=S, window=9, false=True, note="\u00e9 \U0001f600", who="bob", at=NOW)
    store.marks.put(first, entry=MARKED)
    assert (store.marks.get(S, 4), store.marks.false(S)) == (first, 1)
    for mark in (second, other):
        store.marks.put(mark, entry=MARKED)
    assert store.marks.between(S, first=0, last=9) == [second, other]
    assert store.marks.between(S, first=5, last=8) == []
    assert (store.marks.get(S, 5), store.marks.get("other", 4)) == (None, None)
    assert (store.marks.false(S), store.marks.false("other")) == (1, 0)


def damaged(path: Path, clock: Clock) -> None:
    open_store(path, clock=clock).close()
    content = bytearray(path.read_bytes())
    content[100:4096] = b"\xff" * 3996
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("prepare", "error", "said"),
    [
        (lambda path, _: path.write_text("no database at all, just text" * 50), StoreCorruptError, "damaged"),
        (damaged, StoreCorruptError, "damaged"),
        (lambda path, _: sqlite3.connect(path).execute("CREATE TABLE mine (a)"), StoreCorruptError, "something else"),
        (lambda path, _: path.mkdir(), StoreUnavailableError, "this is a folder"),
        (lambda path, _: path.parent.rmdir(), StoreUnavailableError, "does not exist"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_is_no_store_is_told(
    tmp_path: Path, clock: Clock, prepare: object, error: type[Exception], said: str
) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    prepare(folder / "driftwatch.db", clock)  # type: ignore[operator]
    with pytest.raises(error, match=said):
        open_store(folder / "driftwatch.db", clock=clock)


def test_a_newer_schema_is_refused_untouched(store: Store, store_place: Path | str, clock: Clock) -> None:
    store.close()
    database = Database(store_place)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(StoreVersionError, match="a newer driftwatch wrote this"):
        open_store(store_place, clock=clock)


def test_a_full_disk_loses_nothing(file_store: Store, tmp_path: Path) -> None:
    store = file_store
    take(store, 10)
    store.close()
    # Each connection has its own limit of pages: give every one of this store's the present size.
    database = store._database
    with database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    from sqlalchemy import event

    @event.listens_for(database.engine, "connect")
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages}")

    database.engine.dispose()
    cursor = Cursor(source="file", position="far")
    large = [replace(text, body="x" * 5_000) for text in texts(200, start=10)]
    with pytest.raises(StoreUnavailableError, match="disk is full"):
        store.texts.take_in(S, source="file", texts=large, cursor=cursor, counts={})
    assert store.texts.backlog(S, after_seq=0) == 10
    assert store.texts.cursor(S, "file") is None
    assert tmp_path.exists()


def test_a_read_only_store_refuses_writes(store: Store, store_place: Path | str, clock: Clock) -> None:
    take(store, 1)
    store.close()
    reader = open_store(store_place, clock=clock, read_only=True)
    assert reader.texts.backlog(S, after_seq=0) == 1
    with pytest.raises(StoreUnavailableError, match="cannot be written"):
        take(reader, 1, start=5)
    reader.close()


def test_the_database_is_its_owners_alone(file_store: Store, tmp_path: Path) -> None:
    take(file_store, 1)
    assert [path.stat().st_mode & 0o077 for path in tmp_path.glob("driftwatch.db*")] == [0, 0, 0]


def test_integrity_is_checked(store: Store) -> None:
    assert store.check() == []
    assert store.size() > 0


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from driftwatch.domain.text import Cursor, Text
from driftwatch.store import open_store
class Clock:
    def now(self): return datetime(2026, 1, 1, tzinfo=UTC)
place = sys.argv[1]
store = open_store(place if "://" in place else Path(place), clock=Clock())
print("up", flush=True)
while True:
    at = store.texts.cursor("support", "file")
    n = int(at.position) if at else 0
    batch = [Text(id=f"t{i}", body="b", seen_at=Clock().now()) for i in range(n, n + 7)]
    cursor = Cursor(source="file", position=str(n + 7))
    store.texts.take_in("support", source="file", texts=batch, cursor=cursor, counts={})
"""


def test_kill_9_loses_and_repeats_nothing(store: Store, store_place: Path | str) -> None:
    store.close()
    choice = random.Random(5)
    for _ in range(10):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(store_place)], stdout=subprocess.PIPE)
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"up\n"
        try:
            writer.wait(choice.uniform(0.01, 0.3))
        except subprocess.TimeoutExpired:
            os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    at = store.texts.cursor(S, "file")
    assert at is not None
    count = int(at.position)
    assert count > 7
    stored = [each.text.id for each in store.texts.window(S, after_seq=0, limit=10**6)]
    assert stored == [f"t{n}" for n in range(count)]
    assert store.counts.intake()[S, "file", "stored"] == count
    assert store.check() == []


def test_the_audit_log_keeps_who_did_what(store: Store) -> None:
    first = AuditEntry(at=NOW, who="alice", what="paused", subject=S, detail={"because": "a fair \N{EM DASH} today"})
    later = AuditEntry(at=NOW + timedelta(hours=1), who="file watcher", what="policy-loaded", subject="policy")
    store.audit.put(first)
    store.audit.put(later)
    assert store.audit.recent(limit=10) == [later, first]
    assert store.audit.recent(limit=1) == [later]
    assert store.audit.recent(what=("paused", "resumed"), limit=10) == [first]
    assert store.audit.recent(subject=S, limit=10) == [first]
    assert store.audit.recent(what=(), limit=10) == []
