"""Which way tokens are counted: through the cache where that is exact, else by the tokenizer itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import structlog

from driftwatch.features.cached_counter import CachedCounter
from driftwatch.features.chunk_cache import CacheLimits
from driftwatch.features.chunking import DeclinedError, chunking
from driftwatch.features.odd_texts import odd_texts
from driftwatch.features.tokens import TokenizerCounter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.features import TokenCounts

log = structlog.get_logger()
_LIMITS = CacheLimits()


def load_counter(folder: Path, *, limits: CacheLimits = _LIMITS) -> CachedCounter | TokenizerCounter:
    """Return a counter of a tokenizer's tokens, exact either way.

    Args:
        folder: of a model or tokenizer; it must hold ``tokenizer.json``.
        limits: of the cache.

    Raises:
        ModelError: there is no fast tokenizer, or it cannot be read.
    """
    plain = TokenizerCounter(folder)
    settings = json.loads((folder.resolve() / "tokenizer.json").read_text(encoding="utf-8"))
    try:
        cached = CachedCounter(plain, chunking(settings), limits)
        _check(cached, plain, odd_texts(str(token["content"]) for token in settings.get("added_tokens") or []))
    except DeclinedError as declined:
        log.info("tokens are counted without the cache of chunks", tokenizer=str(folder), reason=str(declined))
        return plain
    return cached


def _check(cached: CachedCounter, plain: TokenizerCounter, texts: Sequence[str]) -> None:
    """Count a sample both ways, twice: with an empty cache, and with one that knows it.

    Raises:
        DeclinedError: they differ.
    """
    expected = plain.count(texts)
    for _ in range(2):
        found = cached.count(texts)
        if not _same(found, expected):
            raise DeclinedError(f"chunks alone have other tokens: {_first_other(found, expected, texts)!r}")
    cached.forget()


def _same(some: TokenCounts, others: TokenCounts) -> bool:
    return (
        np.array_equal(some.indptr, others.indptr)
        and np.array_equal(some.ids, others.ids)
        and np.array_equal(some.counts, others.counts)
    )


def _first_other(some: TokenCounts, others: TokenCounts, texts: Sequence[str]) -> str:
    for row, text in enumerate(texts):
        here, there = (slice(*each.indptr[row : row + 2].tolist()) for each in (some, others))
        same = np.array_equal(some.ids[here], others.ids[there])
        if not (same and np.array_equal(some.counts[here], others.counts[there])):
            return text[:80]
    return ""
