"""Whole runs of champions of other families: from texts to a promotion, every figure in the unit of the loss."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from corpus import paragraphs
from tiny_families import tiny_classifier, tiny_masked

from driftwatch import wiring
from driftwatch.config import load_config
from driftwatch.domain.features import LossUnit
from driftwatch.domain.run import GateLimits, Probation, Recipe, RunId, RunSpec, RunState, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.job import Job

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.config import Config

pytestmark = pytest.mark.slow
S = "tickets"
RUN = RunId("tickets-w0000001")
KINDS = {"arrays": ("numpy", "scipy"), "networks": ("torch/nn", "torch/distributed")}
UNITS = {"masked": LossUnit.MASKED_TOKEN, "classifier": LossUnit.LABELLED_TEXT}
PAIR_UNITS = {"masked": "nats/pair", "classifier": "probability/pair"}
CONFIG = """\
state_dir = "state"
[streams.tickets]
model = "champion"
encoder = {kind = "champion"}
reference = {data = ["training.jsonl"], target = "label", sample = 600}
"""
RECIPE = Recipe(
    name="quick",
    learning_rates=(1e-3,),
    epochs=2.0,
    batch=8,
    context=64,
    checkpoint_steps=50,
    probe=0.5,
    merge=(0.5, 1.0),
)


def rows(which: int, count: int) -> list[dict[str, str]]:
    """Texts of each kind in turn, from its first package or its second."""
    kinds = {kind: paragraphs([packages[which]], count) for kind, packages in KINDS.items()}
    return [
        {"text": body, "label": kind}
        for bodies in zip(*kinds.values(), strict=True)
        for kind, body in zip(kinds, bodies, strict=True)
    ]


def deployed(folder: Path, family: str) -> Config:
    """A stream with a champion of the family and its reference."""
    old = rows(0, 300)
    if family == "masked":
        tiny_masked(folder / "champion", [row["text"] for row in old], steps=40)
    else:
        split = {kind: [row["text"] for row in old if row["label"] == kind] for kind in KINDS}
        tiny_classifier(folder / "champion", split, steps=60)
    (folder / "training.jsonl").write_text("".join(json.dumps(row) + "\n" for row in old))
    (folder / "driftwatch.toml").write_text(CONFIG)
    config = load_config(folder / "driftwatch.toml", environ={})
    wiring.build_reference(config, S)
    return config


@pytest.mark.parametrize("family", list(UNITS))
def test_a_run_goes_from_its_texts_to_a_kept_model(family: str, tmp_path: Path) -> None:
    config = deployed(tmp_path, family)
    store = wiring.open_store(config)
    at = wiring.CLOCK.now()
    fresh = [Text(id=str(n), body=row["text"], target=row["label"], seen_at=at) for n, row in enumerate(rows(1, 200))]
    store.texts.take_in(S, source="test", texts=fresh, cursor=None, counts={})
    champion, reference = store.registry.champion(S), store.registry.reference(S)
    assert champion is not None
    assert reference is not None
    spec = RunSpec(
        id=RUN,
        stream=S,
        rule="model-suffers",
        window=1,
        first_seq=1,
        last_seq=len(fresh),
        reference=reference.version,
        champion=champion.version,
        recipe=RECIPE,
        limits=GateLimits(quality_min_gain=-5.0, forgetting_max_loss=5.0, bias_max_increase=50.0, bias_neutral=0),
        approve=True,
        worth=-5.0,
        probation=Probation(windows=0),
    )
    store.runs.create(spec, reason="a test asked")
    Job(config, store, RUN).work()
    run = store.runs.get(RUN)
    assert run.state is RunState.AWAITING_APPROVAL, run.transitions[-1].reason
    told = {verdict.gate: verdict for verdict in run.verdicts}
    assert told["bias"].outcome is not VerdictOutcome.REFUSED, told["bias"].detail
    assert {measure.unit for measure in told["bias"].measures} == {PAIR_UNITS[family]}
    assert told["probe"].measures, told["probe"].detail
    for gate in ("probe", "quality", "forgetting"):
        assert told[gate].measures[0].unit == UNITS[family]
    page = (config.state_dir / "runs" / RUN / "report.html").read_text()
    assert "Merge with the champion" in page
    assert f"Training loss, {UNITS[family]}" in page
    assert "nats/token" not in page
    store.runs.move(RUN, to=RunState.PROMOTING, reason="approved by a test")
    Job(config, store, RUN).work()
    run = store.runs.get(RUN)
    assert run.state is RunState.KEPT, run.transitions[-1].reason
    serving = store.registry.champion(S)
    assert serving is not None
    assert serving.version == run.candidate
    store.close()
