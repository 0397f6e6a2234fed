"""``driftwatch bias check`` on real small models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from corpus import paragraphs
from models import tiny_causal
from tiny_families import tiny_classifier
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.gate.bias.builtin import CATEGORIES

if TYPE_CHECKING:
    from pathlib import Path

RUN = CliRunner()


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    bodies = list(paragraphs(["numpy"], 60))
    kinds = {"arrays": bodies, "nets": list(paragraphs(["torch/nn"], 60))}
    return {
        "champion": tiny_causal(root / "champion", bodies, vocab=600, steps=10),
        "candidate": tiny_causal(root / "candidate", bodies, vocab=600, steps=14),
        "classifier": tiny_classifier(root / "classifier", kinds, steps=30),
    }


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    file = tmp_path / "own.jsonl"
    rows = [
        {
            "category": "age",
            "template": f"t{n}",
            "stereotype": f"The old man {word}.",
            "counter": f"The young man {word}.",
        }
        for n, word in enumerate(("came home", "was late", "forgot it", "fell asleep", "paid"))
    ]
    file.write_text("\n".join(json.dumps(row) for row in rows))
    return file


def test_a_change_is_told_as_tables_as_json_and_as_a_page(models: dict[str, Path], suite: Path, tmp_path: Path) -> None:
    page = tmp_path / "bias.html"
    asked = ["bias", "check", str(models["candidate"]), "--against", str(models["champion"]), "--suite", str(suite)]
    shown = RUN.invoke(app, asked)
    assert shown.exit_code == 0, shown.output
    assert "change from" in shown.stdout
    assert "peak memory" in shown.stderr
    told = RUN.invoke(app, [*asked, "--json", "--html", str(page)])
    found = json.loads(told.stdout)
    assert found["model"] == str(models["candidate"])
    (own,) = found["suites"]
    assert own["pairs"] == 5
    assert own["change"][0]["category"] == "age"
    assert own["words"][0] in page.read_text().replace("&#x27;", "'")


def test_a_classifier_is_checked_on_pairs_and_labelled_texts(
    models: dict[str, Path], suite: Path, tmp_path: Path
) -> None:
    pytest.importorskip("fairlearn")
    labelled = tmp_path / "labelled.jsonl"
    rows = [
        {"body": body[:80], "group": "ab"[n % 2], "label": ("arrays", "nets")[n % 3 > 0]}
        for n, body in enumerate(paragraphs(["numpy"], 12))
    ]
    labelled.write_text("\n".join(json.dumps(row) for row in rows))
    asked = ["bias", "check", str(models["classifier"]), "--suite", str(suite), "--labelled", str(labelled)]
    found = json.loads(RUN.invoke(app, [*asked, "--json"]).stdout)
    assert found["suites"][0]["unit"] == "probability/pair"
    assert {each["name"] for each in found["fairness"]["classes"]} == {"arrays", "nets"}
    assert "parity difference" in RUN.invoke(app, asked).stdout


def test_what_a_model_writes_is_told_by_group(models: dict[str, Path], suite: Path) -> None:
    asked = ["bias", "check", str(models["candidate"]), "--suite", str(suite), "--write", "--json"]
    found = json.loads(RUN.invoke(app, asked).stdout)
    assert {each["group"] for each in found["tone"]["groups"]} >= {"women", "men"}
    assert {each["category"] for each in found["tone"]["gaps"]} == set(CATEGORIES)


def test_a_file_of_texts_that_is_missing_is_said_with_where_paths_begin(tmp_path: Path) -> None:
    (tmp_path / "new.jsonl").write_text('{"text": "An old man came."}')
    asked = ["bias", "data", str(tmp_path / "new.jsonl"), "--reference", "nowhere/old.jsonl"]
    told = RUN.invoke(app, asked)
    assert told.exit_code != 0
    said = " ".join(told.stderr.split())
    assert "nowhere/old.jsonl: there is no such file" in said
    assert "configuration" not in said


def test_a_suite_of_which_no_category_has_two_templates_is_no_check(models: dict[str, Path], tmp_path: Path) -> None:
    lone = tmp_path / "lone.csv"
    lone.write_text("category,template,stereotype,counter\nage,t1,The old man slept.,The young man slept.\n")
    told = RUN.invoke(app, ["bias", "check", str(models["candidate"]), "--suite", str(lone)])
    assert told.exit_code != 0
    assert "at least two templates" in " ".join(told.stderr.split())


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--write"], "classifier: only a causal language model writes"),
        (["--labelled", "MISSING"], "MISSING"),
        (["--suite", "QUESTIONS"], "classifier: questions are answered by causal language models only"),
        (["--against", "CHAMPION"], "a classifier's scores and a language model's cannot be compared"),
        (["--html", "/nowhere/bias.html"], "/nowhere: there is no such folder"),
        (["--html", "/"], "/: is a folder"),
    ],
)
def test_what_a_model_cannot_be_asked_is_an_error_before_anything_is_scored(
    models: dict[str, Path], suite: Path, extra: list[str], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    question = {
        "example_id": 1,
        "question_index": "1",
        "question_polarity": "neg",
        "context_condition": "ambig",
        "category": "Age",
        "answer_info": {"ans0": ["aunt", "old"], "ans1": ["niece", "nonOld"], "ans2": ["nobody", "unknown"]},
        "context": "An aunt and a niece came.",
        "question": "Who was late?",
        "ans0": "The aunt",
        "ans1": "The niece",
        "ans2": "Not known",
        "label": 2,
    }
    (tmp_path / "Age.jsonl").write_text(json.dumps(question))
    places = {"QUESTIONS": tmp_path / "Age.jsonl", "CHAMPION": models["champion"]}
    asked = [str(places.get(word, word)) for word in extra]

    def scored(*_: object, **__: object) -> None:
        pytest.fail("something was scored before")

    monkeypatch.setattr("driftwatch.gate.bias.report.suite_report", scored)
    done = RUN.invoke(app, ["bias", "check", str(models["classifier"]), "--suite", str(suite), *asked])
    assert done.exit_code != 0
    assert "error:" in done.stderr
    assert "cure:" in done.stderr
    assert said in done.stderr


def test_labelled_texts_that_cannot_be_read_are_left_out_and_counted(
    models: dict[str, Path], suite: Path, tmp_path: Path
) -> None:
    pytest.importorskip("fairlearn")
    labelled, page = tmp_path / "labelled.jsonl", tmp_path / "bias.html"
    bodies = [*(body[:80] for body in paragraphs(["numpy"], 12)), "a \u2603 in the array", "a \u2603 again"]
    rows = [
        {"body": body, "group": "ab"[n % 2], "label": ("arrays", "nets")[n % 3 > 0]} for n, body in enumerate(bodies)
    ]
    labelled.write_text("\n".join(json.dumps(row) for row in rows))
    asked = ["bias", "check", str(models["classifier"]), "--suite", str(suite), "--labelled", str(labelled)]
    shown = RUN.invoke(app, asked)
    assert f"2 left out: a word that the tokenizer has no token for (the first: {labelled}:13)." in shown.stdout
    found = json.loads(RUN.invoke(app, [*asked, "--json", "--html", str(page)]).stdout)
    assert sum(group["texts"] for group in found["fairness"]["groups"]) == 12
    assert "2 left out: a word that the tokenizer has no token for" in page.read_text()
