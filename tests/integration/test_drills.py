"""A drill from the configuration to the measures of windows, through the analysis worker and its restarts."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from corpus import paragraphs
from models import tiny_causal
from typer.testing import CliRunner

from driftwatch.cli import app
from driftwatch.config import load_config
from driftwatch.domain.analysis import AnalysisRequest
from driftwatch.domain.text import StoredText, Text
from driftwatch.store import open_store
from driftwatch.worker import Analyst

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SIZE = 200
CONFIG = """\
[streams.docs]
model = "champion"
window = 200
[streams.docs.encoder]
kind = "champion"
[streams.docs.evidence]
dependence = 8
[streams.docs.reference]
data = ["training.jsonl"]
sample = 1500
[[streams.docs.drills]]
name = "other-docs"
texts = "drill.jsonl"
share = 0.8
every = "30d"
within = 1000
"""


class Still:
    def now(self) -> datetime:
        return NOON


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    known = paragraphs(["scipy"], 3_000)
    other = paragraphs(["torch/nn", "torch/distributed"], 900)
    tiny_causal(tmp_path / "champion", texts=known[:500])
    rows = known[::2]
    (tmp_path / "training.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    (tmp_path / "drill.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in other))
    (tmp_path / "driftwatch.toml").write_text(CONFIG)
    done = CliRunner().invoke(app, ["reference", "build", "docs", "--config", str(tmp_path / "driftwatch.toml")])
    assert done.exit_code == 0, done.output
    return tmp_path


@pytest.fixture
def ask(folder: Path) -> Callable[[int, Mapping[str, bytes]], AnalysisRequest]:
    store = open_store(folder / "state" / "driftwatch.db", clock=Still())
    reference, champion = store.registry.reference("docs"), store.registry.champion("docs")
    store.close()
    assert reference is not None
    assert champion is not None
    quiet = paragraphs(["scipy"], 3_000)[1::2]

    def request(index: int, states: Mapping[str, bytes]) -> AnalysisRequest:
        texts = tuple(
            StoredText(
                seq=index * SIZE + row + 1,
                text=Text(id=f"{index}-{row}", body=body, seen_at=NOON + timedelta(seconds=index * SIZE + row)),
            )
            for row, body in enumerate(quiet[index * SIZE : (index + 1) * SIZE])
        )
        return AnalysisRequest(
            stream="docs",
            index=index,
            texts=texts,
            reference=reference.path,
            champion=champion.path,
            champion_version=champion.version,
            states=states,
            arl_texts=1e4,
        )

    return request


def test_a_drill_is_detected_through_the_worker_and_over_its_restarts(
    folder: Path, ask: Callable[[int, Mapping[str, bytes]], AnalysisRequest]
) -> None:
    config = load_config(folder / "driftwatch.toml", environ={})
    states: Mapping[str, bytes] = {}
    for index in range(6):
        analysis = Analyst(config).assess(ask(index, states))
        states = analysis.states
        assert analysis.result.value("drift.alarm") == 0
    assert "drill.other-docs" in states
    assert analysis.result.value("drill.other-docs.missed") == 0
    delay = analysis.result.value("drill.other-docs.delay")
    assert delay is not None
    assert 0 < delay <= 1_000


def test_a_drill_taken_out_of_the_configuration_leaves_no_trace_and_costs_nothing(
    folder: Path, ask: Callable[[int, Mapping[str, bytes]], AnalysisRequest]
) -> None:
    """Its state stays in the store: nothing must be fitted anew for it, window after window."""
    config = load_config(folder / "driftwatch.toml", environ={})
    kept = dict(Analyst(config).assess(ask(0, {})).states)
    (folder / "driftwatch.toml").write_text(CONFIG.partition("[[streams.docs.drills]]")[0])
    analyst = Analyst(load_config(folder / "driftwatch.toml", environ={}))
    kept |= analyst.assess(ask(1, kept)).states
    fitted = analyst._loaded["docs"].assessor
    result = analyst.assess(ask(2, kept)).result
    assert analyst._loaded["docs"].assessor is fitted
    assert not [measure for measure in result.measures if measure.name.startswith("drill.")]
