"""Reports that rules ask for: told at once, made once, and a failure is told and not tried again."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alert_samples import Hand
from policy_stream import START, Stream, window

from driftwatch.alert import messages
from driftwatch.alert.links import linked
from driftwatch.config import load_config
from driftwatch.daemon.reports import Reporting
from driftwatch.domain.decision import Action
from driftwatch.policy.rules import parse_policies
from driftwatch.store import Step, Store, open_store
from driftwatch.wiring.incidents import report_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from driftwatch.config import Config
    from driftwatch.domain.alert import Alert

RULES = "stream: '*'\nrules:\n  - {name: look, when: loss.increase > 0.05, do: report, labels: {team: nlp}}\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "driftwatch.toml").write_text('state_dir = "state"\n[streams.s]\n')
    return load_config(tmp_path / "driftwatch.toml", environ={})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(tmp_path / "d.db", clock=Hand(START))
    yield store
    store.close()


def asked(store: Store, *increases: float) -> list[Alert]:
    """Decide on windows and return what was told at once."""
    stream = Stream(parse_policies({"p.yaml": RULES}, streams=["s"], recipes=[]))
    told: list[Alert] = []
    for index, increase in enumerate(increases):
        result = window(index, loss__increase=increase)
        decided = stream.see(result)
        alerts = tuple(
            messages.report_asked(decision, result=result, labels={"severity": "ticket", "team": "nlp"})
            for decision in decided.decisions
            if decision.action is Action.REPORT
        )
        told += alerts
        step = Step(result=result, states={}, decisions=decided.decisions, alerts=alerts, receivers=("hook",))
        store.windows.commit_step(step)
    return told


class Maker:
    """Writes a report, or says why not."""

    def __init__(self, problem: str | None = None) -> None:
        self.problem = problem
        self.asked: list[tuple[str, int]] = []

    def __call__(self, config: Config, stream: str, index: int) -> str | None:
        self.asked.append((stream, index))
        if self.problem is None:
            file = config.state_dir / "reports" / stream / f"{index}.html"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("<html>")
        return self.problem


def round_of(config: Config, store: Store, make: Maker) -> Reporting:
    return Reporting(config, store, clock=Hand(START), receivers=("hook",), make=make)


def test_the_word_of_a_report_is_information_with_links(store: Store) -> None:
    (alert,) = asked(store, 0.1)
    assert (alert.name, alert.severity, alert.ends_at) == ("WindowReport", "info", alert.starts_at)
    assert alert.labels == {"team": "nlp", "rule": "look"}
    assert linked(alert, "https://watch.example.org/") == {
        "incident": "https://watch.example.org/streams/s/incidents/0",
        "report": "https://watch.example.org/streams/s/windows/0/report",
    }
    assert linked(alert, None)["report"] == "/streams/s/windows/0/report"


def test_each_report_is_made_once_over_restarts(config: Config, store: Store) -> None:
    make = Maker()
    reporting = round_of(config, store, make)
    reporting.make_all()
    asked(store, 0.1, 0.1, 0.0, 0.1)
    for each in (reporting, reporting, round_of(config, store, make)):
        each.make_all()
    assert make.asked == [("s", 0), ("s", 3)]
    assert report_file(config, "s", 3) is not None


def test_a_report_that_cannot_be_made_is_told_once_and_not_tried_again(config: Config, store: Store) -> None:
    make = Maker("the texts of window 0 are gone by retention")
    asked(store, 0.1)
    for _ in range(2):
        round_of(config, store, make).make_all()
    assert make.asked == [("s", 0)]
    told = [delivery.alert for delivery in store.outbox.due(START + timedelta(days=1), limit=10)]
    assert [alert.name for alert in told] == ["WindowReport", "ReportFailed"]
    assert "The texts of window 0 are gone by retention." in told[1].description


def test_a_report_goes_with_its_retention_and_is_not_made_again(config: Config, store: Store) -> None:
    make, clock = Maker(), Hand(START)
    asked(store, 0.1)
    reporting = Reporting(config, store, clock=clock, receivers=("hook",), make=make)
    reporting.make_all()
    file = report_file(config, "s", 0)
    assert file is not None
    os.utime(file, (START.timestamp(), START.timestamp()))
    note = file.with_name("7.failed")
    note.write_text("the texts of window 7 are gone by retention")
    os.utime(note, (START.timestamp(), START.timestamp()))
    kept = file.with_name("notes.txt")
    kept.write_text("somebody's own")
    os.utime(kept, (START.timestamp(), START.timestamp()))
    clock.pass_by(timedelta(days=29))
    reporting.prune_all()
    assert file.exists()
    clock.pass_by(timedelta(days=2))
    reporting.prune_all()
    assert [left.name for left in file.parent.iterdir()] == ["notes.txt"]
    Reporting(config, store, clock=clock, receivers=("hook",), make=make).make_all()
    assert make.asked == [("s", 0)]


def test_a_report_in_a_process_of_its_own_says_why_it_failed(config: Config) -> None:
    from driftwatch.wiring import report_apart

    problem = report_apart(config, "s", 7)
    assert problem is not None
    assert "has no window 7" in problem
