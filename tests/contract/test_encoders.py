"""What every encoder keeps: unit rows, the same bits twice, a digest of what it is made of."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from corpus import paragraphs
from models import tiny_causal

from driftwatch.domain.protocols import Encoder
from driftwatch.features.encoder import EncoderSettings, load_encoder, packaged_folder

MINILM = pytest.param(
    "minilm", marks=pytest.mark.skipif(packaged_folder() is None, reason="the packaged MiniLM is not installed")
)
KINDS = ["tiny", "champion", "static", MINILM]
ODD = ["", " ", "\n\n", "a", "z" * 5_000, "naïve café – ünïcode 漢字 🙂", "\0", "text\twith\ttabs"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """An encoder under test, with what a fresh process would make it from."""

    settings: EncoderSettings
    champion: Path | None

    def load(self, cache: Path | None = None) -> Encoder:
        return load_encoder(self.settings, champion=self.champion, cache=cache)


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return paragraphs(("numpy",), 60)[:30]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, texts: Sequence[str]) -> Path:
    return tiny_causal(tmp_path_factory.mktemp("encoders") / "tiny", texts, vocab=600, layers=2, width=32, steps=5)


@pytest.fixture(params=KINDS, scope="module")
def made(request: pytest.FixtureRequest, tiny: Path) -> Made:
    settings = {
        "tiny": EncoderSettings(name=str(tiny), batch_tokens=512),
        "champion": EncoderSettings(kind="champion", batch_tokens=512),
        "static": EncoderSettings(name=str(tiny), kind="static", dims=16),
        "minilm": EncoderSettings(batch_tokens=2_048),
    }
    return Made(settings=settings[request.param], champion=tiny if request.param == "champion" else None)


@pytest.fixture(scope="module")
def encoder(made: Made) -> Encoder:
    return made.load()


def test_rows_are_float32_of_unit_length_in_the_texts_order(encoder: Encoder, texts: Sequence[str]) -> None:
    found = encoder.embed(texts)
    assert found.digest == encoder.digest
    assert found.values.dtype == np.float32
    assert len(found.values) == len(texts)
    np.testing.assert_allclose(np.linalg.norm(found.values, axis=1), 1, atol=1e-5)
    turned = encoder.embed(list(reversed(texts))).values[::-1]
    assert (found.values * turned).sum(1).min() > 0.9999


def test_same_texts_give_the_same_bits(made: Made, encoder: Encoder, texts: Sequence[str]) -> None:
    again = made.load()
    assert again.digest == encoder.digest
    assert again.embed(texts).values.tobytes() == encoder.embed(texts).values.tobytes()


def test_odd_texts_have_embeddings(encoder: Encoder) -> None:
    values = encoder.embed(ODD).values
    assert np.isfinite(values).all()
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_rows(encoder: Encoder) -> None:
    values = encoder.embed([]).values
    assert values.shape == (0, encoder.embed(["a"]).values.shape[1])


def test_static_encoder_from_the_cache_is_the_same(tiny: Path, texts: Sequence[str], tmp_path: Path) -> None:
    made = Made(settings=EncoderSettings(name=str(tiny), kind="static", dims=16), champion=None)
    distilled, cached = made.load(tmp_path / "cache"), made.load(tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 1
    assert distilled.digest == cached.digest
    assert distilled.embed(texts).values.tobytes() == cached.embed(texts).values.tobytes()


@pytest.mark.parametrize("kind", ["transformer", "static"])
@pytest.mark.parametrize("changed", ["config.json", "tokenizer.json", "model.safetensors"])
def test_digest_changes_with_what_it_is_made_of(kind: str, changed: str, tiny: Path, tmp_path: Path) -> None:
    other = shutil.copytree(tiny, tmp_path / "other")
    digests = {_digest(tiny, kind), _digest(other, kind)}
    assert len(digests) == 1
    file = other / changed
    content = bytearray(file.read_bytes())
    if changed == "model.safetensors":
        content[-1] ^= 1
        file.write_bytes(content)
    else:
        file.write_bytes(content + b"\n")
    assert _digest(other, kind) not in digests


@pytest.mark.parametrize(
    "settings", [("transformer", "max_tokens"), ("static", "max_tokens"), ("static", "dims")], ids="-".join
)
def test_digest_changes_with_settings(settings: tuple[str, str], tiny: Path) -> None:
    kind, name = settings
    assert _digest(tiny, kind, **{name: 8}) != _digest(tiny, kind)


@pytest.mark.parametrize("kind", ["transformer", "static"])
def test_texts_are_cut_at_the_limit(kind: Literal["transformer", "static"], tiny: Path) -> None:
    encoder = load_encoder(EncoderSettings(name=str(tiny), kind=kind, max_tokens=8, dims=16))
    long, longer = encoder.embed(["the array " * 20, "the array " * 20 + "of random floats"]).values
    assert long @ longer > 0.99999


def test_static_encoder_has_no_more_dimensions_than_its_transformer(tiny: Path) -> None:
    encoder = load_encoder(EncoderSettings(name=str(tiny), kind="static", dims=256))
    assert encoder.embed(["a"]).values.shape == (1, 32)


def test_digest_is_that_of_the_settings_that_count(tiny: Path) -> None:
    assert _digest(tiny, "transformer", batch_tokens=64) == _digest(tiny, "transformer")


def _digest(folder: Path, kind: str, **settings: object) -> str:
    chosen: dict[str, object] = {"name": str(folder), "kind": kind, "dims": 16} | settings
    return str(load_encoder(EncoderSettings(**chosen)).digest)  # type: ignore[arg-type]
