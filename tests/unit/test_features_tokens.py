"""Token counts: exact, sparse, one row per body."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from corpus import paragraphs
from encoders import tiny_bert
from models import tiny_causal

from driftwatch.domain.errors import ModelError
from driftwatch.features.tokens import TokenizerCounter


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [*paragraphs(["numpy"], 60), "", "word " * 2_000, "😀 漢字", "[CLS] [SEP]", "<|endoftext|>"]


@pytest.fixture(scope="module", params=[tiny_causal, tiny_bert])
def folder(request: pytest.FixtureRequest, texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = {"steps": 1} if request.param is tiny_causal else {}
    made: Path = request.param(tmp_path_factory.mktemp("tokens") / "model", texts[:60], vocab=600, **options)
    return made


def test_counts_are_those_of_transformers(folder: Path, texts: list[str]) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(folder), model_max_length=1_000_000)
    found = TokenizerCounter(folder).count(texts)
    for row, text in enumerate(texts):
        span = slice(found.indptr[row], found.indptr[row + 1])
        ours = dict(zip(found.ids[span].tolist(), found.counts[span].tolist(), strict=True))
        assert ours == Counter(tokenizer(text, add_special_tokens=False)["input_ids"])
        assert (np.diff(found.ids[span]) > 0).all()


def test_shapes_and_types(folder: Path, texts: list[str]) -> None:
    counter = TokenizerCounter(folder)
    found = counter.count(texts)
    assert found.indptr.dtype == np.int64
    assert found.ids.dtype == found.counts.dtype == np.int32
    assert found.indptr[0] == 0
    assert found.indptr[-1] == len(found.ids) == len(found.counts)
    assert (np.diff(found.indptr) >= 0).all()
    assert found.counts.min() >= 1
    assert 0 <= found.ids.min() <= found.ids.max() < found.vocabulary
    assert found.digest == counter.digest


def test_no_bodies_give_no_rows(folder: Path) -> None:
    found = TokenizerCounter(folder).count([])
    assert found.indptr.tolist() == [0]
    assert len(found.ids) == len(found.counts) == 0


def test_many_bodies_are_counted_as_few(folder: Path, texts: list[str]) -> None:
    counter = TokenizerCounter(folder)
    few, many = counter.count(texts[:40]), counter.count(texts[:40] * 60)
    assert np.array_equal(np.tile(few.ids, 60), many.ids)
    assert np.array_equal(np.tile(np.diff(few.indptr), 60), np.diff(many.indptr))


def test_a_folder_without_a_fast_tokenizer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"there is no tokenizer\.json"):
        TokenizerCounter(tmp_path)


@pytest.mark.parametrize("written", ["", "[]", "{}"])
def test_a_broken_tokenizer_is_refused(written: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(written)
    with pytest.raises(ModelError, match="this tokenizer cannot be read") as caught:
        TokenizerCounter(tmp_path)
    assert caught.value.cure
