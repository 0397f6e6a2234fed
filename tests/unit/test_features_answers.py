"""Losses of masked models and classifiers, packed: as transformers' own, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from corpus import paragraphs
from structlog.testing import capture_logs
from tiny_families import tiny_masked, word_pieces

from driftwatch.domain.text import Text
from driftwatch.features import answers as answering
from driftwatch.features.answers import Packed, Padded
from driftwatch.features.classifier import ClassifierModel
from driftwatch.features.masked import MaskedModel
from driftwatch.features.model import inspect_model
from driftwatch.features.packed import linear
from driftwatch.features.packed import network as packed_network
from driftwatch.features.packed.attention import padded as rounded
from driftwatch.features.packed.blueprint import read_blueprint
from driftwatch.features.packed.network import PackedNetwork
from driftwatch.features.packed.parity import SAMPLE
from driftwatch.features.packed.tensors import Tensors

if TYPE_CHECKING:
    from transformers import PreTrainedModel

AT = datetime(2026, 1, 1, tzinfo=UTC)
BODIES = [*paragraphs(["numpy"], 30), *SAMPLE]
KINDS = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet")
ROWS = [list(range(5, 5 + length)) for length in (40, 33, 17, 17, 16, 9, 3, 3, 1)]
SHORT = [" ".join(body.split()[:12]) for body in BODIES[:8]]
PAIRS = [(f"the {a} {body}", f"the {b} {body}") for a, b in (("a", "an"), ("row", "wide column")) for body in SHORT]
FILLED = [(" ".join(words[:3]) + " ", words[3], " ".join(["", *words[4:]])) for words in map(str.split, SHORT)]


def made(kind: str, *, classes: int = 0) -> PreTrainedModel:
    import transformers as t

    name = {
        "bert": "Bert",
        "roberta": "Roberta",
        "xlm-roberta": "XLMRoberta",
        "camembert": "Camembert",
        "distilbert": "DistilBert",
        "mpnet": "MPNet",
    }[kind]
    sizes: dict[str, Any] = (
        {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}
        if kind == "distilbert"
        else {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    )
    more = {"num_labels": classes} if classes else {}
    config = getattr(t, f"{name}Config")(vocab_size=1_000, max_position_embeddings=66, pad_token_id=1, **sizes, **more)
    torch.manual_seed(5)
    model = getattr(t, f"{name}For{'SequenceClassification' if classes else 'MaskedLM'}")(config)
    with torch.no_grad():
        for part, weight in model.named_parameters():  # as large as trained ones: no part may count for nothing
            if "LayerNorm" not in part and "layer_norm" not in part:
                weight.normal_(std=0.2)
    return model  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return word_pieces(BODIES, vocab=1_000)


@pytest.fixture
def saved(tokenizer: Any, tmp_path: Path) -> Callable[..., Path]:
    def save(kind: str, *, classes: int = 0) -> Path:
        folder = tmp_path / kind
        made(kind, classes=classes).save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
        return folder

    return save


@pytest.mark.parametrize("kind", KINDS)
def test_masked_models_lose_what_they_lose_padded(
    kind: str, saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(kind)
    packed = MaskedModel(folder)
    assert isinstance(packed._blanks._answers, Packed)
    monkeypatch.setattr(answering, "APART", -1.0)
    plain = MaskedModel(folder)
    assert isinstance(plain._blanks._answers, Padded)
    ours, theirs = packed.losses(BODIES), plain.losses(BODIES)
    np.testing.assert_array_equal(ours.tokens, theirs.tokens)
    np.testing.assert_allclose(ours.nats, theirs.nats, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(packed.pair_scores(PAIRS).values, plain.pair_scores(PAIRS).values, atol=1e-3)
    np.testing.assert_allclose(packed.filling_losses(FILLED).nats, plain.filling_losses(FILLED).nats, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_classifiers_lose_what_they_lose_padded(
    kind: str, saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = saved(kind, classes=3)
    packed = ClassifierModel(folder)
    assert isinstance(packed._answers, Packed)
    monkeypatch.setattr(answering, "APART", -1.0)
    plain = ClassifierModel(folder)
    assert isinstance(plain._answers, Padded)
    texts = [Text(id=str(n), body=body, seen_at=AT, target=str(n % 3)) for n, body in enumerate(BODIES)]
    ours, theirs = packed.score(texts), plain.score(texts)
    np.testing.assert_array_equal(ours.tokens, theirs.tokens)
    np.testing.assert_allclose(ours.nats, theirs.nats, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(packed.class_shares(BODIES).values, plain.class_shares(BODIES).values, atol=1e-5)


def test_nobody_reads_his_neighbours(saved: Callable[..., Path]) -> None:
    model = MaskedModel(saved("mpnet"))
    together = model.losses(BODIES).nats
    alone = np.array([model.losses([body]).nats[0] for body in BODIES])
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["bert", "mpnet"])
def test_as_laid_out_for_a_gpu_it_gives_the_same(
    kind: str, saved: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the device: lengths rounded up, plain products, and bfloat16 for embeddings."""
    folder = saved(kind)
    losses, embeddings = MaskedModel(folder).losses(BODIES).nats, network_of(folder).means(ROWS)
    monkeypatch.setattr(packed_network, "plan", lambda lengths, like, sharing: list(rounded(lengths, like)))  # noqa: ARG005
    monkeypatch.setattr(linear, "_fused", lambda _weight: None)
    np.testing.assert_allclose(MaskedModel(folder).losses(BODIES).nats, losses, rtol=1e-4, atol=1e-4)
    half = network_of(folder, torch.bfloat16).means(ROWS)
    assert half.dtype is torch.float32
    assert torch.nn.functional.cosine_similarity(half, embeddings).min() > 0.97


def network_of(folder: Path, dtype: torch.dtype = torch.float32) -> PackedNetwork:
    with Tensors.of_files(inspect_model(folder).weights) as tensors:
        return PackedNetwork(read_blueprint(folder), tensors, longest=64, dtype=dtype, device="cpu")


def test_of_a_text_only_the_hidden_places_are_restored(saved: Callable[..., Path]) -> None:
    model = MaskedModel(saved("bert"))
    given: list[int] = []
    head: Any = model._network.model
    head.cls.register_forward_pre_hook(lambda _part, states: given.append(len(states[0])))
    found = model.losses(BODIES)
    assert sum(given) == found.tokens.sum()


def test_what_is_packed_is_not_held_twice(saved: Callable[..., Path]) -> None:
    """Neither the layers, nor the table of words that the head shares."""
    model = MaskedModel(saved("bert"))
    network: Any = model._network.model
    assert len(network.bert.encoder.layer) == 0
    answers: Any = model._blanks._answers
    assert answers._inner._words.data_ptr() == network.get_input_embeddings().weight.data_ptr()


def test_a_network_that_is_computed_otherwise_is_found_out_and_scored_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_masked(tmp_path / "model", BODIES[:30], steps=5)
    right = MaskedModel(folder).losses(BODIES).nats
    places = packed_network.places
    monkeypatch.setattr(packed_network, "places", lambda *given: places(*given)[::-1].copy())
    with capture_logs() as said:
        model = MaskedModel(folder)
    assert [(line["event"], line["log_level"]) for line in said] == [("scored_plain", "warning")]
    assert said[0]["apart"] > said[0]["limit"]
    np.testing.assert_allclose(model.losses(BODIES).nats, right, rtol=1e-4)


def test_another_architecture_says_why_it_is_not_packed(tokenizer: Any, tmp_path: Path) -> None:
    from transformers import ElectraConfig, ElectraForMaskedLM

    sizes: dict[str, Any] = {"embedding_size": 32, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    torch.manual_seed(5)
    ElectraForMaskedLM(ElectraConfig(vocab_size=1_000, intermediate_size=64, **sizes)).save_pretrained(str(tmp_path))
    tokenizer.save_pretrained(str(tmp_path))
    with capture_logs() as said:
        model = MaskedModel(tmp_path)
    assert [(line["event"], line["reason"]) for line in said] == [("scored_plain", "its architecture is electra")]
    found = model.losses(BODIES)
    assert found.nats[0] == pytest.approx(_directly(model, tmp_path, BODIES[0]), rel=1e-4)


def _directly(model: MaskedModel, folder: Path, body: str) -> float:
    """Return a body's loss as transformers gives it, mask by mask."""
    from transformers import AutoModelForMaskedLM

    from driftwatch.features.masked import masks

    plain = AutoModelForMaskedLM.from_pretrained(str(folder)).eval()
    row: Sequence[int] = model._network.tokenizer(body, truncation=True)["input_ids"]
    nats = 0.0
    for places in masks(row, special=model._special):
        hidden = torch.tensor([list(row)])
        hidden[0, places] = model._mask
        with torch.inference_mode():
            logits = plain(input_ids=hidden).logits[0, places]
        nats += float(torch.nn.functional.cross_entropy(logits, torch.tensor(row)[places], reduction="sum"))
    return nats
