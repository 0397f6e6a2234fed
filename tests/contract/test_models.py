"""What every family of models promises when it scores texts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from corpus import paragraphs
from models import tiny_causal
from tiny_families import CONTEXT, tiny_classifier, tiny_llama, tiny_masked

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import LossUnit, PairUnit, Unreadable
from driftwatch.domain.text import Text
from driftwatch.features.loss import load_model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.protocols import Model

AT = datetime(2026, 1, 1, tzinfo=UTC)
FAMILIES = ("causal", "llama", "masked", "classifier")
ODD = ("", " ", "a", "word " * 500, "\x00", "😀", "zq xj kv wq")


@pytest.fixture(scope="module")
def texts() -> tuple[Text, ...]:
    """Prose of two kinds, its kind as its class, and some odd texts without a class."""
    known = [
        (body, kind)
        for kind, package in (("arrays", "numpy"), ("networks", "torch/nn"))
        for body in paragraphs([package], 40)
    ]
    named = [Text(id=f"t{number}", body=body, seen_at=AT, target=kind) for number, (body, kind) in enumerate(known)]
    return (*named, *(Text(id=f"odd{number}", body=body, seen_at=AT) for number, body in enumerate(ODD)))


@pytest.fixture(scope="module")
def folders(texts: tuple[Text, ...], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("models")
    bodies = [text.body for text in texts if text.target]
    kinds = {kind: [text.body for text in texts if text.target == kind] for kind in ("arrays", "networks")}
    return {
        "causal": tiny_causal(root / "causal", bodies, vocab=600, steps=20),
        "llama": tiny_llama(root / "llama", bodies, steps=20),
        "masked": tiny_masked(root / "masked", bodies, steps=60),
        "classifier": tiny_classifier(root / "classifier", kinds, steps=40),
    }


@pytest.fixture(scope="module", params=FAMILIES)
def folder(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Path:
    return folders[request.param]


@pytest.fixture(scope="module")
def model(folder: Path) -> Model:
    return load_model(folder)


class TestEveryModel:
    def test_shapes_and_types(self, model: Model, texts: Sequence[Text]) -> None:
        for found in (model.score(texts), model.losses([text.body for text in texts])):
            assert found.nats.dtype == np.float64
            assert found.tokens.dtype == np.int64
            assert found.nats.shape == found.tokens.shape == (len(texts),)
            assert np.isfinite(found.nats).all()
            assert (found.nats >= 0).all()
            assert (found.nats[found.tokens == 0] == 0).all()
            assert found.digest == model.digest
        assert model.losses([]).nats.shape == model.score([]).tokens.shape == (0,)

    def test_the_same_text_gets_the_same_loss(self, folder: Path, model: Model, texts: Sequence[Text]) -> None:
        first, again = model.score(texts), load_model(folder).score(texts)
        assert np.array_equal(first.nats, again.nats)
        assert np.array_equal(first.tokens, again.tokens)

    def test_a_text_does_not_depend_on_its_neighbours(self, model: Model, texts: Sequence[Text]) -> None:
        together, backward = model.score(texts), model.score(texts[::-1])
        assert np.array_equal(together.tokens, backward.tokens[::-1])
        assert np.allclose(together.nats, backward.nats[::-1], rtol=1e-4, atol=1e-4)
        for place in (0, 50, len(texts) - 4):
            alone = model.score([texts[place]])
            assert alone.nats[0] == pytest.approx(together.nats[place], rel=1e-4, abs=1e-4)

    def test_without_targets_a_score_is_that_of_the_bodies(self, model: Model, texts: Sequence[Text]) -> None:
        plain = model.losses([text.body for text in texts])
        scored = model.score([replace(text, target=None) for text in texts])
        assert np.array_equal(plain.nats, scored.nats)
        assert np.array_equal(plain.tokens, scored.tokens)
        assert plain.unit is scored.unit

    def test_what_it_was_trained_on_is_known_better(self, model: Model, texts: Sequence[Text]) -> None:
        swapped = {"arrays": "networks", "networks": "arrays"}
        strange = [
            replace(text, body="zq xj kv wq " * 10, target=swapped[text.target]) for text in texts if text.target
        ]
        known, other = model.score([text for text in texts if text.target]), model.score(strange)
        assert known.nats.sum() / known.tokens.sum() < other.nats.sum() / other.tokens.sum()

    def test_pairs_are_scored_by_what_differs(self, model: Model, texts: Sequence[Text]) -> None:
        bodies = [text.body[:60] for text in texts if text.target]
        pairs = [(body, f"the {body}") for body in bodies]
        found, same = model.pair_scores(pairs), model.pair_scores([(body, body) for body in bodies[:9]])
        assert found.values.dtype == np.float64
        assert found.values.shape == (len(pairs),)
        assert found.digest == model.digest
        assert np.allclose(same.values, 0.0, atol=1e-4)
        turned = model.pair_scores([(second, first) for first, second in pairs]).values
        sign = 1 if found.unit is PairUnit.SHARE else -1
        assert np.allclose(found.values, sign * turned, atol=1e-3)
        assert (found.flipped is None) == (found.unit is not PairUnit.SHARE)
        assert model.pair_scores([]).values.shape == (0,)

    def test_a_pair_does_not_depend_on_its_neighbours(self, model: Model, texts: Sequence[Text]) -> None:
        bodies = [text.body[:60] for text in texts if text.target]
        pairs = [(body, f"the {body}") for body in bodies]
        together = model.pair_scores(pairs).values
        for place in (0, 7, len(pairs) - 1):
            assert model.pair_scores([pairs[place]]).values[0] == pytest.approx(together[place], abs=1e-3)

    def test_what_cannot_be_read_whole_is_told(self, model: Model) -> None:
        empty, plain, long = model.unreadable(["", "the array", "word " * 500])
        assert (empty, plain, long) == (Unreadable.EMPTY, None, Unreadable.TOO_LONG)

    def test_losses_that_are_no_numbers_are_refused(self, folder: Path, texts: Sequence[Text], tmp_path: Path) -> None:
        from safetensors.torch import load_file, save_file

        broken = tmp_path / "broken"
        shutil.copytree(folder, broken)
        tensors = {name: tensor * float("nan") for name, tensor in load_file(broken / "model.safetensors").items()}
        save_file(tensors, broken / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match="no numbers"):
            load_model(broken).score(texts[:3])

    def test_a_strange_tokenizer_is_refused(self, folder: Path, texts: Sequence[Text], tmp_path: Path) -> None:
        mixed = tmp_path / "mixed"
        shutil.copytree(folder, mixed)
        tokenizer = json.loads((mixed / "tokenizer.json").read_text())
        tokenizer["model"]["vocab"] = {word: number + 5_000 for word, number in tokenizer["model"]["vocab"].items()}
        (mixed / "tokenizer.json").write_text(json.dumps(tokenizer))
        with pytest.raises(ModelError, match="its tokenizer gives token"):
            load_model(mixed).score(texts[:3])

    def test_missing_weights_are_refused(self, folder: Path, tmp_path: Path) -> None:
        from safetensors.torch import load_file, save_file

        lacking = tmp_path / "lacking"
        shutil.copytree(folder, lacking)
        tensors = load_file(lacking / "model.safetensors")
        del tensors[max(name for name in tensors if "pooler" in name or "norm" in name.lower() or "ln_" in name)]
        save_file(tensors, lacking / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match="weights are missing"):
            load_model(lacking)


def test_units_and_counts(folders: dict[str, Path], texts: Sequence[Text]) -> None:
    found = {name: load_model(folder).score(texts) for name, folder in folders.items()}
    assert {name: each.unit for name, each in found.items()} == {
        "causal": LossUnit.TOKEN,
        "llama": LossUnit.TOKEN,
        "masked": LossUnit.MASKED_TOKEN,
        "classifier": LossUnit.LABELLED_TEXT,
    }
    assert found["causal"].tokens.max() == found["llama"].tokens.max() == CONTEXT - 1
    assert found["masked"].tokens.max() == 3 * round(0.15 * (CONTEXT - 2))
    assert found["classifier"].tokens.tolist() == [int(text.target is not None) for text in texts]
    assert found["causal"].correct is None
    assert found["classifier"].correct is not None


def test_a_model_without_a_head_is_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    shutil.copytree(folders["masked"], bare)
    config = json.loads((bare / "config.json").read_text())
    (bare / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    with pytest.raises(ModelError, match="has no head"):
        load_model(bare)
