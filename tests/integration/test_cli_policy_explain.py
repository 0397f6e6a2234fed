"""Why a decision was taken, and why a rule does nothing: as people ask for it, in words and as JSON."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alert_samples import Hand
from living import Life
from policy_stream import START
from sqlalchemy import update
from typer.testing import CliRunner

from driftwatch import wiring
from driftwatch.cli import app
from driftwatch.policy.rules import parse_policies
from driftwatch.store import open_store
from driftwatch.store.tables import windows

if TYPE_CHECKING:
    from pathlib import Path

RULES = """\
stream: [s]
rules:
  - {name: tell, when: drift.alarm && loss.increase > 0.05, for: 2 windows, do: alert}
  - {name: learn, when: drift.alarm, do: retrain, recipe: small, need: {fresh_texts: 20}, limits: {cooldown: 2d}}
  - {name: wide, when: drift.alarm, do: retrain, recipe: small, need: {fresh_texts: 1000000}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("explained")
    (made / "driftwatch.toml").write_text("[streams.s]\n[streams.t]\n")
    (made / "policies").mkdir()
    (made / "state").mkdir()
    (made / "policies" / "now.yaml").write_text(RULES.replace("stream: [s]", "stream: [s, t]"))
    life = Life(made / "state" / "driftwatch.db", RULES.replace("stream: [s]", "stream: [s, t]"), streams=("s", "t"))
    for index in range(8):
        life.pass_window(drift__alarm=float(index in (2, 3)), loss__increase=0.08)
        for run in life.waiting():
            life.finish(run.spec.id, hours=1.0)
    life.pass_window(drift__alarm=0.0)
    life.store.close()
    return made


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DRIFTWATCH_CONFIG", raising=False)
    return folder


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["policy", *arguments], env={"COLUMNS": "160"})
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def test_a_decision_is_told_with_every_part_of_its_condition() -> None:
    shown = said("explain", "s/3/tell")
    assert shown == said("explain", "10"), "the same decision by its number"
    lines = shown.splitlines()
    assert lines[0].startswith("decision 10: rule tell of stream s held on window 3 (2026-11-01 04:00:00 UTC), policy ")
    assert lines[1:] == [
        "+ when: true",
        "    drift.alarm && loss.increase > 0.05 = true",
        "      drift.alarm = true",
        "      loss.increase > 0.05 = true",
        "        loss.increase = 0.08 nats/token",
        "- for: true for 1 window since window 3 (2026-11-01 04:00:00 UTC), 2 windows needed",
        "    missing since window 2 (2026-11-01 03:00:00 UTC); never met before",
        "+ streak: not alerted yet in this streak",
    ]


def test_what_was_missing_is_told_with_since_when() -> None:
    shown = said("explain", "s/6/tell")
    assert "- when: false" in shown
    assert "missing since window 4 (2026-11-01 05:00:00 UTC); last met in window 3 (2026-11-01 04:00:00 UTC)" in shown
    assert "      drift.alarm = false" in shown
    kept_back = said("explain", "s/3/learn")
    assert "- limits.cooldown: last acted" in kept_back
    assert "next allowed 2026-11-03 03:00:00 UTC" in kept_back
    assert "missing since window 3" in kept_back


def test_an_action_is_told_with_nothing_missing() -> None:
    found = json.loads(said("explain", "s/2/learn", "--json"))
    assert (found["action"], found["missing"], found["note"]) == ("retrain", {}, "")
    assert all(reason["met"] for reason in found["reasons"])
    assert found["condition"] == {"text": "drift.alarm", "value": "true", "holds": True, "parts": []}


def test_why_not_tells_of_the_newest_window_and_of_what_else_is_in_the_way() -> None:
    shown = said("why-not", "learn", "--stream", "s")
    assert "held on window 8" in shown
    assert "missing since window 4" in shown
    assert "last met in window 3" in shown
    otherwise = said("why-not", "wide", "--stream", "s").split("were it true now, this would still keep it back:\n")[1]
    assert otherwise == "- need.fresh_texts: 20 texts since window 8, 1,000,000 needed\n"
    unmeasured = said("why-not", "tell", "--stream", "s")
    assert "neither true nor false, so nothing is done: not measured: loss.increase" in unmeasured
    assert "      drift.alarm = false" in unmeasured
    assert "      loss.increase > 0.05 = not measured: loss.increase" in unmeasured


def test_what_is_in_the_way_is_told_as_of_now(here: Path) -> None:
    store = open_store(here / "state" / "driftwatch.db", clock=Hand())
    policy = parse_policies(
        {"p.yaml": RULES.replace("stream: [s]", "stream: [s, t]")}, streams=["s", "t"], recipes=["small"]
    )

    def in_the_way(hours: int) -> list[str]:
        found = wiring.why_not(store, policy, "learn", stream="s", now=START + timedelta(hours=hours))
        return [f"{reason.subject}: {reason.detail}" for reason in found.otherwise]

    assert in_the_way(50) == [
        "limits.cooldown: last acted 1d 23h ago, cooldown 2d; next allowed 2026-11-03 03:00:00 UTC"
    ]
    assert in_the_way(51) == []
    store.close()


def test_why_not_asks_the_rules_in_force(here: Path) -> None:
    edited = RULES.replace("stream: [s]", "stream: [s, t]").replace("drift.alarm &&", "drift.alarm == false &&")
    (here / "policies" / "now.yaml").write_text(edited)
    try:
        shown = said("why-not", "tell", "--stream", "s")
    finally:
        (here / "policies" / "now.yaml").write_text(RULES.replace("stream: [s]", "stream: [s, t]"))
    assert "the rules were edited after the newest window" in shown
    assert "would hold on window 8" in shown
    assert "drift.alarm == false = true" in shown


def test_a_decision_of_an_earlier_version_is_told_as_it_was(here: Path) -> None:
    store = open_store(here / "state" / "driftwatch.db", clock=Hand())
    with store._database.write() as connection:
        connection.execute(update(windows).where(windows.c.index == 1).values(facts=None, memory=None))
    store.close()
    shown = said("explain", "s/1/tell")
    assert "note: an earlier version took this decision" in shown
    assert "- when: drift.alarm does not hold (drift.alarm = false)" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("explain", "9999"), 4, "there is no decision 9999\ncure: the newest is "),
        (("explain", "9" * 30), 2, "names no decision"),
        (("explain", "s/3"), 2, "write its number, or STREAM/WINDOW/RULE"),
        (("explain", "s/3/none"), 4, "rule none decided nothing on window 3 of stream s\ncure: these did: tell"),
        (("explain", "s/300/tell"), 4, "window 300 of stream s\ncure: its newest decisions are on window "),
        (("explain", "z/3/tell"), 4, "stream z\ncure: no rule has decided on this stream yet; driftwatch status shows"),
        (("why-not", "tell"), 2, "name one with --stream: s, t"),
        (("why-not", "tel", "--stream", "s"), 4, "did you mean tell?"),
        (("why-not", "zzz"), 4, "stream s has no rule zzz"),
        (("why-not", "tell", "--stream", "u"), 4, "there is no stream u"),
        (("why-not", "tell", "--stream", "t"), 2, "stream t has no window yet"),
    ],
)
def test_what_cannot_be_explained_is_told(arguments: tuple[str, ...], code: int, says: str) -> None:
    assert says in said(*arguments, code=code)
