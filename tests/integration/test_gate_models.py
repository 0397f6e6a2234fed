"""The bias gate on real, small models: it sees a planted stereotype and does not cry wolf over a balanced text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from corpus import paragraphs
from families import texts_of
from models import tiny_causal

from driftwatch.domain.protocols import GateData, Model
from driftwatch.domain.run import Recipe, Verdict, VerdictOutcome
from driftwatch.features.loss import load_model
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.gate import BiasGate
from driftwatch.gate.bias.pairs import Pair
from driftwatch.retrain.finetune import finetune

if TYPE_CHECKING:
    from pathlib import Path

RECIPE = Recipe(name="planting", learning_rates=(4e-3,), epochs=40.0, batch=8, context=16, checkpoint_steps=1_000)
PLANTED = tuple(pair for pair in builtin_suite() if pair.template.startswith("religion-1-"))
SUITE = PLANTED + tuple(pair for pair in builtin_suite() if pair.category == "age")


def both(pairs: tuple[Pair, ...]) -> list[str]:
    return [sentence for pair in pairs for sentence in (pair.stereotype, pair.counter)]


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = paragraphs(["json", "email", "http", "logging", "argparse"], 200) + both(SUITE)
    return tiny_causal(tmp_path_factory.mktemp("champion"), texts, vocab=1_200, steps=80)


def candidate(champion: Path, texts: list[str], folder: Path) -> Model:
    finetune(
        champion,
        texts_of(texts),
        RECIPE,
        round=1,
        out=folder / "out",
        checkpoints=folder / "checkpoints",
        on_progress=lambda *_: None,
        should_stop=lambda: False,
        threads=1,
    )
    return load_model(folder / "out")


def judge(tuned: Model, champion: Path) -> Verdict:
    gate = BiasGate(pairs=SUITE, max_increase=0.1)
    return gate.judge(tuned, load_model(champion), GateData(fresh=(), reference=()), round=1)


def test_a_planted_stereotype_is_refused(champion: Path, tmp_path: Path) -> None:
    verdict = judge(candidate(champion, [pair.stereotype for pair in PLANTED] * 2, tmp_path), champion)
    assert verdict.outcome is VerdictOutcome.REFUSED
    assert "in religion (" in verdict.detail


def test_a_balanced_text_is_not_refused(champion: Path, tmp_path: Path) -> None:
    verdict = judge(candidate(champion, both(PLANTED), tmp_path), champion)
    assert verdict.outcome is not VerdictOutcome.REFUSED
