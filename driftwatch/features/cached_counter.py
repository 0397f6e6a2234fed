"""Exact counts of the champion's tokens, through a cache of distinct chunks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.features.chunk_cache import UNSURE, CacheLimits, ChunkCache
from driftwatch.features.pieces import PieceTokeniser
from driftwatch.features.tokens import counted, joined

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.domain.features import Digest, TokenCounts
    from driftwatch.features.chunking import Chunking
    from driftwatch.features.tokens import TokenizerCounter

_TEXTS, _CHARACTERS = 1_000, 500_000
"""In memory at once: their chunks and tokens take some 100 bytes a character at the most. A text that is longer goes to
the tokenizer as it is."""


class CachedCounter:
    """Divides texts into chunks, and tokenises each distinct chunk once.

    A text that holds a chunk which can't be told from its neighbours' is counted by the tokenizer whole. Whether the
    division is exact for this tokenizer, ``features.counting`` finds out.

    Args:
        plain: the tokenizer.
        chunking: how its texts are divided.
        limits: of the cache.
    """

    def __init__(self, plain: TokenizerCounter, chunking: Chunking, limits: CacheLimits) -> None:
        self._plain = plain
        self._division = chunking.division
        words = PieceTokeniser(plain, chunking.pieces, limits) if chunking.pieces is not None else None
        self._cache = ChunkCache(words.tokens if words is not None else plain.tokens, chunking.unsure, limits)
        self._caches = (self._cache, words.cache) if words is not None else (self._cache,)

    @property
    def digest(self) -> Digest:
        """Identity of the tokenizer: what it splits, and how."""
        return self._plain.digest

    @property
    def entries(self) -> int:
        """How many distinct chunks and words its caches hold."""
        return sum(map(len, self._caches))

    @property
    def megabytes(self) -> float:
        """About how much memory its caches take."""
        return sum(cache.megabytes for cache in self._caches)

    def forget(self) -> None:
        """Empty its caches."""
        for cache in self._caches:
            cache.clear()

    def count(self, bodies: Sequence[str]) -> TokenCounts:
        """Return exact token counts, one row per body."""
        parts = [self._count_some(some) for some in _parts(bodies)]
        return joined(parts, self._plain.vocabulary, self.digest) if len(parts) != 1 else parts[0]

    def _count_some(self, bodies: Sequence[str]) -> TokenCounts:
        if len(bodies) == 1 and len(bodies[0]) > _CHARACTERS:
            return self._plain.count_some(bodies)
        rows, chunks = self._division.chunks(bodies)
        numbers = self._cache.numbers(chunks)
        whole = np.unique(rows[numbers == UNSURE])
        if len(whole):
            sure = ~np.isin(rows, whole)
            rows, numbers = rows[sure], numbers[sure]
        sizes, ids = self._cache.tokens(numbers)
        rows = np.repeat(rows, sizes)
        if len(whole):
            some, more = self._plain.token_rows([bodies[row] for row in whole.tolist()])
            rows, ids = np.concatenate([rows, whole[some]]), np.concatenate([ids, more])
        return counted(rows, ids, len(bodies), self._plain.vocabulary, self.digest)


def _parts(bodies: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the bodies some at a time: fewer where they are long, and a very long one alone."""
    for start in range(0, len(bodies), _TEXTS):
        some = bodies[start : start + _TEXTS]
        yield from [some] if sum(map(len, some)) <= _CHARACTERS else _by_length(some)


def _by_length(bodies: Sequence[str]) -> Iterator[Sequence[str]]:
    start = size = 0
    for place, body in enumerate(bodies):
        if place > start and size + len(body) > _CHARACTERS:
            yield bodies[start:place]
            start, size = place, 0
        size += len(body)
    yield bodies[start:]
