"""Embeddings, losses and counts against the plainest computation of the same thing, with real models."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from corpus import paragraphs
from hypothesis import given
from hypothesis import strategies as st
from models import CONTEXT, tiny_causal
from transformers import AutoModel, AutoModelForCausalLM, AutoTokenizer, BertConfig, BertModel

from driftwatch.domain.errors import EncoderError, ModelError
from driftwatch.domain.text import Text
from driftwatch.features.batches import by_length
from driftwatch.features.encoder import EncoderSettings, find_folder, load_encoder, packaged_folder
from driftwatch.features.extractor import Extractor
from driftwatch.features.loss import load_model
from driftwatch.features.model import Family, inspect_model, model_digest, tokenizer_digest
from driftwatch.features.tokens import TokenizerCounter
from driftwatch.features.transformer import TransformerEncoder


@pytest.fixture(scope="session")
def texts() -> list[str]:
    long = " ".join(paragraphs(("numpy",), 10))  # beyond every model's context
    return [*paragraphs(("numpy",), 40), long, "a", "", "naïve 漢字 🙂"]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, texts: Sequence[str]) -> Path:
    return tiny_causal(tmp_path_factory.mktemp("features") / "tiny", texts[:-4], vocab=600, width=32, steps=10)


def plain_embedding(folder: Path, text: str, limit: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """The mean of the last hidden states, one text at a time, without padding."""
    tokenizer, model = AutoTokenizer.from_pretrained(str(folder)), AutoModel.from_pretrained(str(folder))
    with torch.inference_mode():
        encoded = tokenizer(text or " ", truncation=True, max_length=limit, return_tensors="pt")
        mean = model(input_ids=encoded["input_ids"]).last_hidden_state.mean(1)[0]
    found: np.ndarray[Any, np.dtype[np.float32]] = (mean / mean.norm()).numpy()
    return found


def test_embeddings_are_those_of_a_plain_loop(tiny: Path, texts: Sequence[str]) -> None:
    ours = TransformerEncoder(tiny, EncoderSettings(batch_tokens=300)).embed(texts).values
    plain = np.stack([plain_embedding(tiny, text, CONTEXT) for text in texts])
    assert (ours * plain).sum(1).min() >= 0.999


@pytest.mark.skipif(packaged_folder() is None, reason="the packaged MiniLM is not installed")
def test_embeddings_of_the_default_encoder_are_those_of_a_plain_loop(texts: Sequence[str]) -> None:
    settings = EncoderSettings(max_tokens=64)
    some = [*texts[:8], *texts[-4:]]
    ours = load_encoder(settings).embed(some).values
    plain = np.stack([plain_embedding(find_folder(settings.name), text, 64) for text in some])
    assert (ours * plain).sum(1).min() >= 0.999


def test_losses_are_those_of_one_text_at_a_time(tiny: Path, texts: Sequence[str]) -> None:
    found = load_model(tiny).losses(texts)
    tokenizer, model = AutoTokenizer.from_pretrained(str(tiny)), AutoModelForCausalLM.from_pretrained(str(tiny))
    for place, text in enumerate(texts):
        ids = [tokenizer.bos_token_id, *tokenizer(text, add_special_tokens=False)["input_ids"]][:CONTEXT]
        assert found.tokens[place] == len(ids) - 1
        if len(ids) == 1:
            assert found.nats[place] == 0
            continue
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0].double()
        direct = -logits.log_softmax(-1)[range(len(ids) - 1), ids[1:]].sum().item()
        assert found.nats[place] == pytest.approx(direct, rel=1e-4, abs=1e-4)


def test_losses_are_the_same_bits_twice_and_none_for_none(tiny: Path, texts: Sequence[str]) -> None:
    model, again = load_model(tiny), load_model(tiny)
    assert model.losses(texts).nats.tobytes() == again.losses(texts).nats.tobytes()
    assert len(model.losses([]).nats) == 0


def test_counts_are_the_tokenizers_own(tiny: Path, texts: Sequence[str]) -> None:
    found, tokenizer = TokenizerCounter(tiny).count(texts), AutoTokenizer.from_pretrained(str(tiny))
    assert found.vocabulary == len(tokenizer)
    for place, text in enumerate(texts):
        row = slice(found.indptr[place], found.indptr[place + 1])
        counted = dict(zip(found.ids[row].tolist(), found.counts[row].tolist(), strict=True))
        assert counted == Counter(tokenizer(text, add_special_tokens=False)["input_ids"])
    assert TokenizerCounter(tiny).count([]).indptr.tolist() == [0]


def test_extractor_gives_all_of_them_in_one_order(tiny: Path, texts: Sequence[str]) -> None:
    encoder = load_encoder(EncoderSettings(kind="champion"), champion=tiny)
    known = [Text(id=str(row), body=body, seen_at=datetime(2026, 1, 1, tzinfo=UTC)) for row, body in enumerate(texts)]
    found = Extractor(encoder, TokenizerCounter(tiny), load_model(tiny)).features(known)
    assert found.losses is not None
    assert len(found.embeddings.values) == len(found.tokens.indptr) - 1 == len(found.losses.nats) == len(texts)
    assert Extractor(encoder, TokenizerCounter(tiny), None).features(known).losses is None


@given(st.lists(st.integers(0, 300), max_size=60), st.integers(1, 500))
def test_batches_cover_every_text_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(by_length(lengths, budget=budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    in_order = [lengths[index] for batch in batches for index in batch]
    assert in_order == sorted(lengths, reverse=True)
    assert all(len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget for batch in batches)


def test_digests_follow_the_content_and_not_the_place(tiny: Path, tmp_path: Path) -> None:
    link = tmp_path / "current"
    link.symlink_to(tiny)
    assert model_digest(link) == model_digest(tiny) == load_model(link).digest
    assert tokenizer_digest(link) == tokenizer_digest(tiny) == TokenizerCounter(link).digest
    assert inspect_model(link).path == tiny.resolve()


@pytest.mark.parametrize(
    ("architecture", "family"),
    [
        ("LlamaForCausalLM", Family.CAUSAL),
        ("GPT2LMHeadModel", Family.CAUSAL),
        ("BertForMaskedLM", Family.MASKED),
        ("BertForPreTraining", Family.MASKED),
        ("BertForSequenceClassification", Family.CLASSIFIER),
        ("BertModel", Family.BARE),
        (None, Family.BARE),
    ],
)
def test_family_is_told_by_the_architecture(
    architecture: str | None, family: Family, altered: Callable[[str, str], Path]
) -> None:
    folder = altered("architectures", json.dumps([architecture] if architecture else None))
    assert inspect_model(folder).family is family
    if family is not Family.CAUSAL:
        with pytest.raises(ModelError, match=r"transformers cannot load it|weights are missing|has no head"):
            load_model(folder)


@pytest.fixture
def altered(tiny: Path, tmp_path: Path) -> Callable[[str, str], Path]:
    """The model with one setting of its configuration changed."""

    def make(name: str, value: str) -> Path:
        for file in tiny.iterdir():
            (tmp_path / file.name).write_bytes(file.read_bytes())
        config = json.loads((tiny / "config.json").read_text()) | {name: json.loads(value)}
        (tmp_path / "config.json").write_text(json.dumps(config))
        return tmp_path

    return make


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("n_layer", "3", "of its weights are missing .h.2."),
        ("n_embd", "64", "transformers cannot load it"),
        ("model_type", '"gpt9"', "transformers cannot load it"),
        ("auto_map", "{}", "brings code of its own"),
        ("architectures", "7", "its architectures are no list"),
    ],
)
def test_encoder_refuses_what_it_cannot_load_whole(
    name: str, value: str, says: str, altered: Callable[[str, str], Path]
) -> None:
    with pytest.raises(ModelError, match=says):
        load_encoder(EncoderSettings(name=str(altered(name, value))))


def test_bare_encoder_without_its_pooler_is_whole(tiny: Path, tmp_path: Path) -> None:
    config = BertConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, vocab_size=600
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(str(tmp_path))
    (tmp_path / "tokenizer.json").write_bytes((tiny / "tokenizer.json").read_bytes())
    (tmp_path / "tokenizer_config.json").write_bytes((tiny / "tokenizer_config.json").read_bytes())
    assert load_encoder(EncoderSettings(name=str(tmp_path))).embed(["a"]).values.shape == (1, 16)


def test_weights_that_are_no_numbers_are_told(tiny: Path, altered: Callable[[str, str], Path]) -> None:
    folder = altered("architectures", "null")
    model = AutoModel.from_pretrained(str(tiny))
    model.wte.weight.data.fill_(float("nan"))
    model.save_pretrained(str(folder))
    with pytest.raises(EncoderError, match="embeddings that are no numbers"):
        load_encoder(EncoderSettings(name=str(folder))).embed(["a"])


def test_folder_that_is_none_and_a_hub_that_is_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EncoderError, match="is no folder here and the hub did not give it"):
        find_folder("nobody/no-such-encoder")
    with pytest.raises(EncoderError, match="this stream has no model"):
        load_encoder(EncoderSettings(kind="champion"))


@pytest.mark.parametrize(
    ("content", "says"), [(None, "there is no tokenizer.json"), (b"{", "this tokenizer cannot be read")]
)
def test_counter_refuses(content: bytes | None, says: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(ModelError, match=says):
        TokenizerCounter(tmp_path)


@pytest.mark.parametrize("name", ["max_tokens", "batch_tokens", "dims"])
def test_settings_of_nothing_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be at least 1"):
        EncoderSettings(**{name: 0})  # type: ignore[arg-type]
