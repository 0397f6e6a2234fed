"""Policies are checked with a configuration or, in another repository's checks, without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from alert_samples import Hand
from policy_stream import START, window
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.policy.forms import json_schema
from driftwatch.store import Step, open_store

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
    assert "driftwatch init writes a new one" in done.stderr


def test_a_configuration_named_must_be_there(folder: Path) -> None:
    (folder / "p.yaml").write_text(RULE.format(stream="[docs]"))
    assert CliRunner().invoke(app, ["policy", "check", "p.yaml", "--config", "mine.toml"]).exit_code == 2


NEVER = "stream: '*'\nrules:\n  - {name: a, when: drift.new_share > 1.5, do: alert}\n"


def test_warnings_are_shown_and_stop_nothing_but_what_is_strict(folder: Path) -> None:
    (folder / "p.yaml").write_text(NEVER)
    done = CliRunner().invoke(app, ["policy", "check", "p.yaml"])
    assert done.exit_code == 0
    assert 'p.yaml:3:5: warning: rule "a": its condition can never be true' in done.stderr
    assert "is fine, with 1 warning" in done.stdout
    assert CliRunner().invoke(app, ["policy", "check", "p.yaml", "--strict"]).exit_code == 2
    (folder / "p.yaml").write_text(NEVER.replace("1.5", "0.5"))
    assert CliRunner().invoke(app, ["policy", "check", "p.yaml", "--strict"]).exit_code == 0


def test_a_configured_file_that_is_not_there_is_told(folder: Path) -> None:
    (folder / "driftwatch.toml").write_text('policies = ["p.yaml", "more/*.yaml"]\nstate_dir = "state"\n[streams.s]\n')
    (folder / "p.yaml").write_text(RULE.format(stream="[s]"))
    done = CliRunner().invoke(app, ["policy", "check"])
    assert done.exit_code == 0
    assert f"no policy file is there: {folder}/more/*.yaml" in done.stderr
    assert "p.yaml" not in done.stderr
    assert CliRunner().invoke(app, ["policy", "check", "--strict"]).exit_code == 2


def test_warnings_are_in_the_json(folder: Path) -> None:
    (folder / "p.yaml").write_text(NEVER)
    (warning,) = json.loads(CliRunner().invoke(app, ["policy", "check", "p.yaml", "--json"]).stdout)["warnings"]
    assert (warning["finding"], warning["rule"], warning["where"]) == ("never-fires", "a", "p.yaml:3:5")


def test_recorded_windows_tell_how_often_a_condition_held(folder: Path) -> None:
    (folder / "driftwatch.toml").write_text('policies = ["p.yaml"]\nstate_dir = "state"\n[streams.s]\n')
    (folder / "p.yaml").write_text(RULE.format(stream="[s]").replace("0.1", "0.01"))
    before = json.loads(CliRunner().invoke(app, ["policy", "check", "--json"]).stdout)
    assert before["history"] == []
    assert not (folder / "state").exists()
    (folder / "state").mkdir()
    store = open_store(folder / "state" / "driftwatch.db", clock=Hand(START))
    for index in range(60):
        store.windows.commit_step(Step(result=window(index, loss__increase=0.05), states={}))
    store.close()
    done = CliRunner().invoke(app, ["policy", "check"])
    assert "s/a: true of 60 of the last 60 windows (100.0%)" in done.stdout
    assert "true of all of the last 60 windows" in done.stderr
    found = json.loads(CliRunner().invoke(app, ["policy", "check", "--json"]).stdout)
    assert found["history"][0]["held"] == 60
    assert found["warnings"][0]["finding"] == "always-fires"


def test_a_store_that_cannot_be_read_stops_no_check(folder: Path) -> None:
    (folder / "driftwatch.toml").write_text('policies = ["p.yaml"]\nstate_dir = "state"\n[streams.s]\n')
    (folder / "p.yaml").write_text(RULE.format(stream="[s]"))
    (folder / "state").mkdir()
    (folder / "state" / "driftwatch.db").write_bytes(b"no database" * 1_000)
    done = CliRunner().invoke(app, ["policy", "check"])
    assert done.exit_code == 0
    assert "what is recorded was not looked at" in done.stderr


def test_the_schema_is_printed() -> None:
    done = CliRunner().invoke(app, ["policy", "schema"])
    assert done.stdout == json_schema()


def test_init_writes_the_schema_that_its_policy_names(folder: Path) -> None:
    asked = ["init", "--log", "a.log", "--data", "b.jsonl", "--model", ""]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0
    written = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
    assert written == sorted(["driftwatch.toml", "policies/default.yaml", "policies/policy.schema.json"])
    assert all(file in done.output for file in written), "all that was written is named"
    first = (folder / "policies" / "default.yaml").read_text().splitlines()[0]
    assert (folder / "policies" / first.partition("$schema=")[2]).read_text() == json_schema()
