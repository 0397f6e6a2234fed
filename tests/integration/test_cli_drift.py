"""The one-off: the same kind of text is quiet, another kind is drift."""

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
