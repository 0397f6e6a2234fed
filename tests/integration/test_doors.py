"""Malformed inputs through the command line: each is told in a sentence with its exit code, never with a traceback."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from corpus import paragraphs
from models import tiny_causal
from typer.testing import CliRunner, Result

from driftwatch.cli import app

CONFIG = """\
state_dir = "state"

[daemon]
listen = "127.0.0.1:9478"

[streams.docs]
model = "champion"

[streams.docs.encoder]
kind = "champion"

[streams.docs.reference]
data = ["training.jsonl"]
sample = 500

[[streams.docs.sources]]
type = "file"
path = "log.jsonl"
"""
RULE = "stream: '*'\nrules:\n  - name: a\n    when: {when}\n    do: {do}\n"
BAD, MISSING, CONFLICT, STORE = 2, 4, 5, 6


@dataclass(frozen=True, kw_only=True)
class Door:
    """One malformed input: how to make it, what is run, what is said."""

    name: str
    run: Sequence[str]
    says: str
    code: int = BAD
    make: Callable[[Path], object] = lambda folder: folder


def invoke(arguments: Sequence[str], folder: Path) -> Result:
    filled = [each.replace("HERE", str(folder)) for each in arguments]
    return CliRunner().invoke(app, [*filled, "--config", str(folder / "driftwatch.toml")], env={"COLUMNS": "200"})


def held(result: Result, *, code: int, says: str) -> None:
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code == code, result.output
    assert says in " ".join(result.output.split()), result.output
    assert "Traceback" not in result.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stream without a model: nothing heavy is loaded for it."""
    (tmp_path / "driftwatch.toml").write_text(CONFIG.replace('model = "champion"\n', "").replace("champion", "static"))
    return tmp_path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream with a small real model and its reference."""
    folder = tmp_path_factory.mktemp("built")
    texts = paragraphs(("numpy",), 600)
    tiny_causal(folder / "champion", texts, vocab=600, layers=1, width=32, steps=5)
    (folder / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    (folder / "driftwatch.toml").write_text(CONFIG)
    result = invoke(["reference", "build", "docs"], folder)
    assert result.exit_code == 0, result.output
    return folder


def change(old: str, new: str) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        file = folder / "driftwatch.toml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    return make


def put(name: str, content: str | bytes) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def all_of(*steps: Callable[[Path], object]) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        for step in steps:
            step(folder)

    return make


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def rows(count: int, **fields: object) -> str:
    return "".join(json.dumps({"text": f"text number {number}", **fields}) + "\n" for number in range(count))


def database(folder: Path, script: str) -> None:
    (folder / "state").mkdir()
    connection = sqlite3.connect(folder / "state" / "driftwatch.db")
    connection.executescript(script)
    connection.close()


def damaged(folder: Path) -> None:
    assert invoke(["status"], folder).exit_code == 0
    file = folder / "state" / "driftwatch.db"
    content = bytearray(file.read_bytes())
    content[4_096:] = b"\x5a" * (len(content) - 4_096)
    file.write_bytes(content)
    for extra in folder.glob("state/driftwatch.db-*"):
        extra.unlink()


CHECK = ["check"]
CONFIGURATIONS = [
    Door(name="no file", run=CHECK, make=remove("driftwatch.toml"), says="there is no such file"),
    Door(
        name="a folder",
        run=CHECK,
        make=all_of(remove("driftwatch.toml"), lambda folder: (folder / "driftwatch.toml").mkdir()),
        says="it cannot be read: Is a directory",
    ),
    Door(name="no UTF-8", run=CHECK, make=put("driftwatch.toml", b"\xff"), says="byte 0 is not UTF-8"),
    Door(name="empty", run=CHECK, make=put("driftwatch.toml", ""), says="there is no stream"),
    Door(
        name="no TOML",
        run=CHECK,
        make=put("driftwatch.toml", "[streams\n"),
        says="driftwatch.toml:1:9: this is no TOML",
    ),
    Door(
        name="unknown key",
        run=CHECK,
        make=change("sample = 500", "sampel = 500"),
        says='driftwatch.toml:13:1: unknown key "sampel" (did you mean sample?)',
    ),
    Door(name="unknown table", run=CHECK, make=change("[daemon]", "[demon]"), says="did you mean daemon?"),
    Door(name="duration", run=CHECK, make=change("[daemon]", '[daemon]\npoll = "soon"'), says='"soon" is no duration'),
    Door(name="poll", run=CHECK, make=change("[daemon]", '[daemon]\npoll = "1ms"'), says="poll must lie between 10ms"),
    Door(name="listen", run=CHECK, make=change("127.0.0.1:9478", "9478"), says='listen must be "host:port"'),
    Door(name="port", run=CHECK, make=change(":9478", ":94780"), says='listen must be "host:port"'),
    Door(name="threads", run=CHECK, make=change("[daemon]", "[daemon]\nthreads = 0"), says="threads must lie between"),
    Door(
        name="wrong type",
        run=CHECK,
        make=change("[daemon]", '[daemon]\nthreads = "many"'),
        says='driftwatch.toml:4:1: "threads": input should be a valid integer',
    ),
    Door(name="small sample", run=CHECK, make=change("sample = 500", "sample = 5"), says="sample must be at least 500"),
    Door(
        name="stream name",
        run=CHECK,
        make=change("streams.docs", "streams.Docs"),
        says="a stream's name has lower-case",
    ),
    Door(
        name="source type",
        run=CHECK,
        make=change('type = "file"', 'type = "pigeon"'),
        says='"pigeon" is no type of source',
    ),
    Door(name="source path", run=CHECK, make=change('path = "log.jsonl"', ""), says='"path" is missing'),
    Door(
        name="field path",
        run=CHECK,
        make=change('path = "log.jsonl"', 'path = "log.jsonl"\nbody = "a..b"'),
        says='"a..b" is no field path',
    ),
    Door(
        name="two sources",
        run=CHECK,
        make=change("[[streams", '[[streams.docs.sources]]\ntype = "file"\npath = "a"\n\n[[streams'),
        says="two sources have the same name",
    ),
    Door(
        name="false alarms",
        run=CHECK,
        make=change("[streams.docs.encoder]", 'false_alarms = "few"\n\n[streams.docs.encoder]'),
        says='false_alarms is written like "1 per 365d"',
    ),
    Door(
        name="secret in the open",
        run=CHECK,
        make=change("[daemon]", '[alerts.webhook]\nurl = "http://h/"\nsecret = "hunter2"\n\n[daemon]'),
        says="env:",
    ),
    Door(
        name="encoder kind",
        run=CHECK,
        make=change('kind = "static"', 'kind = "magic"'),
        says="input should be 'transformer', 'static' or 'champion'",
    ),
    Door(name="state folder is a file", run=CHECK, make=put("state", ""), code=1, says="state"),
    Door(
        name="model path",
        run=[*CHECK, "--json"],
        make=change("[streams.docs.encoder]", 'model = "models/mine/today"\n\n[streams.docs.encoder]'),
        says="models/mine/today: there is no such folder",
    ),
]
POLICIES = [
    Door(
        name="unknown variable",
        run=["policy", "check"],
        make=put("policies/p.yaml", RULE.format(when="loss.increse > 0.1", do="alert")),
        says='p.yaml:4:11: unknown variable "loss.increse" (did you mean "loss.increase"?)',
    ),
    Door(
        name="decimal meets whole",
        run=["policy", "check"],
        make=put("policies/p.yaml", RULE.format(when="loss.increase > 1", do="alert")),
        says='write "1.0" instead of "1"',
    ),
    Door(
        name="every mistake",
        run=["policy", "check"],
        make=put("policies/p.yaml", RULE.format(when="nothing > 0.1", do="shout")),
        says="p.yaml:5:9",
    ),
    Door(
        name="unknown action",
        run=["policy", "check"],
        make=put("policies/p.yaml", RULE.format(when="loss.increase > 0.1", do="shout")),
        says="shout",
    ),
    Door(
        name="unknown stream",
        run=["policy", "check"],
        make=put("policies/p.yaml", RULE.format(when="loss.increase > 0.1", do="alert").replace("'*'", "[doks]")),
        says="doks",
    ),
    Door(
        name="unknown recipe",
        run=["policy", "check"],
        make=put("policies/p.yaml", RULE.format(when="loss.increase > 0.1", do="retrain\n    recipe: huge")),
        says="huge",
    ),
    Door(name="no YAML", run=["policy", "check"], make=put("policies/p.yaml", "rules: [\n"), says="p.yaml:2:1"),
    Door(name="not UTF-8", run=["policy", "check"], make=put("policies/p.yaml", b"\xff"), says="is not UTF-8"),
    Door(
        name="no such file", run=["policy", "check", "HERE/none.yaml"], says="none.yaml: cannot be read: No such file"
    ),
]
DATABASES = [
    Door(
        name="no database",
        run=["status"],
        make=put("state/driftwatch.db", b"this is no database" * 1_000),
        code=STORE,
        says="this is damaged, or no driftwatch database",
    ),
    Door(
        name="of something else",
        run=["status"],
        make=lambda folder: database(folder, "CREATE TABLE songs (name TEXT)"),
        code=STORE,
        says="this is a database of something else",
    ),
    Door(
        name="newer",
        run=["runs", "list"],
        make=lambda folder: database(
            folder, "CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('9999')"
        ),
        code=STORE,
        says="a newer driftwatch wrote this (schema 9999; this one knows",
    ),
    Door(name="damaged", run=["status"], make=damaged, code=STORE, says="this is damaged"),
    Door(name="damaged, doctor", run=["doctor"], make=damaged, code=STORE, says="damaged"),
    Door(
        name="a folder",
        run=["reference", "list", "docs"],
        make=lambda folder: (folder / "state/driftwatch.db").mkdir(parents=True),
        code=STORE,
        says="this is a folder, not a database",
    ),
    Door(
        name="no state folder",
        run=["status"],
        make=put("state", ""),
        code=STORE,
        says="the state folder cannot be made",
    ),
    Door(
        name="unknown kind of store",
        run=["status"],
        make=change("state_dir", 'store = "oracle9://host/name"\nstate_dir'),
        code=STORE,
        says="oracle9",
    ),
]
NAMES = [
    Door(name="show run", run=["runs", "show", "docs-w0000001"], code=MISSING, says="there is no run docs-w0000001"),
    Door(name="approve run", run=["runs", "approve", "none"], code=MISSING, says="there is no run none"),
    Door(name="cancel run", run=["runs", "cancel", "none"], code=MISSING, says="there is no run none"),
    Door(name="roll back run", run=["runs", "rollback", "[/red]"], code=MISSING, says="there is no run [/red]"),
    Door(name="job", run=["job", "none"], code=MISSING, says="there is no run none"),
    Door(name="runs of a stream", run=["runs", "list", "--stream", "x"], code=MISSING, says="known streams: docs"),
    Door(name="state of runs", run=["runs", "list", "--state", "lost"], says='there is no state "lost"'),
    Door(name="limit", run=["runs", "list", "--limit", "0"], says="Input should be greater than or equal to 1"),
    Door(name="build", run=["reference", "build", "x"], code=MISSING, says="there is no stream x"),
    Door(name="list", run=["reference", "list", "x"], code=MISSING, says="there is no stream x"),
    Door(name="show", run=["reference", "show", "x"], code=MISSING, says="there is no stream x"),
    Door(name="no reference", run=["reference", "show", "docs"], code=CONFLICT, says="stream docs has no reference"),
    Door(
        name="no version",
        run=["reference", "show", "docs", "--version", "r1"],
        code=MISSING,
        says="stream docs has no reference r1",
    ),
    Door(name="unknown command", run=["fly"], says="No such command 'fly'"),
    Door(name="unknown option", run=["check", "--fast"], says="No such option"),
]


@pytest.mark.parametrize("door", [*CONFIGURATIONS, *POLICIES, *DATABASES, *NAMES], ids=lambda door: door.name)
def test_malformed_input_is_told(door: Door, folder: Path) -> None:
    door.make(folder)
    held(invoke(door.run, folder), code=door.code, says=door.says)


BUILD = ["reference", "build", "docs"]
TRAINING = [
    Door(name="none named", run=BUILD, make=change('data = ["training.jsonl"]', ""), says="names no training data"),
    Door(name="no such file", run=BUILD, make=remove("training.jsonl"), says="training.jsonl: there is no such file"),
    Door(name="empty file", run=BUILD, make=put("training.jsonl", ""), says="the file is empty"),
    Door(name="blank lines", run=BUILD, make=put("training.jsonl", "\n\n\n"), says="500"),
    Door(name="binary", run=BUILD, make=put("training.jsonl", b"\x00\x01"), says="this is no text file"),
    Door(name="too few", run=BUILD, make=put("training.jsonl", rows(499)), says="500"),
    Door(name="one text again and again", run=BUILD, make=put("training.jsonl", '{"text": "a"}\n' * 900), says="500"),
    Door(name="no UTF-8", run=BUILD, make=put("training.jsonl", b'{"text": "\xff"}'), says="training.jsonl:1: byte 11"),
    Door(name="no JSON", run=BUILD, make=put("training.jsonl", "{\n"), says="training.jsonl:1: this is no JSON"),
    Door(name="no object", run=BUILD, make=put("training.jsonl", "[1]\n"), says="this is no JSON object"),
    Door(name="number", run=BUILD, make=put("training.jsonl", '{"text": 1}\n'), says='"text" is no text but int'),
    Door(
        name="no text field",
        run=BUILD,
        make=put("training.jsonl", '{"a": "", "b": ""}\n'),
        says="which field is the text",
    ),
    Door(
        name="other field",
        run=BUILD,
        make=all_of(put("training.jsonl", rows(600)), change("sample = 500", 'sample = 500\nfield = "words"')),
        says='there is no field "words"',
    ),
    Door(
        name="kind of file",
        run=BUILD,
        make=all_of(put("t.docx", "a"), change("training.jsonl", "t.docx")),
        says='".docx" is no kind of training data',
    ),
    Door(
        name="no Parquet",
        run=BUILD,
        make=all_of(put("t.parquet", "PAR1"), change("training.jsonl", "t.parquet")),
        says="this is no Parquet file",
    ),
    Door(
        name="no saved folder",
        run=BUILD,
        make=all_of(lambda folder: (folder / "t").mkdir(), change("training.jsonl", "t")),
        says="this folder was not saved by datasets",
    ),
    Door(
        name="model folder",
        run=BUILD,
        make=remove("champion/config.json"),
        says="config.json is missing",
    ),
    Door(
        name="encoder without a model",
        run=BUILD,
        make=change('model = "champion"', ""),
        says="this stream has no model",
    ),
]


@pytest.mark.parametrize("door", TRAINING, ids=lambda door: door.name)
def test_training_data_is_refused(door: Door, built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("state"))
    door.make(tmp_path)
    held(invoke(door.run, tmp_path), code=door.code, says=door.says)


FILES = [
    Door(name="missing", run=["drift", "HERE/none.jsonl"], says="none.jsonl: there is no such file"),
    Door(name="empty", run=["drift", "HERE/f.jsonl"], make=put("f.jsonl", ""), says="the file is empty"),
    Door(name="blank", run=["drift", "HERE/f.jsonl"], make=put("f.jsonl", "\n"), says="it holds no text"),
    Door(
        name="few",
        run=["drift", "HERE/f.jsonl"],
        make=put("f.jsonl", rows(3)),
        says="too little data to speak of drift: 3 distinct",
    ),
    Door(name="binary", run=["drift", "HERE/f.csv"], make=put("f.csv", b"\0"), says="this is no text file"),
    Door(name="broken", run=["drift", "HERE/f.jsonl"], make=put("f.jsonl", rows(60) + "{"), says="f.jsonl:61"),
    Door(name="kind", run=["drift", "HERE/f.pdf"], make=put("f.pdf", "a"), says='".pdf" is no kind'),
    Door(
        name="field",
        run=["drift", "HERE/f.csv", "--field", "b"],
        make=put("f.csv", "a\nx\n"),
        says='there is no field "b"',
    ),
    Door(
        name="stream",
        run=["drift", "HERE/f.jsonl", "--stream", "x"],
        make=put("f.jsonl", rows(60)),
        code=MISSING,
        says="there is no stream x",
    ),
    Door(name="alpha", run=["drift", "HERE/f.jsonl", "--alpha", "2"], says="Input should be less than or equal to 0.5"),
    Door(
        name="page",
        run=["drift", "HERE/f.jsonl", "--html", "HERE/no/such/page.html"],
        make=put("f.jsonl", rows(60)),
        code=1,
        says="page.html: it cannot be written: No such file",
    ),
]


@pytest.mark.parametrize("door", FILES, ids=lambda door: door.name)
def test_file_of_the_one_off_is_refused(door: Door, built: Path) -> None:
    door.make(built)
    held(invoke(door.run, built), code=door.code, says=door.says)


def test_one_off_without_reference(folder: Path) -> None:
    put("f.jsonl", rows(60))(folder)
    held(invoke(["drift", "HERE/f.jsonl"], folder), code=CONFLICT, says="reference build docs")


def test_one_off_with_several_streams(folder: Path) -> None:
    put("f.jsonl", rows(60))(folder)
    with (folder / "driftwatch.toml").open("a") as file:
        file.write("[streams.other]\n")
    held(invoke(["drift", "HERE/f.jsonl"], folder), code=BAD, says="name one with --stream: docs, other")


def test_damaged_reference_is_told(built: Path) -> None:
    file = next(built.glob("state/references/docs/*/texts.json"))
    whole = file.read_bytes()
    try:
        file.write_bytes(whole + b" ")
        held(invoke(["reference", "show", "docs"], built), code=BAD, says="a file of the reference is damaged")
        held(invoke(["check", "--json"], built), code=BAD, says="a file of the reference is damaged")
    finally:
        file.write_bytes(whole)


def test_brackets_in_messages_are_no_markup(folder: Path) -> None:
    change("log.jsonl", "[/red]logs:smile:.jsonl")(folder)
    result = invoke(CHECK, folder)
    assert "[/red]logs:smile:.jsonl" in result.output.replace("\n", "")


@pytest.fixture
def model(built: Path, tmp_path: Path) -> Path:
    shutil.copytree(built / "champion", tmp_path / "model")
    return tmp_path / "model"


def settings(**changes: object) -> Callable[[Path], object]:
    def make(folder: Path) -> None:
        file = folder / "config.json"
        kept: dict[str, Any] = json.loads(file.read_text()) | changes
        file.write_text(json.dumps({name: value for name, value in kept.items() if value is not None}))

    return make


def cut(name: str, size: int) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


MODELS = [
    Door(name="no folder", run=(), make=shutil.rmtree, says="this is no model folder"),
    Door(name="a file", run=(), make=all_of(shutil.rmtree, Path.touch), says="no model folder"),
    Door(name="no config", run=(), make=remove("config.json"), says="config.json is missing"),
    Door(name="config no JSON", run=(), make=put("config.json", "{"), says="this is no JSON"),
    Door(name="config no object", run=(), make=put("config.json", "[]"), says="it names no model_type"),
    Door(name="unknown architecture", run=(), make=settings(model_type="gpt9"), says="transformers cannot load it"),
    Door(name="own code", run=(), make=settings(auto_map={"AutoModel": "x.Y"}), says="brings code of its own"),
    Door(name="architectures", run=(), make=settings(architectures=5), says="its architectures are no list"),
    Door(name="wrong family", run=(), make=settings(architectures=["GPT2Model"]), says="this model has no head"),
    Door(name="other shape", run=(), make=settings(n_embd=64), says="transformers cannot load it"),
    Door(name="more layers", run=(), make=settings(n_layer=2), says="of its weights are missing (transformer.h.1."),
    Door(name="no weights", run=(), make=remove("model.safetensors"), says="it has no *.safetensors"),
    Door(
        name="pickle",
        run=(),
        make=lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"),
        says="its weights are a pickle (pytorch_model.bin)",
    ),
    Door(name="cut off", run=(), make=cut("model.safetensors", 20_000), says="this file is cut off or damaged"),
    Door(name="cut in the header", run=(), make=cut("model.safetensors", 100), says="this is no safetensors file"),
    Door(
        name="odd header",
        run=(),
        make=put("model.safetensors", (11).to_bytes(8, "little") + b'{"w": null}'),
        says="this file is cut off or damaged",
    ),
    Door(name="no tokenizer", run=(), make=remove("tokenizer.json"), says="there is no tokenizer beside the model"),
    Door(name="broken tokenizer", run=(), make=put("tokenizer.json", "{"), says="its tokenizer cannot be read"),
]


@pytest.mark.parametrize("door", MODELS, ids=lambda door: door.name)
def test_malformed_model_is_told(door: Door, model: Path) -> None:
    door.make(model)
    result = CliRunner().invoke(app, ["bias", "check", str(model)])
    held(result, code=BAD, says=door.says)


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["status"],
        ["policy", "check"],
        ["runs", "list"],
        ["reference", "list", "docs"],
        ["reference", "show", "docs"],
        ["reference", "build", "docs"],
        ["drift", "HERE/training.jsonl", "--limit", "100"],
    ],
    ids=" ".join,
)
def test_json_is_json_and_nothing_else(command: list[str], built: Path) -> None:
    result = invoke([*command, "--json"], built)
    assert result.exit_code in (0, 3), result.output
    json.loads(result.stdout)


def init(folder: Path, *arguments: str) -> Result:
    given = {"--log": "log.jsonl", "--data": "training.jsonl", "--model": ""} | dict(
        zip(arguments[::2], arguments[1::2], strict=True)
    )
    return CliRunner().invoke(
        app, ["init", "--folder", str(folder), *(word for pair in given.items() for word in pair)]
    )


@pytest.mark.parametrize("log", ['a "quoted" name', "back\\slash", "tab\tand\nline", "\x7f", "[/red]", "ünïcode"])
def test_init_writes_what_check_reads(log: str, tmp_path: Path) -> None:
    put("training.jsonl", rows(1))(tmp_path)
    assert init(tmp_path, "--log", log).exit_code == 0
    result = invoke(["check", "--json"], tmp_path)
    assert result.exit_code == 0, result.output
    assert any(log in each["detail"] for each in json.loads(result.stdout))


def test_init_overwrites_only_when_forced(tmp_path: Path) -> None:
    assert init(tmp_path).exit_code == 0
    held(init(tmp_path), code=CONFLICT, says="--force overwrites it")
    again = ["init", "--folder", str(tmp_path), "--log", "a", "--data", "b", "--model", "", "--force"]
    assert CliRunner().invoke(app, again).exit_code == 0


def test_init_refuses_what_check_would(tmp_path: Path) -> None:
    held(init(tmp_path, "--stream", "Two words"), code=BAD, says="a stream's name has lower-case letters")
    held(init(tmp_path, "--body", "a..b"), code=BAD, says='"a..b" is no field path')
    assert not (tmp_path / "driftwatch.toml").exists()
