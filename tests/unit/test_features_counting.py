"""Which way tokens are counted, what is said about it, and how much is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tokenizers_made as made
from corpus import paragraphs
from structlog.testing import capture_logs

from driftwatch.features.cached_counter import CachedCounter
from driftwatch.features.chunk_cache import CacheLimits
from driftwatch.features.chunking import DeclinedError, chunking
from driftwatch.features.counting import load_counter
from driftwatch.features.tokens import TokenizerCounter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="module")
def prose() -> list[str]:
    return paragraphs(["numpy"], 80)


@pytest.fixture(scope="module")
def folder(prose: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.saved(made.gpt2, prose, tmp_path_factory.mktemp("counting"))


@pytest.fixture
def settings(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    return found


def test_a_declined_tokenizer_counts_by_itself_and_the_log_says_why(prose: list[str], tmp_path: Path) -> None:
    folder = made.saved(made.unigram, prose, tmp_path / "model")
    with capture_logs() as logs:
        counter = load_counter(folder)
    assert isinstance(counter, TokenizerCounter)
    assert len(logs) == 1
    assert logs[0]["tokenizer"] == str(folder)
    assert "Metaspace" in logs[0]["reason"]


def test_an_exact_one_says_nothing(folder: Path) -> None:
    with capture_logs() as logs:
        assert isinstance(load_counter(folder), CachedCounter)
    assert not logs


def test_a_sample_that_differs_declines(prose: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made.saved(made.trailing, prose, tmp_path / "model")
    written = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    pattern = written["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    monkeypatch.setattr("driftwatch.features.chunking._KNOWN_PATTERNS", frozenset({pattern}))
    with capture_logs() as logs:
        assert isinstance(load_counter(folder), TokenizerCounter)
    assert "chunks alone have other tokens" in logs[0]["reason"]


def _dropout(settings: dict[str, Any]) -> None:
    settings["model"]["dropout"] = 0.1


def _stripping(settings: dict[str, Any]) -> None:
    settings["normalizer"] = {"type": "Strip", "strip_left": True, "strip_right": True}


def _spaced(settings: dict[str, Any]) -> None:
    settings["added_tokens"].append({"content": "two words", "normalized": False})


def _unsplit(settings: dict[str, Any]) -> None:
    settings["pre_tokenizer"] = None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_dropout, "at random"),
        (_stripping, "Strip"),
        (_spaced, "'two words'"),
        (_unsplit, "its pre-tokenizer is none of those"),
    ],
)
def test_what_is_declined(settings: dict[str, Any], change: Callable[[dict[str, Any]], None], reason: str) -> None:
    chunking(settings)
    change(settings)
    with pytest.raises(DeclinedError, match=reason):
        chunking(settings)


def test_ever_new_words_keep_no_more_than_the_limits_say(folder: Path) -> None:
    counter = load_counter(folder, limits=CacheLimits(entries=2_000, megabytes=0.4))
    assert isinstance(counter, CachedCounter)
    highest = 0.0
    for page in range(20):
        counter.count([" ".join(f"w{page}x{row}y{word}" for word in range(10)) for row in range(100)])
        highest = max(highest, counter.megabytes)
        assert counter.entries <= 2 * 2_000
    assert highest < 2 * 2 * 0.4


def test_a_text_longer_than_the_cache_can_hold_is_counted_all_the_same(folder: Path) -> None:
    counter, plain = load_counter(folder, limits=CacheLimits(entries=100, megabytes=0.1)), TokenizerCounter(folder)
    texts = ["short one", " ".join(map(str, range(120_000))), "x" * 2_000, "short one"]
    found, expected = counter.count(texts), plain.count(texts)
    assert np.array_equal(found.ids, expected.ids)
    assert np.array_equal(found.counts, expected.counts)
    assert np.array_equal(found.indptr, expected.indptr)
