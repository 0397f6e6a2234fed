"""What ``check`` and ``doctor`` find."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from corpus import paragraphs
from models import tiny_causal
from typer.testing import CliRunner

from driftwatch.cli import app

RULE = "stream: [docs]\nrules:\n  - name: a\n    when: loss.increase > 0.1\n    do: alert\n"
CONFIG = """\
[daemon]
listen = "127.0.0.1:0"
[streams.docs]
"""
MODEL = """\
[daemon]
listen = "127.0.0.1:0"
[streams.docs]
model = "champion"
[streams.docs.encoder]
kind = "champion"
[streams.docs.reference]
data = ["training.jsonl"]
sample = 500
"""


def looked(folder: Path, command: str = "check") -> tuple[int, dict[str, tuple[str, str]]]:
    result = CliRunner().invoke(app, [command, "--json", "--config", str(folder / "driftwatch.toml")])
    found = {each["subject"]: (each["level"], each["detail"]) for each in json.loads(result.stdout)}
    return result.exit_code, found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    return tmp_path


NO_RULE = "no rule for stream docs: it is measured, and nothing is ever done about it"


def test_streams_without_rules_are_warned_of(folder: Path) -> None:
    code, found = looked(folder)
    assert code == 0
    assert found["policies"] == (
        "warning",
        f"{NO_RULE}; no policy file is there: {folder}/policies/*.yaml",
    )
    (folder / "policies").mkdir()
    (folder / "policies" / "p.yaml").write_text(RULE)
    assert looked(folder)[1]["policies"] == ("ok", "1 in force for stream docs")


@pytest.mark.parametrize(
    ("source", "reference", "cure"),
    [
        (True, False, "set group in the stream's reference"),
        (False, True, "set group in every source, or none in the stream's reference"),
        (True, True, None),
        (False, False, None),
    ],
)
def test_groups_named_on_one_side_alone_are_warned_of(
    folder: Path, *, source: bool, reference: bool, cure: str | None
) -> None:
    group = 'group = "session"\n'
    lines = f'[streams.docs.reference]\ndata = ["t.jsonl"]\n{group * reference}'
    lines += f'[[streams.docs.sources]]\ntype = "http"\n{group * source}'
    (folder / "driftwatch.toml").write_text((folder / "driftwatch.toml").read_text() + lines)
    found = looked(folder)[1].get("stream docs: groups")
    assert (found is None) == (cure is None)
    if found is not None and cure is not None:
        assert found[0] == "warning"
        assert found[1].endswith(cure)


def test_a_broken_recipe_is_told_once(folder: Path) -> None:
    (folder / "mine.toml").write_text('epochs = 2\nmethod = "lroa"\n')
    settings = (folder / "driftwatch.toml").read_text()
    (folder / "driftwatch.toml").write_text(f'recipes = ["mine.toml"]\n{settings}')
    code, found = looked(folder)
    assert code != 0
    level, detail = found["recipes"]
    assert level == "error"
    assert detail.endswith('(did you mean lora?)\n    2 | method = "lroa"\n      |          ^')
    assert found["policies"] == ("warning", "not looked at: they name recipes, and these cannot be used yet")


def test_drills_are_looked_at(folder: Path) -> None:
    settings = '[[streams.docs.drills]]\nname = "{}"\ntexts = "{}"\nshare = 0.5\nwithin = 200\n'
    names = {"whole": "whole.txt", "small": "small.txt", "gone": "gone.txt"}
    (folder / "driftwatch.toml").write_text(CONFIG + "".join(settings.format(*each) for each in names.items()))
    (folder / "whole.txt").write_text("\n\n".join(" ".join(body.split()) for body in paragraphs(["numpy"], 130)))
    (folder / "small.txt").write_text("one\n\ntwo\n\none\n")
    code, found = looked(folder)
    assert code > 0
    assert found["stream docs: drill whole"] == ("ok", "130 different texts, 122 needed each time")
    assert found["stream docs: drill small"][0] == "error"
    assert "2 different texts are too few for a drill of 122" in found["stream docs: drill small"][1]
    assert "small.txt" in found["stream docs: drill small"][1]
    assert "there is no such file" in found["stream docs: drill gone"][1]


def test_a_missing_secret_is_found_before_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = '[alerts.webhook]\nurl = "http://127.0.0.1:1/"\nsecret = "env:DRIFTWATCH_TEST_SECRET"\n'
    (folder / "driftwatch.toml").write_text(hook + CONFIG)
    code, found = looked(folder)
    assert code == 2
    assert "missing or empty" in found["secret of the webhook"][1]
    monkeypatch.setenv("DRIFTWATCH_TEST_SECRET", "hunter2")
    code, found = looked(folder)
    assert code == 0
    assert "hunter2" not in str(found)


def test_a_state_folder_that_everybody_writes_is_refused(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state").chmod(0o777)
    code, found = looked(folder)
    assert code == 1
    assert "chmod o-w" in found["state folder"][1]


def test_model_and_encoder_are_held_against_the_ledger(tmp_path: Path) -> None:
    texts = paragraphs(("numpy",), 600)
    tiny_causal(tmp_path / "champion", texts, vocab=600, layers=1, width=32, steps=2)
    (tmp_path / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    config = tmp_path / "driftwatch.toml"
    config.write_text(MODEL)
    built = CliRunner().invoke(app, ["reference", "build", "docs", "--config", str(config)])
    assert built.exit_code == 0, built.output
    code, found = looked(tmp_path, "doctor")
    assert code == 0, found
    assert "every hash right" in found["stream docs: model"][1]
    assert "that of reference" in found["stream docs: encoder"][1]
    assert found["store"][0] == "ok"
    config.write_text(MODEL.replace('kind = "champion"', 'kind = "champion"\nmax_tokens = 16'))
    code, found = looked(tmp_path, "doctor")
    assert code == 2
    assert "is not what reference" in found["stream docs: encoder"][1]
    weights = next(tmp_path.glob("state/models/docs/m*/model.safetensors"))
    weights.chmod(0o644)
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    code, found = looked(tmp_path)
    assert code == 2
    assert "is not as it was written" in found["stream docs: model"][1]


def test_sources_are_read_from_their_begin_as_far_as_that_takes_nothing_away(folder: Path) -> None:
    (folder / "in").mkdir()
    (folder / "driftwatch.toml").write_text(
        f"""{CONFIG}
[[streams.docs.sources]]
type = "folder"
url = "in"
[[streams.docs.sources]]
type = "sql"
url = "sqlite:///{folder}/app.db"
table = "said"
cursor = "id"
body = "words"
[[streams.docs.sources]]
type = "redis"
url = "redis://127.0.0.1:1/0"
key = "said"
"""
    )
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("create table said (id integer primary key, word text)")
        database.execute("insert into said (word) values ('hello')")
        database.commit()
    code, found = looked(folder)
    assert code != 0
    assert found["stream docs: source folder"] == ("ok", f"{folder}/in can be read; nothing is in it yet")
    assert found["stream docs: source sql"][0] == "error"
    assert "words" in found["stream docs: source sql"][1]
    assert found["stream docs: source redis"][0] == "ok"
    assert "its server is not asked" in found["stream docs: source redis"][1]
    with closing(sqlite3.connect(folder / "app.db")) as database:
        database.execute("alter table said rename column word to words")
    (folder / "in" / "a.jsonl").write_text('{"words": "hello"}\n')
    code, found = looked(folder)
    assert code == 0
    level, detail = found["stream docs: source folder"]
    assert (level, "(1 no-body)" in detail) == ("warning", True)
    assert found["stream docs: source sql"] == ("ok", "table said can be read")
