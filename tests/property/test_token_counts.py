"""Counts through the cache of chunks are the tokenizer's own, whatever the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tokenizers_made as made
from corpus import paragraphs
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer

from driftwatch.features.cached_counter import CachedCounter
from driftwatch.features.chunk_cache import CacheLimits
from driftwatch.features.counting import load_counter
from driftwatch.features.odd_texts import odd_texts
from driftwatch.features.tokens import TokenizerCounter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.features import TokenCounts

ADDED = (
    AddedToken("<|im_start|>", normalized=False, special=True),
    AddedToken("<mask>", lstrip=True, special=True),
    AddedToken("<end>", rstrip=True, normalized=False),
    AddedToken("cat", single_word=True, normalized=False),
    AddedToken("Newword", normalized=True),
)
Counters = tuple[CachedCounter | TokenizerCounter, TokenizerCounter]
EXACT = [made.gpt2, made.prefixed, made.gpt4, made.qwen, made.gpt4o, made.digits, made.uncased, made.cased]
DECLINED = [made.unigram, made.deepseek, made.trailing]

_ODD = st.sampled_from(odd_texts([str(token.content) for token in ADDED]))
_MARK = st.sampled_from([*" \t\n\r\x0b\x85\xa0\u200b\u3000!?./'-,;", " ", " ", "\n", "\r\n", "cat", "NEWWORD", "<end>"])
_WORD = st.one_of(st.text(max_size=6), st.text(alphabet="abcXYZ019é中ß\u017fİ\u0301", max_size=8), _MARK, _MARK, _ODD)
TEXTS = st.lists(st.lists(_WORD, max_size=12).map("".join), max_size=8)


@pytest.fixture(scope="module")
def prose() -> list[str]:
    return paragraphs(["numpy"], 150)


@pytest.fixture(scope="module", params=[*EXACT, *DECLINED], ids=lambda make: make.__name__)
def folder(
    request: pytest.FixtureRequest, prose: list[str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bool]:
    place = made.saved(request.param, prose, tmp_path_factory.mktemp("made"))
    return place, request.param in EXACT


@pytest.fixture(scope="module", params=[made.gpt2, made.gpt4, made.cased, made.uncased], ids=lambda make: make.__name__)
def with_added(request: pytest.FixtureRequest, prose: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = made.saved(request.param, prose, tmp_path_factory.mktemp("added"))
    return add_tokens(place, ADDED)


def add_tokens(folder: Path, tokens: Sequence[AddedToken]) -> Path:
    file = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(file)
    tokenizer.add_tokens(list(tokens))
    tokenizer.save(file)
    return folder


def alike(some: TokenCounts, others: TokenCounts) -> bool:
    pairs = ((some.indptr, others.indptr), (some.ids, others.ids), (some.counts, others.counts))
    return all(np.array_equal(one, other) and one.dtype == other.dtype for one, other in pairs)


def test_the_cache_is_used_where_it_is_exact(folder: tuple[Path, bool]) -> None:
    place, exact = folder
    assert isinstance(load_counter(place), CachedCounter if exact else TokenizerCounter)


@pytest.fixture(scope="module")
def counters(folder: tuple[Path, bool]) -> Counters:
    return load_counter(folder[0]), TokenizerCounter(folder[0])


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS)
def test_counts_are_the_tokenizers(counters: Counters, texts: list[str]) -> None:
    cached, plain = counters
    expected = plain.count(texts)
    assert alike(cached.count(texts), expected)
    assert alike(cached.count(texts), expected), "what was kept differs from what was found"


@pytest.fixture(scope="module")
def counters_of_added(with_added: Path) -> Counters:
    cached = load_counter(with_added)
    assert isinstance(cached, CachedCounter)
    return cached, TokenizerCounter(with_added)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS)
def test_counts_are_the_tokenizers_with_added_tokens(counters_of_added: Counters, texts: list[str]) -> None:
    cached, plain = counters_of_added
    expected = plain.count(texts)
    assert alike(cached.count(texts), expected)
    assert alike(cached.count(texts), expected)


@pytest.fixture(scope="module", params=[1, 7])
def crowded(request: pytest.FixtureRequest, with_added: Path) -> Counters:
    return load_counter(with_added, limits=CacheLimits(entries=2 * request.param)), TokenizerCounter(with_added)


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=4))
def test_a_full_cache_forgets_and_never_errs(crowded: Counters, texts: list[list[str]]) -> None:
    cached, plain = crowded
    assert isinstance(cached, CachedCounter)
    for some in [*texts, *texts]:
        assert alike(cached.count(some), plain.count(some))
        assert cached.entries <= 2 * 14
