"""Policies are checked with a configuration or, in another repository's checks, without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from driftwatch.cli import app

RULE = "stream: {stream}\nrules:\n  - name: a\n    when: loss.increase > 0.1\n    do: alert\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DRIFTWATCH_CONFIG", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("stream", "rules"), [("[docs, chat]", {"docs": ["a"], "chat": ["a"]}), ("'*'", {"every stream": ["a"]})]
)
def test_files_are_checked_without_a_configuration(folder: Path, stream: str, rules: dict[str, list[str]]) -> None:
    (folder / "p.yaml").write_text(RULE.format(stream=stream))
    done = CliRunner().invoke(app, ["policy", "check", "p.yaml", "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout)["rules"] == rules
    assert "no configuration here" in done.stderr


def test_a_configuration_knows_its_streams(folder: Path) -> None:
    (folder / "driftwatch.toml").write_text("[streams.docs]\n")
    (folder / "p.yaml").write_text(RULE.format(stream="[chat]"))
    done = CliRunner().invoke(app, ["policy", "check", "p.yaml"])
    assert done.exit_code == 2
    assert "chat" in done.stderr


def test_without_files_a_configuration_is_needed() -> None:
    done = CliRunner().invoke(app, ["policy", "check"])
    assert done.exit_code == 2
    assert "driftwatch init writes one" in done.stderr


def test_a_configuration_named_must_be_there(folder: Path) -> None:
    (folder / "p.yaml").write_text(RULE.format(stream="[docs]"))
    assert CliRunner().invoke(app, ["policy", "check", "p.yaml", "--config", "mine.toml"]).exit_code == 2
