"""`driftwatch reference power` and what `check` and `reference show` make of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from corpus import paragraphs
from models import tiny_causal
from typer.testing import CliRunner, Result

from driftwatch.cli import app
from driftwatch.cli.frame import opened, read_config
from driftwatch.domain.drift import Outcome, WindowResult
from driftwatch.drift.archive import load_reference
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.store.step import Step
from driftwatch.wiring.power import kept_power, simulated_power

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
NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


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


def kept(folder: Path) -> list[Path]:
    return sorted((folder / "state" / "cache" / "power").rglob("*.json"))


def test_power_is_simulated_once_and_check_tells_it(folder: Path) -> None:
    before = run(folder, "check")
    assert "1 per 30d at one text a second, for want of windows: 3,000,000 texts" in before.output
    assert "driftwatch reference power docs" in before.output
    first = run(folder, "reference", "power", "docs", "--quick")
    assert first.exit_code == 0
    assert "a new topic of 10% of the traffic" in first.output
    assert "share of new texts" in first.output
    again = json.loads(run(folder, "reference", "power", "docs", "--quick", "--json").stdout)
    assert again["kept"]
    assert again["seasons"] == "none"
    assert [each["share"] for each in again["found"]] == [1.0, 0.5, 0.2, 0.1, 0.05]
    assert all(len(each["delays"]) == 3 for each in again["found"])
    assert "a new topic of 10% of the traffic" in run(folder, "check").output


def test_a_quick_result_is_none_of_the_full_simulation_and_a_full_one_is_good_enough_for_both(folder: Path) -> None:
    config, stream = read_config(folder / "driftwatch.toml"), "docs"
    settings = config.streams[stream]
    store = opened(config)
    try:
        quick = kept_power(config, store, settings, trials=1) or simulated_power(config, store, settings, trials=1)
        asked = len(quick.found[0].delays)
        assert kept_power(config, store, settings, trials=asked + 1) is None
        assert kept_power(config, store, settings) is None
        full = simulated_power(config, store, settings, trials=asked + 1)
        for trials in (asked, asked + 1):
            kept = kept_power(config, store, settings, trials=trials)
            assert kept is not None
            assert kept.kept
            assert kept.found == full.found
            assert kept.trials == asked + 1
    finally:
        store.close()


def test_a_damaged_kept_result_is_simulated_again(folder: Path) -> None:
    run(folder, "reference", "power", "docs", "--quick")
    for file in kept(folder):
        file.write_text("{")
    assert not json.loads(run(folder, "reference", "power", "docs", "--quick", "--json").stdout)["kept"]


def test_check_warns_where_a_tenth_is_not_seen_and_where_the_reference_is_too_small(folder: Path) -> None:
    for file in kept(folder):
        file.unlink()
    run(folder, "reference", "power", "docs", "--quick")
    for file in kept(folder):
        found = json.loads(file.read_bytes())
        file.write_text(json.dumps([{**each, "delays": [None, None, None]} for each in found]))
    assert "more could not be simulated, so give a larger reference or a laxer budget" in run(folder, "check").output
    small = CONFIG.replace("docs", "small") + "sample = 600\n"
    (folder / "driftwatch.toml").write_text(small)
    assert run(folder, "reference", "build", "small").exit_code == 0
    assert "a reference of 600 texts is too small to say what it can see" in run(folder, "check").output
    (folder / "driftwatch.toml").write_text(CONFIG)
    for file in kept(folder):
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


def test_seasons_in_use_are_told_of(folder: Path) -> None:
    """The last test here: a window gives the stream a rate, and with it another budget in texts."""
    config = read_config(folder / "driftwatch.toml")
    store = opened(config)
    try:
        row = store.registry.reference("docs")
        assert row is not None
        reference = load_reference(Path(row.path))
        running = EvidenceDetector(EvidenceSettings()).fit(reference, seed=1)
        running.seasons = replace(running.seasons, scheme="day")
        result = WindowResult(
            stream="docs",
            index=0,
            first_seq=1,
            last_seq=50,
            texts=50,
            distinct=50,
            first_seen_at=NOON,
            last_seen_at=NOON + timedelta(seconds=50),
            reference=row.version,
            champion=None,
            outcome=Outcome.ASSESSED,
            measures=(),
            words=(),
        )
        store.windows.commit_step(Step(result=result, states={"evidence": running.state()}))
        seen = simulated_power(config, store, config.streams["docs"], trials=3)
        assert seen.seasons == "day"
    finally:
        store.close()
    before = kept(folder)
    found = run(folder, "reference", "power", "docs", "--quick").output
    assert "The stream is bet on by quarter of the day, 4 seasons with a part of the reference each" in found
    assert kept(folder) == before
