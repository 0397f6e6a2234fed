"""Alarms as people talk of them: listed, marked, and counted."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.domain.drift import DriftState, Measure, Onset, Outcome, WindowResult
from driftwatch.metrics import Expected, ExpectedStream, snapshot_from
from driftwatch.metrics.snapshot import DaemonFigures
from driftwatch.store import Store, open_store
from driftwatch.store.step import Step

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
IN_FORCE = (*[False] * 3, *[True] * 4, *[False] * 2, *[True] * 2)
"""Two alarms: windows 3 to 6, and from 9 on."""


class Still:
    def now(self) -> datetime:
        return NOON


def result(index: int, *, alarm: bool) -> WindowResult:
    at = NOON + timedelta(hours=index)
    return WindowResult(
        stream="docs",
        index=index,
        first_seq=index * 100 + 1,
        last_seq=index * 100 + 100,
        texts=100,
        distinct=100,
        first_seen_at=at,
        last_seen_at=at + timedelta(minutes=59),
        reference="r1",
        champion=None,
        outcome=Outcome.ASSESSED,
        measures=(Measure(name="drift.alarm", value=float(alarm)),),
        words=(),
        onset=Onset(seq=index * 100 - 20, seen_at=at - timedelta(minutes=20), texts=120) if alarm else None,
        state=DriftState.BENIGN_DRIFT if alarm else DriftState.STABLE,
    )


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "driftwatch.toml").write_text("[streams.docs]\n")
    (tmp_path / "state").mkdir()
    opened = open_store(tmp_path / "state" / "driftwatch.db", clock=Still())
    for index, alarm in enumerate(IN_FORCE):
        step = Step(
            result=result(index, alarm=alarm),
            states={},
            decisions=(),
            rule_states=(),
            alerts=(),
            receivers=(),
            runs=(),
        )
        opened.windows.commit_step(step)
    return opened


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["alarm", *arguments], env={"COLUMNS": "200", "LOGNAME": "ann"})
    assert done.exit_code == code, done.output
    return done.output


@pytest.mark.usefixtures("store")
def test_alarms_are_listed_from_their_begin_with_what_was_said() -> None:
    found = json.loads(said("list", "docs", "--json"))
    assert [(each["window"], each["last"], each["mark"]) for each in found] == [(9, 10, None), (3, 6, None)]
    assert found[1]["raised_at"] == "2026-11-02T15:59:00Z"
    assert [(each["in_force"], each["state"]) for each in found] == [(True, "benign-drift"), (False, "benign-drift")]
    assert found[1]["onset_at"] == "2026-11-02T14:40:00Z"
    assert "the alarm of window 3 is marked false; marked false in all: 1" in said(
        "mark", "docs", "5", "--false", "--note", "a test\nof the form"
    )
    shown = said("list", "docs")
    assert "false by ann: a test of the form" in shown
    assert "10, still" in shown
    assert "6, still" not in shown
    narrow = CliRunner().invoke(app, ["alarm", "list", "docs"], env={"COLUMNS": "80"}).output
    assert narrow.count("benign-drift") == 2, "a state is never cut short"
    short = json.loads(said("list", "docs", "--windows", "1", "--json"))
    assert [(each["window"], each["last"]) for each in short] == [(9, 10)]


def test_the_last_word_counts_at_once_in_the_metrics(store: Store) -> None:
    def marked() -> float:
        figures = DaemonFigures(
            version="0",
            started_at=NOON,
            ready=True,
            heartbeats={},
            loop_failures={},
            worker_up=True,
            worker_restarts=0,
            reload_ok=True,
            reloaded_at=NOON,
            loads={},
            load_tried_at=NOON,
        )
        snapshot = snapshot_from(store, Expected(streams={"docs": ExpectedStream()}), figures, at=NOON)
        return snapshot.streams[0].audit.marked

    assert marked() == 0
    said("mark", "docs", "10", "--false")
    said("mark", "docs", "3", "--false")
    assert marked() == 2
    said("mark", "docs", "9", "--true", "--note", "it was real")
    assert marked() == 1
    mark = store.marks.get("docs", 9)
    assert mark is not None
    assert (mark.false, mark.note, mark.who) == (False, "it was real", "ann")


def test_a_note_is_one_line_that_moves_no_terminal(store: Store) -> None:
    said("mark", "docs", "3", "--false", "--note", " caf\u00e9 \x1b[31mred\udcff \u202e\n\ttea ")
    mark = store.marks.get("docs", 3)
    assert mark is not None
    assert mark.note == "caf\u00e9 [31mred tea"


def test_a_user_without_a_name_marks_all_the_same(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr("getpass.getuser", nobody)
    said("mark", "docs", "3", "--false")
    mark = store.marks.get("docs", 3)
    assert mark is not None
    assert mark.who == "somebody"


@pytest.mark.usefixtures("store")
def test_a_stream_without_windows_has_no_alarm() -> None:
    Path("driftwatch.toml").write_text("[streams.docs]\n[streams.new]\n")
    assert "no alarm in the newest 5,000 windows of stream new" in said("list", "new")
    assert json.loads(said("list", "new", "--json")) == []


@pytest.mark.usefixtures("store")
def test_the_incident_page_shows_the_mark_or_how_to_make_one() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["incident", "docs", "5", "--out", "page.html"]).exit_code == 0
    assert "driftwatch alarm mark docs 5 --false" in Path("page.html").read_text()
    said("mark", "docs", "4", "--false", "--note", "<b>a test</b>")
    assert runner.invoke(app, ["incident", "docs", "5", "--out", "page.html"]).exit_code == 0
    page = Path("page.html").read_text()
    assert "Marked false by ann" in page
    assert "&lt;b&gt;a test" in page
    assert runner.invoke(app, ["incident", "docs", "1", "--out", "page.html"]).exit_code == 0
    assert "alarm mark" not in Path("page.html").read_text()


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("mark", "docs", "7", "--false"), 5, "no alarm is in force in window 7"),
        (("mark", "docs", "70", "--false"), 4, "stream docs has no window 70"),
        (("mark", "docs", "9" * 30, "--false"), 4, f"stream docs has no window {'9' * 30}"),
        (("mark", "docs", "--false", "--", "-1"), 2, "WINDOW"),
        (("mark", "dogs", "3", "--false"), 4, "there is no stream dogs"),
        (("list", "dogs"), 4, "there is no stream dogs"),
        (("mark", "docs", "3"), 2, "--false"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, ...], code: int, says: str) -> None:
    assert says in said(*arguments, code=code)


def test_an_alarm_older_than_a_page_of_windows_is_found_to_its_begin(store: Store) -> None:
    from driftwatch.wiring import begin_of

    for index in range(len(IN_FORCE), 260):
        store.windows.commit_step(
            Step(
                result=replace(result(index, alarm=True), first_seq=index * 100 + 1),
                states={},
                decisions=(),
                rule_states=(),
                alerts=(),
                receivers=(),
                runs=(),
            )
        )
    assert begin_of(store, result(259, alarm=True)) == 9
