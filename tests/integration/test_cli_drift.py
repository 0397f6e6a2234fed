"""The one-off: the same kind of text is quiet, another kind is drift."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from corpus import paragraphs
from models import tiny_causal
from typer.testing import CliRunner, Result

from driftwatch.cli import app
from driftwatch.drift.archive import load_reference
from driftwatch.drift.evidence.rates import Calibration

CONFIG = """\
[streams.docs]
model = "champion"
[streams.docs.encoder]
kind = "champion"
[streams.docs.reference]
data = ["training.jsonl"]
sample = 900
"""
OWN, OTHER = 700, 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drift")
    texts = paragraphs(("numpy", "scipy"), OWN + OTHER)
    tiny_causal(folder / "champion", texts[:OWN], vocab=600, layers=1, width=32, steps=5)
    write(folder / "training.jsonl", texts[:OWN])
    write(folder / "same.jsonl", texts[OWN:])
    write(folder / "other.jsonl", [" ".join(reversed(text.upper().split())) for text in texts[OWN:]])
    (folder / "driftwatch.toml").write_text(CONFIG)
    built = CliRunner().invoke(app, ["reference", "build", "docs", "--config", str(folder / "driftwatch.toml")])
    assert built.exit_code == 0, built.output
    return folder


def write(file: Path, texts: list[str]) -> None:
    file.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))


def drift(folder: Path, file: str, *options: str) -> Result:
    command = ["drift", str(folder / file), "--config", str(folder / "driftwatch.toml"), *options]
    return CliRunner().invoke(app, command, env={"COLUMNS": "200"})


def test_the_same_kind_of_text_is_quiet(folder: Path) -> None:
    done = drift(folder, "same.jsonl")
    assert done.exit_code == 0, done.output
    assert "looks like the reference" in done.stdout


def test_another_kind_is_drift(folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = drift(folder, "other.jsonl", "--html", str(page))
    assert done.exit_code == 3, done.output
    assert "has drifted" in done.stdout
    assert "drift.look_p" in done.stdout
    assert "audit" not in done.stdout
    assert "has drifted" in page.read_text()


def test_json_has_every_measure(folder: Path) -> None:
    done = drift(folder, "other.jsonl", "--json")
    assert done.exit_code == 3
    measured = {each["name"]: each["value"] for each in json.loads(done.stdout)["measures"]}
    assert measured["drift.look_p"] <= 0.001
    assert {"tokens.jsd", "loss.nats", "drift.new_share"} <= set(measured)


def test_nothing_is_stored(folder: Path) -> None:
    command = ["status", "--json", "--config", str(folder / "driftwatch.toml")]
    drift(folder, "other.jsonl")
    (stream,) = json.loads(CliRunner().invoke(app, command).stdout)["streams"]
    assert (stream["backlog"], stream["windows"], stream["decisions"]) == (0, [], [])


def test_groups_of_the_training_data_are_kept_whole(folder: Path, tmp_path: Path) -> None:
    lines = (folder / "training.jsonl").read_text().splitlines()
    grouped = [{**json.loads(line), "session": place // 3} for place, line in enumerate(lines)]
    (tmp_path / "training.jsonl").write_text("".join(json.dumps(line) + "\n" for line in grouped))
    config = tmp_path / "driftwatch.toml"
    config.write_text(CONFIG.replace('"champion"\n[', f'"{folder / "champion"}"\n[', 1) + 'group = "session"\n')
    built = CliRunner().invoke(app, ["reference", "build", "docs", "--config", str(config)])
    assert built.exit_code == 0, built.output
    (made,) = (tmp_path / "state" / "references" / "docs").iterdir()
    reference = load_reference(made)
    train, cal = ({text.group for text in part.texts} for part in (reference.train, reference.cal))
    assert len(train | cal) == -(-OWN // 3)
    assert not train & cal
    assert Calibration(reference.cal.texts).by_group
