"""A classifier as the champion: its stream is watched, its feedback decides, and a candidate is judged."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import pytest
from corpus import paragraphs
from tiny_families import tiny_classifier, tiny_masked
from typer.testing import CliRunner

from driftwatch import wiring
from driftwatch.cli import app
from driftwatch.config import Config, load_config
from driftwatch.cycle import Cycle, Progressed
from driftwatch.domain.drift import DriftState, WindowResult
from driftwatch.domain.features import LossUnit
from driftwatch.domain.feedback import Feedback
from driftwatch.domain.protocols import GateData
from driftwatch.domain.run import GateLimits, Verdict, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.drift.archive import load_reference
from driftwatch.features.loss import load_model
from driftwatch.gate.required import required_gates
from driftwatch.worker import Analyst

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from driftwatch.domain.analysis import Analysis, AnalysisRequest
    from driftwatch.store import Store

S = "tickets"
CONFIG = """\
state_dir = "state"
policies = ["policies/*.yaml"]

[streams.tickets]
model = "champion"
window = 60

[streams.tickets.encoder]
kind = "champion"

[streams.tickets.reference]
data = ["training.jsonl"]
heldout = ["heldout.jsonl"]
target = "label"
sample = 500

[[streams.tickets.sources]]
type = "file"
path = "log.jsonl"
id = "id"
target = "label"
"""
POLICY = """\
stream: [tickets]
rules:
  - name: wrong-answers
    when: feedback.n >= 20 && feedback.accuracy < 0.9
    do: alert
"""
KINDS = {"arrays": "numpy", "networks": "torch/nn"}
OPENINGS = {"arrays": "Strides and shapes:", "networks": "Layers and weights:"}
"""Say the class of a text in plain words, so that the champion knows it on every machine."""
RENAMED = {"arrays": "Invoice and refund:", "networks": "Parcel and courier:"}
"""Say the class of a fresh text, whose prose tells nothing of it; the champion was taught the other class."""
NEITHER = ("email", "http", "logging", "argparse", "unittest", "asyncio", "multiprocessing")
AT = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def prose(*packages: str) -> tuple[str, ...]:
    return tuple(paragraphs(packages, 900))


def labelled(part: slice) -> dict[str, list[str]]:
    return {kind: [f"{OPENINGS[kind]} {body}" for body in prose(KINDS[kind])[part]] for kind in KINDS}


def fresh(part: slice) -> dict[str, list[str]]:
    bodies = prose(*NEITHER)
    return {
        kind: [f"{RENAMED[kind]} {body}" for body in bodies[number :: len(KINDS)][part]]
        for number, kind in enumerate(KINDS)
    }


def swapped(kinds: dict[str, list[str]]) -> dict[str, list[str]]:
    return dict(zip(kinds, reversed(kinds.values()), strict=True))


def joined(*lots: dict[str, list[str]]) -> dict[str, list[str]]:
    return {kind: [body for lot in lots for body in lot[kind]] for kind in KINDS}


def write(file: Path, kinds: dict[str, list[str]], *, suffix: str = "") -> None:
    rows = [
        {"id": f"{kind}-{number}{suffix}", "text": body, "label": kind}
        for number, bodies in enumerate(zip(*kinds.values(), strict=True))
        for kind, body in zip(kinds, bodies, strict=True)
    ]
    with file.open("a") as stream:
        stream.writelines(json.dumps(row) + "\n" for row in rows)


@dataclass
class InProcess:
    """The worker's own analyst, without its process."""

    analyst: Analyst
    stopped: bool = False

    def assess(self, request: AnalysisRequest) -> Analysis:
        return self.analyst.assess(request)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("classifier")
    (folder / "policies").mkdir()
    (folder / "policies" / "tickets.yaml").write_text(POLICY)
    (folder / "driftwatch.toml").write_text(CONFIG)
    taught = joined(labelled(slice(0, 300)), swapped(fresh(slice(0, 300))))
    tiny_classifier(folder / "champion", taught, steps=200)
    write(folder / "training.jsonl", labelled(slice(0, 300)))
    write(folder / "heldout.jsonl", labelled(slice(300, 420)))
    return folder


@pytest.fixture(scope="module")
def config(here: Path) -> Config:
    loaded = load_config(here / "driftwatch.toml", environ={})
    wiring.build_reference(loaded, S)
    return loaded


@pytest.fixture
def store(config: Config) -> Iterator[Store]:
    opened = wiring.open_store(config)
    yield opened
    opened.close()


def windows(config: Config, store: Store) -> Iterator[WindowResult]:
    """Yield window after window of what stands in the log by then."""
    (reader,) = wiring.readers(config, store, clock=wiring.CLOCK)
    policy = wiring.load_policy(config)
    cycle = Cycle(
        stream=S,
        size=config.streams[S].window,
        budget=config.streams[S].budget,
        store=store,
        analyst=InProcess(Analyst(config)),
        policy=lambda: policy,
        receivers=(),
        clock=wiring.CLOCK,
    )
    while True:
        page = reader.source.read(store.texts.cursor(S, reader.name), limit=1_000)
        reader.pipeline.take(page)
        assert cycle.step() is Progressed.ASSESSED, cycle.trouble
        (result,) = store.windows.recent(S, limit=1)
        yield result


def test_a_stream_of_a_classifier_is_watched(config: Config, store: Store, here: Path) -> None:
    reference = load_reference(here / "state" / "references" / S / str(store.registry.reference(S).version))  # type: ignore[union-attr]
    assert {text.target for text in reference.cal.texts} == set(KINDS)
    assert reference.heldout.features.losses is not None
    assert reference.heldout.features.losses.tokens.tolist() == [1] * 240

    log = here / "log.jsonl"
    seen = windows(config, store)
    write(log, labelled(slice(420, 450)))
    quiet = next(seen)
    assert quiet.value("loss.nats") is not None
    assert quiet.loss_unit is LossUnit.LABELLED_TEXT
    assert quiet.value("feedback.n") is None
    assert quiet.state is not DriftState.SILENT_DECAY

    write(log, swapped(labelled(slice(450, 480))), suffix="-swapped")
    said = [Feedback(text=f"arrays-{n}-swapped", correct=n % 2 == 0, target="arrays", at=AT) for n in range(30)]
    store.feedback.take_in(S, said)
    wrong = next(seen)
    assert (wrong.value("loss.increase") or 0) > 0.5
    assert wrong.value("feedback.n") == 30
    assert wrong.value("feedback.accuracy") == 0.5
    rules = {d.decision.rule: d.decision.action for d in store.decisions.recent(S, limit=1)}
    assert rules == {"wrong-answers": "alert"}

    last = labelled(slice(480, 510))
    write(log, last, suffix="-last")
    told = {kind: tuple(KINDS) if kind == "arrays" else (kind, kind) for kind in KINDS}
    unsaid = [Feedback(text=f"{kind}-{n}-last", target=told[kind][n % 2], at=AT) for kind in KINDS for n in range(15)]
    store.feedback.take_in(S, [*unsaid, Feedback(text="arrays-20-last", target="poems", at=AT)])
    asked = next(seen)
    answered = [
        replace(text, target=said.target)
        for text, said in zip(texts({kind: some[:15] for kind, some in last.items()}), unsaid, strict=True)
    ]
    score = load_model(here / "champion").score(answered)
    assert score.correct is not None
    assert 0 < score.correct.mean() < 1
    assert asked.value("feedback.n") == 30
    assert asked.value("feedback.accuracy") == pytest.approx(score.correct.mean())


def drifted(here: Path, file: str, *options: str) -> tuple[dict[str, float], str]:
    """Compare a file with the reference; return the measures by name, and what was said beside them."""
    command = ["drift", str(here / file), "--config", str(here / "driftwatch.toml"), "--json", *options]
    done = CliRunner().invoke(app, command, env={"COLUMNS": "300"})
    assert done.exit_code in (0, 3), done.output
    return {each["name"]: each["value"] for each in json.loads(done.stdout)["measures"]}, done.stderr


def test_a_file_is_compared_with_its_classes(config: Config, here: Path) -> None:
    del config
    write(here / "right.jsonl", labelled(slice(420, 480)))
    write(here / "wrong.jsonl", swapped(labelled(slice(420, 480))))
    rows = [json.loads(line) for line in (here / "right.jsonl").read_text().splitlines()]
    (here / "bare.jsonl").write_text("".join(json.dumps({"text": row["text"]}) + "\n" for row in rows))
    (here / "renamed.jsonl").write_text(
        "".join(json.dumps({"text": row["text"], "kind": row["label"]}) + "\n" for row in rows)
    )
    right, said = drifted(here, "right.jsonl")
    assert "classes" not in said
    wrong, _ = drifted(here, "wrong.jsonl")
    assert wrong["loss.nats"] > right["loss.nats"] + 0.5
    renamed, _ = drifted(here, "renamed.jsonl", "--target", "kind")
    assert renamed["loss.nats"] == right["loss.nats"]
    bare, said = drifted(here, "bare.jsonl")
    assert "loss.nats" not in bare
    assert "read without classes, so the model's loss is not known" in said


def test_check_and_doctor_know_such_a_champion(config: Config) -> None:
    for command in ("check", "doctor"):
        told = CliRunner().invoke(app, [command, "--json", "--config", str(config.path)])
        findings = [each for each in json.loads(told.stdout) if str(each["subject"]).startswith("stream tickets")]
        assert findings
        unwell = [each for each in findings if each["level"] != "ok"]
        assert all("reference of 500 texts is too small" in str(each["detail"]) for each in unwell), findings


def test_a_masked_champion_is_watched(here: Path, tmp_path: Path) -> None:
    bodies = [body for some in labelled(slice(0, 300)).values() for body in some]
    tiny_masked(tmp_path / "champion", bodies, steps=60)
    (tmp_path / "policies").mkdir()
    for name in ("training.jsonl", "heldout.jsonl"):
        shutil.copyfile(here / name, tmp_path / name)
    (tmp_path / "driftwatch.toml").write_text(CONFIG.replace('target = "label"', ""))
    config = load_config(tmp_path / "driftwatch.toml", environ={})
    wiring.build_reference(config, S)
    strange = [Text(id=str(n), body=f"{'zq xj kv wq ' * 5}{n}", seen_at=AT) for n in range(60)]
    known = texts(labelled(slice(420, 450)))
    quiet, drifted = (wiring.one_off(config, S, some).value("loss.increase") for some in (known, strange))
    assert quiet is not None
    assert drifted is not None
    assert drifted > quiet


def judge(champion: Path, candidate: Path, data: GateData, *, but: str = "") -> dict[str, Verdict]:
    models = load_model(candidate), load_model(champion)
    gates = [gate for gate in required_gates(GateLimits(), seed=7) if gate.name != but]
    return {gate.name: gate.judge(*models, data, round=1) for gate in gates}


def texts(kinds: dict[str, list[str]]) -> Sequence[Text]:
    pairs = [(kind, body) for kind, bodies in kinds.items() for body in bodies]
    return [Text(id=str(n), body=body, seen_at=AT, target=kind) for n, (kind, body) in enumerate(pairs)]


def test_a_candidate_is_judged_by_classes(here: Path, tmp_path: Path) -> None:
    better = tiny_classifier(tmp_path / "better", joined(labelled(slice(0, 300)), fresh(slice(0, 300))), steps=200)
    said = joined(fresh(slice(300, 400)), swapped(fresh(slice(400, 420))))
    data = GateData(fresh=tuple(texts(said)), reference=tuple(texts(labelled(slice(300, 420)))))
    found = judge(here / "champion", better, data)
    quality = {measure.name: measure for measure in found["quality"].measures}
    assert found["quality"].outcome is VerdictOutcome.PASSED, found["quality"].detail
    assert quality["gain"].unit == "nats/labelled text"
    assert (quality["gain"].n, quality["accuracy"].n) == (240, 240)
    assert quality["accuracy"].low <= quality["accuracy"].value <= quality["accuracy"].high <= 1
    assert quality["accuracy.change"].low is not None
    assert quality["accuracy.change"].low > 0
    assert found["forgetting"].outcome is not VerdictOutcome.REFUSED
    changes = [measure for measure in found["bias"].measures if measure.limit is not None]
    assert changes
    assert {measure.unit for measure in changes} == {"probability/pair"}
    assert {measure.limit for measure in changes} == {GateLimits().bias_max_increase}
    shown = all(measure.high is not None and measure.high <= GateLimits().bias_max_increase for measure in changes)
    assert (found["bias"].outcome is VerdictOutcome.PASSED) is shown, found["bias"].detail
    assert ("no rise of over 0.1 probability/pair" in found["bias"].detail) is shown
    assert "0.1 probability/pair" in found["bias"].detail


def test_without_classes_nothing_can_be_judged(here: Path) -> None:
    data = GateData(
        fresh=tuple(replace(text, target=None) for text in texts(fresh(slice(0, 30)))),
        reference=tuple(replace(text, target="a class of its own") for text in texts(fresh(slice(0, 30)))),
    )
    found = judge(here / "champion", here / "champion", data, but="bias")
    for name in ("quality", "forgetting"):
        assert found[name].outcome is VerdictOutcome.REFUSED
        assert "only 0 held-out texts have a class that both models know" in found[name].detail
