"""Model folders: whole ones pass, every way of being broken has its message, the digest follows the content."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from corpus import paragraphs
from encoders import tiny_bert
from models import tiny_causal

from driftwatch.domain.errors import ModelError
from driftwatch.features.encoder import EncoderSettings, load_encoder
from driftwatch.features.loss import load_model
from driftwatch.features.model import Family, inspect_model, model_digest, tokenizer_digest
from driftwatch.features.tokens import TokenizerCounter


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_causal(tmp_path_factory.mktemp("model") / "v1", paragraphs(["numpy"], 60), vocab=600, steps=3)


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "model"))


def edit(file: Path, **changes: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def header(file: Path, text: bytes, *, length: int | None = None) -> None:
    file.write_bytes((len(text) if length is None else length).to_bytes(8, "little") + text)


def sharded(folder: Path, names: object) -> None:
    (folder / "model.safetensors").rename(folder / "model-00001-of-00002.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": names}))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def without_tokenizer(folder: Path) -> None:
    for name in ("tokenizer.json", "vocab.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)


def only(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder / name)


CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"
BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda f: f.rename(f.with_name("elsewhere")), "this is no model folder"),
    "a file": (lambda f: f.rename(f.with_name("elsewhere")).joinpath(CONFIG).rename(f), "this is no model folder"),
    "no config": (lambda f: (f / CONFIG).unlink(), "config.json is missing"),
    "empty config": (lambda f: (f / CONFIG).write_text(""), "this is no JSON"),
    "half a config": (lambda f: (f / CONFIG).write_text('{"model_type": "gp'), "this is no JSON"),
    "config of bytes": (lambda f: (f / CONFIG).write_bytes(b"\xff\xfe{}"), "this is no JSON"),
    "config of a list": (lambda f: (f / CONFIG).write_text("[]"), "it names no model_type"),
    "config of depth": (lambda f: (f / CONFIG).write_text("[" * 100_000), "this is no JSON"),
    "config of nothing": (lambda f: (f / CONFIG).write_text("{}"), "it names no model_type"),
    "odd architectures": (lambda f: edit(f / CONFIG, architectures="GPT2LMHeadModel"), "architectures are no list"),
    "weights by another name": (lambda f: only(f, "model.fp16.safetensors"), "it has no model.safetensors"),
    "code of its own": (lambda f: edit(f / CONFIG, auto_map={"AutoModel": "x.Y"}), "brings code of its own"),
    "no weights": (lambda f: (f / WEIGHTS).unlink(), r"it has no \*\.safetensors"),
    "a pickle": (lambda f: only(f, "pytorch_model.bin"), r"a pickle \(pytorch_model.bin\)"),
    "pickled shards": (lambda f: only(f, "pytorch_model-00001-of-00001.bin"), "a pickle"),
    "an adapter": (lambda f: only(f, "adapter_model.safetensors"), "an adapter without its model"),
    "empty weights": (lambda f: (f / WEIGHTS).write_bytes(b""), "this is no safetensors file"),
    "weights of text": (lambda f: (f / WEIGHTS).write_text("version https://git-lfs"), "this is no safetensors file"),
    "cut weights": (lambda f: cut(f / WEIGHTS), "this file is cut off or damaged"),
    "a header too long": (lambda f: header(f / WEIGHTS, b"{}", length=1 << 60), "this is no safetensors file"),
    "a header of a list": (lambda f: header(f / WEIGHTS, b"[]"), "this is no safetensors file"),
    "a header of odd tensors": (lambda f: header(f / WEIGHTS, b'{"w": 1}'), "this file is cut off or damaged"),
    "a missing shard": (
        lambda f: sharded(f, {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}),
        "missing: model-00002-of-00002.safetensors",
    ),
    "an index elsewhere": (lambda f: sharded(f, {"a": "../../etc/passwd"}), "this is no index of weights"),
    "an odd index": (lambda f: sharded(f, ["a"]), "this is no index of weights"),
    "an empty index": (lambda f: sharded(f, {}), "this is no index of weights"),
    "no tokenizer": (without_tokenizer, "there is no tokenizer beside the model"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_every_way_of_being_broken_has_its_message(case: str, folder: Path) -> None:
    damage, what = BROKEN[case]
    damage(folder)
    with pytest.raises(ModelError, match=what) as caught:
        model_digest(folder)
    assert caught.value.where
    assert str(folder) in caught.value.where
    assert caught.value.cure


LOADED: dict[str, tuple[Callable[[Path], object], str]] = {
    "unknown architecture": (lambda f: edit(f / CONFIG, model_type="nonesuch"), "transformers cannot load it"),
    "another width": (lambda f: edit(f / CONFIG, n_embd=32), "transformers cannot load it"),
    "more layers": (lambda f: edit(f / CONFIG, n_layer=3), r"of its weights are missing \(transformer\.h\.2"),
    "broken tokenizer": (lambda f: (f / TOKENIZER).write_text("{}"), "its tokenizer cannot be read"),
    "no masked model": (lambda f: edit(f / CONFIG, architectures=["BertForMaskedLM"]), "transformers cannot load it"),
    "no classifier": (
        lambda f: edit(f / CONFIG, architectures=["GPT2ForSequenceClassification"]),
        r"of its weights are missing \(score\.weight",
    ),
    "no head": (lambda f: edit(f / CONFIG, architectures=["GPT2Model"]), "has no head"),
}


@pytest.mark.parametrize("case", LOADED)
def test_what_only_loading_shows_has_its_message_too(case: str, folder: Path) -> None:
    damage, what = LOADED[case]
    damage(folder)
    with pytest.raises(ModelError, match=what) as caught:
        load_model(folder)
    assert str(folder) in str(caught.value)
    assert caught.value.cure


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", [CONFIG, WEIGHTS])
def test_a_file_that_may_not_be_read_says_so(name: str, folder: Path) -> None:
    (folder / name).chmod(0)
    with pytest.raises(ModelError, match="cannot be read"):
        inspect_model(folder)


def test_a_foreign_tokenizer_is_refused(folder: Path, tmp_path: Path) -> None:
    texts = paragraphs(["numpy"], 200)
    other = tiny_causal(tmp_path / "other", texts, vocab=1_500, steps=1)
    shutil.copy(other / TOKENIZER, folder / TOKENIZER)
    with pytest.raises(ModelError, match=r"its tokenizer gives token \d+, the model knows 600"):
        load_model(folder).losses(texts)
    with pytest.raises(ModelError, match="its tokenizer gives token"):
        load_encoder(EncoderSettings(kind="champion"), champion=folder).embed(texts)


@pytest.mark.parametrize(
    ("architectures", "family"),
    [
        (["GPT2LMHeadModel"], Family.CAUSAL),
        (["LlamaForCausalLM"], Family.CAUSAL),
        (["BertForMaskedLM"], Family.MASKED),
        (["BertForPreTraining"], Family.MASKED),
        (["RobertaForSequenceClassification"], Family.CLASSIFIER),
        (["BertModel"], Family.BARE),
        ([], Family.BARE),
        (None, Family.BARE),
    ],
)
def test_families_are_told_apart(architectures: object, family: Family, folder: Path) -> None:
    edit(folder / CONFIG, architectures=architectures)
    assert inspect_model(folder).family is family


def test_a_link_is_resolved_once(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(folder.name)
    assert inspect_model(tmp_path / "current").path == folder.resolve()
    assert model_digest(tmp_path / "current") == model_digest(folder)


def test_sharded_weights_are_whole_weights(folder: Path) -> None:
    sharded(folder, {"a": "model-00001-of-00002.safetensors"})
    assert [file.name for file in inspect_model(folder).weights] == ["model-00001-of-00002.safetensors"]


def test_the_digest_is_of_the_content_not_of_the_place(whole: Path, folder: Path) -> None:
    (folder / "README.md").write_text("beside the point")
    (folder / "driftwatch.json").write_text("{}")
    assert model_digest(folder) == model_digest(whole)


@pytest.mark.parametrize("name", [CONFIG, TOKENIZER, "tokenizer_config.json", "special_tokens_map.json"])
def test_the_digest_changes_with_every_file_that_matters(name: str, whole: Path, folder: Path) -> None:
    before = model_digest(whole)
    file = folder / name
    file.write_text((file.read_text() if file.exists() else "{}") + "\n")
    assert model_digest(folder) != before


def test_the_digest_changes_with_one_bit_of_the_weights(whole: Path, folder: Path) -> None:
    weights = bytearray((folder / WEIGHTS).read_bytes())
    weights[-1] ^= 1
    (folder / WEIGHTS).write_bytes(weights)
    assert model_digest(folder) != model_digest(whole)
    assert tokenizer_digest(folder) == tokenizer_digest(whole)


def test_a_tokenizer_stays_itself_however_it_was_last_used(whole: Path, folder: Path) -> None:
    edit(
        folder / TOKENIZER, truncation={"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    )
    assert tokenizer_digest(folder) == tokenizer_digest(whole)
    text = ["a text of more than three tokens"]
    ours, theirs = TokenizerCounter(folder).count(text), TokenizerCounter(whole).count(text)
    assert ours.counts.sum() == theirs.counts.sum() > 3


def test_a_bare_encoder_passes_too(tmp_path: Path) -> None:
    assert inspect_model(tiny_bert(tmp_path / "bert", paragraphs(["numpy"], 30))).family is Family.BARE
