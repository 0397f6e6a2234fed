"""The replay as people ask for it: figures, JSON, pictures, and what is told where it cannot be."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from living import Life
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from pathlib import Path

RULES = """\
stream: [s]
rules:
  - {name: tell, when: drift.alarm, do: alert}
  - {name: learn, when: drift.alarm, for: 2 windows, do: retrain, recipe: small, need: {fresh_texts: 20}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("replayed")
    (made / "driftwatch.toml").write_text("[streams.s]\n[streams.idle]\n")
    (made / "policies").mkdir()
    (made / "state").mkdir()
    (made / "policies" / "now.yaml").write_text(RULES)
    (made / "quiet.yaml").write_text(RULES.replace("for: 2 windows", "for: 40 windows"))
    life = Life(made / "state" / "driftwatch.db", RULES)
    for index in range(40):
        life.pass_window(drift__alarm=float(index >= 20))
        for run in life.waiting() if index == 30 else ():
            life.finish(run.spec.id, hours=2.5)
    assert [run.state for run in life.store.runs.list()] == [RunState.KEPT]
    life.store.close()
    return made


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.delenv("DRIFTWATCH_CONFIG", raising=False)


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["policy", "replay", *arguments], env={"COLUMNS": "160"})
    assert done.exit_code == code, done.output
    return done.stdout if code == 0 else done.stderr


def test_the_rules_in_force_decide_as_they_did() -> None:
    shown = said()
    assert "40 windows of 1d 15h, 2026-11-01 01:00 to 2026-11-02 16:00 UTC, by policy" in shown
    assert re.search(r"learn +│ was +│ +1 │ +20 │ for 2, limits.cooldown 17, running 9 +│ +1 │ +2\.5 │", shown), shown
    assert "every decision is the same as it was" in shown
    assert "by the rules of then" in said("--recorded")


def test_other_rules_are_set_beside_what_was() -> None:
    found = json.loads(said("--rules", "quiet.yaml", "--json"))
    tell, learn = found["rules"]
    assert (tell["recorded"]["acted"], learn["recorded"]["runs"]) == (tell["replayed"]["acted"], 1)
    assert learn["recorded"]["acted"] == [{"window": 21, "at": "2026-11-01T22:00:00Z"}]
    assert learn["replayed"] | {"waited": 20, "acted": [], "runs": 0, "hours": 0.0} == learn["replayed"]
    assert found["differing"] == 1
    assert (
        found["differences"][0] | {"rule": "learn", "recorded": "retrain", "replayed": "hold"}
        == (found["differences"][0])
    )
    assert found["diverged"] == {"s": "2026-11-01T22:00:00Z"}
    assert any("median time and hours" in each for each in found["assumptions"])


def test_a_part_of_the_time() -> None:
    found = json.loads(said("--since", "2026-11-02", "--until", "2026-11-02T06:00", "--stream", "s", "--json"))
    assert found["windows"] == {"s": 6}
    assert (found["first"], found["last"]) == ("2026-11-02T00:00:00Z", "2026-11-02T05:00:00Z")


@pytest.mark.parametrize("name", ["chart.html", "chart.svg"])
def test_a_chart_stands_alone(folder: Path, name: str) -> None:
    from xml.etree import ElementTree as ET

    said("--rules", "quiet.yaml", "--chart", name)
    drawn = (folder / name).read_text()
    svg = re.search(r"<svg.*</svg>", drawn)
    assert svg is not None
    circles = [each.get("class") for each in ET.fromstring(svg[0]).iter() if each.tag.endswith("circle")]  # noqa: S314
    assert circles.count("was") == 4, "three actions and the legend's"
    assert circles.count("alert") == 3
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")
    assert "<script" not in drawn


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--since", "soon"), 2, '--since: "soon" is no duration'),
        (("--since", "2026-13-01"), 2, '--since "2026-13-01" is no date'),
        (
            ("--since", "99999999d"),
            2,
            '--since "99999999d" is before the first of all dates\ncure: write 30d for the last',
        ),
        (("--since", "2026-11-02", "--until", "2026-11-01"), 2, "--since is not before --until"),
        (("--since", "2030-01-01"), 2, "no window was decided on in that time"),
        (("--stream", "idle"), 2, "no window was decided on in that time"),
        (("--stream", "none"), 4, "there is no stream none"),
        (("--rules", "none.yaml"), 2, "none.yaml: cannot be read"),
        (("--rules", "quiet.yaml", "--recorded"), 2, "exclude each other"),
        (("--chart", "chart.png"), 2, "a chart is an .html or an .svg file"),
        (("--chart", "nowhere/chart.svg"), 1, "it cannot be written"),
        (("--config", "none.toml"), 2, "none.toml"),
    ],
)
def test_what_cannot_be_replayed_is_told(arguments: tuple[str, ...], code: int, says: str) -> None:
    assert says in said(*arguments, code=code)
