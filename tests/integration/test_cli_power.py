"""`driftwatch reference power` and what `check` and `reference show` make of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corpus import paragraphs
from models import tiny_causal
from typer.testing import CliRunner, Result

from driftwatch.cli import app

CONFIG = """\
[streams.docs]
model = "champion"
false_alarms = "1 per 30d"
[streams.docs.encoder]
kind = "champion"
[streams.docs.reference]
data = ["training.jsonl"]
"""
TEXTS = 2_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("power")
    texts = paragraphs(("numpy", "scipy", "sklearn"), TEXTS)
    tiny_causal(folder / "champion", texts[:300], vocab=600, layers=1, width=32, steps=5)
    (folder / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "driftwatch.toml").write_text(CONFIG)
    assert run(folder, "reference", "build", "docs").exit_code == 0
    return folder


def run(folder: Path, *command: str) -> Result:
    return CliRunner().invoke(
        app, [*command, "--config", str(folder / "driftwatch.toml")], env={"COLUMNS": "220"}, catch_exceptions=False
    )


def test_power_is_simulated_once_and_check_tells_it(folder: Path) -> None:
    before = run(folder, "check")
    assert "1 per 30d at one text a second, for want of windows: 3,000,000 texts" in before.output
    assert "driftwatch reference power docs" in before.output
    first = run(folder, "reference", "power", "docs", "--quick")
    assert first.exit_code == 0
    assert "a new topic of 10% of the traffic" in first.output
    assert "share of new texts" in first.output
    again = json.loads(run(folder, "reference", "power", "docs", "--json").stdout)
    assert again["kept"]
    assert [each["share"] for each in again["found"]] == [1.0, 0.5, 0.2, 0.1, 0.05]
    assert all(len(each["delays"]) == 3 for each in again["found"])
    assert "a new topic of 10% of the traffic" in run(folder, "check").output


def test_a_damaged_kept_result_is_simulated_again(folder: Path) -> None:
    run(folder, "reference", "power", "docs", "--quick")
    for file in (folder / "state" / "cache" / "power").iterdir():
        file.write_text("{")
    assert not json.loads(run(folder, "reference", "power", "docs", "--quick", "--json").stdout)["kept"]


def test_check_warns_where_a_tenth_is_not_seen_and_where_the_reference_is_too_small(folder: Path) -> None:
    run(folder, "reference", "power", "docs", "--quick")
    for file in (folder / "state" / "cache" / "power").iterdir():
        found = json.loads(file.read_bytes())
        file.write_text(json.dumps([{**each, "delays": [None, None, None]} for each in found]))
    assert "a day brings fewer texts, so give a larger reference or a laxer budget" in run(folder, "check").output
    small = CONFIG.replace("docs", "small") + "sample = 600\n"
    (folder / "driftwatch.toml").write_text(small)
    assert run(folder, "reference", "build", "small").exit_code == 0
    assert "a reference of 600 texts is too small to say what it can see" in run(folder, "check").output
    (folder / "driftwatch.toml").write_text(CONFIG)
    for file in (folder / "state" / "cache" / "power").iterdir():
        file.unlink()


def test_show_says_how_texts_are_bet_on(folder: Path) -> None:
    assert "not measured yet" in run(folder, "reference", "show", "docs").output
    shown = json.loads(run(folder, "reference", "show", "docs", "--json").stdout)
    assert shown["dependence"] is None
    (folder / "driftwatch.toml").write_text(CONFIG + '[streams.docs.evidence]\ndependence = "independent"\n')
    assert "text by text" in run(folder, "reference", "show", "docs").output
    (folder / "driftwatch.toml").write_text(CONFIG)


def test_a_budget_of_alarms_all_the_time_is_warned_of(folder: Path) -> None:
    (folder / "driftwatch.toml").write_text(CONFIG.replace("1 per 30d", "1 per 1h"))
    assert "more than one in 100 windows is allowed" in run(folder, "check").output
    (folder / "driftwatch.toml").write_text(CONFIG)
