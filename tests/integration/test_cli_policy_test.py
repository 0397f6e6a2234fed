"""``driftwatch policy test``: with a configuration or without, exit codes, JSON, and cases beside policies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from driftwatch.cli import app

POLICY = "stream: '*'\nrules:\n  - {name: tell, when: drift.alarm, do: alert}\n"
CASES = "policy: p.yaml\ntests:\n  - {name: one, series: {drift.alarm: false true}, acts: {tell: [1]}}\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRIFTWATCH_CONFIG", raising=False)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "p.yaml").write_text(POLICY)
    (tmp_path / "policies" / "p.test.yaml").write_text(CASES)
    return tmp_path


def said(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["policy", *arguments], env={"COLUMNS": "160"})
    assert done.exit_code == code, done.output
    return done.stderr if code not in (0, 1) else done.stdout


def test_without_a_configuration_files_are_named() -> None:
    assert said("test", "policies/p.test.yaml") == (
        "ok policies/p.test.yaml: one (2 windows)\n1 case, all as expected\n"
    )
    assert "driftwatch init writes a new one" in said("test", code=2)


def test_with_one_the_cases_beside_the_policies_are_tried_and_are_no_policies(folder: Path) -> None:
    (folder / "driftwatch.toml").write_text("[streams.docs]\n")
    assert "p.test.yaml: one (2 windows)" in said("test")
    assert "docs: tell" in said("check")
    (folder / "policies" / "p.test.yaml").unlink()
    assert "there are no cases beside the policies" in said("test", code=2)


def test_what_fails_is_shown_with_its_reasons(folder: Path) -> None:
    (folder / "policies" / "p.test.yaml").write_text(CASES.replace("[1]", "[0, 1]"))
    shown = said("test", "policies/p.test.yaml", code=1)
    assert "FAILED policies/p.test.yaml: one (2 windows)" in shown
    assert "rule tell must act on windows 0, 1, and acts on window 1; on window 0 it decides hold" in shown
    assert "    - when: drift.alarm does not hold (drift.alarm = false)" in shown
    assert shown.endswith("1 case, 1 failed\n")
    found = json.loads(said("test", "policies/p.test.yaml", "--json", code=1))
    assert found["failed"] == 1
    (failure,) = found["cases"][0]["failures"]
    assert failure["mistake"]["where"].startswith("policies/p.test.yaml:3:")
    assert failure["reasons"][0] | {"subject": "when", "met": False} == failure["reasons"][0]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("policy: p.yaml\n", '"tests" is missing'),
        (CASES.replace("tell:", "tells:"), 'did you mean "tell"?'),
        (CASES.replace("false true", "false ture"), "p.test.yaml:3:"),
        ("\x00", "is not allowed"),
    ],
)
def test_what_cannot_be_read_is_told(folder: Path, content: str, says: str) -> None:
    (folder / "policies" / "p.test.yaml").write_text(content)
    assert says in said("test", "policies/p.test.yaml", code=2)
    assert "none.test.yaml: cannot be read" in said("test", "none.test.yaml", code=2)
