"""Wrong input at every door of the command line: a clear message, a cure, the right exit code, never a traceback."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from driftwatch.cli import app

CONFIG = """\
policies = ["policies/*.yaml"]
[daemon]
listen = "127.0.0.1:1"
[streams.docs]
[streams.docs.reference]
data = ["train.jsonl"]
[[streams.docs.sources]]
type = "http"
"""
POLICY = """\
stream: [docs]
rules:
  - name: drifted
    when: embedding.mmd_p <= 0.001
    do: alert
"""
MODEL = '{"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]}'


@dataclass(frozen=True)
class Place:
    folder: Path

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run(self, *arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*arguments])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, " ".join(done.output.split())

    @property
    def config(self) -> tuple[str, str]:
        return "--config", str(self.folder / "driftwatch.toml")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    here = Place(tmp_path)
    here.write("driftwatch.toml", CONFIG)
    here.write("policies/policy.yaml", POLICY)
    return here


def safetensors(header: str) -> bytes:
    return len(header).to_bytes(8, "little") + header.encode()


def newer(place: Place) -> None:
    place.run("status", *place.config)
    with sqlite3.connect(place.folder / "state" / "driftwatch.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()


def full_model(place: Place) -> None:
    place.write("model/config.json", MODEL)
    place.write("model/tokenizer.json", "{}")


Prepare = Callable[[Place], object]
CASES: list[tuple[str, Prepare, list[str], int, str]] = [
    ("no configuration", lambda p: (p.folder / "driftwatch.toml").unlink(), ["check"], 2, "there is no such file"),
    ("no toml", lambda p: p.write("driftwatch.toml", "a = "), ["check"], 2, "driftwatch.toml:1:5: this is no TOML"),
    ("unknown key", lambda p: p.write("driftwatch.toml", CONFIG + "nmae = 1\n"), ["run"], 2, 'unknown key "nmae"'),
    ("no stream", lambda p: p.write("driftwatch.toml", "x = 1\n"), ["status"], 2, 'unknown key "x"'),
    ("binary configuration", lambda p: p.write("driftwatch.toml", b"\xff\xfe"), ["doctor"], 2, "is not UTF-8"),
    (
        "secret in the file",
        lambda p: p.write("driftwatch.toml", CONFIG + '[alerts.webhook]\nurl = "http://x"\nsecret = "abc"\n'),
        ["check"],
        2,
        "env:",
    ),
    (
        "misspelt variable",
        lambda p: p.write("policies/policy.yaml", POLICY.replace("mmd_p", "mdm_p")),
        ["policy", "check"],
        2,
        "embedding.mmd_p",
    ),
    (
        "whole number",
        lambda p: p.write("policies/policy.yaml", POLICY.replace("0.001", "1")),
        ["policy", "check"],
        2,
        "policy.yaml:4:",
    ),
    ("no yaml", lambda p: p.write("policies/policy.yaml", "rules: [\n"), ["policy", "check"], 2, "policy.yaml:"),
    ("empty policy", lambda p: p.write("policies/policy.yaml", ""), ["policy", "check"], 2, "policy.yaml"),
    ("latin policy", lambda p: p.write("policies/policy.yaml", b"stream: \xe9"), ["policy", "check"], 2, "UTF-8"),
    (
        "unknown stream in policy",
        lambda p: p.write("policies/policy.yaml", POLICY.replace("[docs]", "[dosc]")),
        ["policy", "check"],
        2,
        "docs",
    ),
    (
        "unknown recipe",
        lambda p: p.write("policies/policy.yaml", POLICY.replace("alert", "retrain") + "    recipe: smal\n"),
        ["policy", "check"],
        2,
        "small",
    ),
    (
        "future feature",
        lambda p: p.write("policies/policy.yaml", POLICY + "    worth: {probe_gain: 0.1}\n"),
        ["policy", "check"],
        2,
        "worth",
    ),
    ("no such policy", lambda _: None, ["policy", "check", "/nowhere.yaml"], 2, "/nowhere.yaml"),
    ("policy in check", lambda p: p.write("policies/policy.yaml", "rules: 7\n"), ["check"], 2, "policy.yaml:1"),
    ("no training data", lambda _: None, ["reference", "build", "docs"], 2, "there is no such file"),
    ("no stream of that name", lambda _: None, ["reference", "build", "dosc"], 4, "there is no stream dosc"),
    (
        "too few texts",
        lambda p: p.write("train.jsonl", '{"text": "a"}\n' * 600),
        ["reference", "build", "docs"],
        2,
        "at least 500 distinct texts and these are 1",
    ),
    (
        "broken training data",
        lambda p: p.write("train.jsonl", '{"text": "a"}\n{\n'),
        ["reference", "build", "docs"],
        2,
        "train.jsonl:2: this is no JSON",
    ),
    (
        "no field",
        lambda p: p.write("train.jsonl", '{"a": "x", "b": "y"}\n'),
        ["reference", "build", "docs"],
        2,
        "which field is the text",
    ),
    ("not text", lambda p: p.write("train.jsonl", b"\x00\x01"), ["reference", "build", "docs"], 2, "no text file"),
    (
        "no training data named",
        lambda p: p.write("driftwatch.toml", CONFIG.replace('data = ["train.jsonl"]', "")),
        ["reference", "build", "docs"],
        2,
        "names no training data",
    ),
    ("no reference", lambda p: p.write("a.jsonl", '{"text": "a"}\n'), ["drift", "{}/a.jsonl"], 5, "has no reference"),
    ("no file", lambda _: None, ["drift", "{}/none.jsonl"], 2, "there is no such file"),
    ("empty file", lambda p: p.write("a.jsonl", ""), ["drift", "{}/a.jsonl"], 2, "the file is empty"),
    ("nothing shown", lambda _: None, ["reference", "show", "docs"], 5, "has no reference"),
    ("unknown version", lambda _: None, ["reference", "show", "docs", "--version", "r1"], 4, "no reference r1"),
    ("unknown run", lambda _: None, ["runs", "show", "nobody"], 4, "there is no run nobody"),
    ("approve nobody", lambda _: None, ["runs", "approve", "nobody"], 4, "there is no run nobody"),
    ("cancel nobody", lambda _: None, ["runs", "cancel", "nobody"], 4, "there is no run nobody"),
    ("roll nobody back", lambda _: None, ["runs", "rollback", "nobody"], 4, "there is no run nobody"),
    ("unknown state", lambda _: None, ["runs", "list", "--state", "happy"], 2, 'there is no state "happy"'),
    ("nobody listens", lambda _: None, ["reload"], 1, "the daemon does not answer"),
    ("no model", lambda _: None, ["bias", "check", "{}/model"], 2, "this is no model folder"),
    ("no config.json", lambda p: p.write("model/x", ""), ["bias", "check", "{}/model"], 2, "config.json is missing"),
    (
        "bad config.json",
        lambda p: p.write("model/config.json", "{"),
        ["bias", "check", "{}/model"],
        2,
        "this is no JSON",
    ),
    (
        "no model type",
        lambda p: p.write("model/config.json", "{}"),
        ["bias", "check", "{}/model"],
        2,
        "names no model_type",
    ),
    (
        "code in the model",
        lambda p: p.write("model/config.json", '{"model_type": "x", "auto_map": {}}'),
        ["bias", "check", "{}/model"],
        2,
        "code of its own",
    ),
    (
        "pickle",
        lambda p: (full_model(p), p.write("model/pytorch_model.bin", "x")),
        ["bias", "check", "{}/model"],
        2,
        "pickle",
    ),
    ("no weights", full_model, ["bias", "check", "{}/model"], 2, "no *.safetensors"),
    (
        "no safetensors",
        lambda p: (full_model(p), p.write("model/model.safetensors", "x" * 100)),
        ["bias", "check", "{}/model"],
        2,
        "no safetensors file",
    ),
    (
        "cut off weights",
        lambda p: (full_model(p), p.write("model/model.safetensors", safetensors('{"a": {"data_offsets": [0, 99]}}'))),
        ["bias", "check", "{}/model"],
        2,
        "cut off or damaged",
    ),
    (
        "no tokenizer",
        lambda p: (p.write("model/config.json", MODEL), p.write("model/model.safetensors", safetensors("{}"))),
        ["bias", "check", "{}/model"],
        2,
        "no tokenizer",
    ),
    (
        "wrong family",
        lambda p: (
            p.write("model/config.json", MODEL.replace("GPT2LMHeadModel", "BertForMaskedLM")),
            p.write("model/tokenizer.json", "{}"),
            p.write("model/model.safetensors", safetensors("{}")),
        ),
        ["bias", "check", "{}/model"],
        2,
        "masked, not causal",
    ),
    ("no database", lambda p: p.write("state/driftwatch.db", "just text " * 99), ["status"], 6, "damaged"),
    ("database in doctor", lambda p: p.write("state/driftwatch.db", "just text " * 99), ["doctor"], 6, "damaged"),
    ("newer database", newer, ["runs", "list"], 6, "a newer driftwatch wrote this"),
    ("state folder is a file", lambda p: p.write("state", ""), ["status"], 6, "state"),
    (
        "init over what is there",
        lambda _: None,
        ["init", "--folder", "{}", "--log", "l", "--data", "d", "--model", ""],
        5,
        "it is there already",
    ),
]


@pytest.mark.parametrize(
    ("prepare", "arguments", "code", "said"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_a_wrong_input_is_told(place: Place, prepare: Prepare, arguments: list[str], code: int, said: str) -> None:
    prepare(place)
    filled = [word.replace("{}", str(place.folder)) for word in arguments]
    needs_config = arguments[0] not in ("init", "bias")
    found, output = place.run(*filled, *(place.config if needs_config else ()))
    assert (found, said in output) == (code, True), output
    assert "Traceback" not in output


def test_init_writes_what_check_accepts(tmp_path: Path) -> None:
    here = Place(tmp_path)
    here.write("train.jsonl", '{"text": "a"}\n')
    code, output = here.run(
        "init", "--folder", str(tmp_path), "--log", "app.log", "--data", "train.jsonl", "--model", ""
    )
    assert code == 0, output
    code, output = here.run("check", *here.config)
    assert code == 0, output
    assert "no reference yet" in output
    again, _ = here.run("init", "--folder", str(tmp_path), "--log", "l", "--data", "d", "--model", "m", "--force")
    assert again == 0


@pytest.mark.parametrize(
    "arguments", [["status"], ["runs", "list"], ["reference", "list", "docs"], ["policy", "check"]]
)
def test_json_is_json(place: Place, arguments: list[str]) -> None:
    done = CliRunner().invoke(app, [*arguments, "--json", *place.config])
    assert done.exit_code == 0
    json.loads(done.stdout)


def test_check_speaks_json_too(place: Place) -> None:
    place.write("train.jsonl", '{"text": "a"}\n')
    done = CliRunner().invoke(app, ["check", "--json", *place.config])
    assert {each["level"] for each in json.loads(done.stdout)} <= {"ok", "warning"}
