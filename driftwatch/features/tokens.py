"""Exact counts of the champion's tokens, by the tokenizer itself."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import Digest, TokenCounts
from driftwatch.features.batches import in_order
from driftwatch.features.model import tokenizer_digest
from driftwatch.features.runtime import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt


class TokenizerCounter:
    """Counts with the tokenizer itself, special tokens left out.

    Args:
        folder: of a model or tokenizer; it must hold ``tokenizer.json``.

    Raises:
        ModelError: there is no fast tokenizer, or it cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        quiet()
        from tokenizers import Tokenizer

        file = folder.resolve() / "tokenizer.json"
        self._digest = tokenizer_digest(file.parent)
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # noqa: BLE001 - the Rust library raises bare Exception
            raise ModelError(
                f"this tokenizer cannot be read: {error}", where=str(file), cure="copy the model anew"
            ) from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._vocabulary = 1 + max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)

    @property
    def digest(self) -> Digest:
        """Identity of the tokenizer: what it splits, and how."""
        return self._digest

    @property
    def vocabulary(self) -> int:
        """Number of token ids it can give."""
        return self._vocabulary

    def count(self, bodies: Sequence[str]) -> TokenCounts:
        """Return exact token counts, one row per body."""
        return joined([self.count_some(some) for some in in_order(bodies)], self._vocabulary, self._digest)

    def count_some(self, bodies: Sequence[str]) -> TokenCounts:
        """Return the same of few bodies, whose tokens are in memory at once."""
        return counted(*self.token_rows(bodies), len(bodies), self._vocabulary, self._digest)

    def token_rows(self, bodies: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return int64 [tokens], the body that each token is of, and int32 [tokens], their ids."""
        encodings = self._tokenizer.encode_batch_fast(bodies, add_special_tokens=False)
        sizes, ids = _flat([encoding.ids for encoding in encodings])
        return np.repeat(np.arange(len(bodies)), sizes), ids

    def tokens(self, bodies: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return int64 [bodies], how many tokens each has, and int32 [their sum], the ids of all in order."""
        rows, ids = self.token_rows(bodies)
        return np.bincount(rows, minlength=len(bodies)), ids

    def model_tokens(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return the same of words as the tokenizer's model sees them, after all steps before it."""
        found = list(map(self._tokenizer.model.tokenize, words))
        sizes = np.fromiter(map(len, found), dtype=np.int64, count=len(found))
        ids = map(attrgetter("id"), chain.from_iterable(found))
        return sizes, np.fromiter(ids, dtype=np.int32, count=int(sizes.sum()))


def counted(
    rows: npt.NDArray[np.int64], ids: npt.NDArray[np.int32], size: int, vocabulary: int, digest: Digest
) -> TokenCounts:
    """Count tokens that were found in any order.

    Args:
        rows: int64 [tokens], the body that each token is of.
        ids: int32 [tokens].
        size: number of bodies.
        vocabulary: number of token ids the tokenizer can give.
        digest: of the tokenizer.
    """
    cells = rows * vocabulary + ids
    if size * vocabulary < np.iinfo(np.int32).max:
        cells = cells.astype(np.int32)  # sorted twice as fast
    cells.sort()
    first = np.flatnonzero(np.concatenate([np.ones(min(len(cells), 1), np.bool_), cells[1:] != cells[:-1]]))
    cells, counts = cells[first], np.diff(first, append=len(cells))
    rows = cells // max(vocabulary, 1)
    return TokenCounts(
        indptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(np.bincount(rows, minlength=size))]),
        ids=(cells - rows * vocabulary).astype(np.int32),
        counts=counts.astype(np.int32),
        vocabulary=vocabulary,
        digest=digest,
    )


def joined(parts: Sequence[TokenCounts], vocabulary: int, digest: Digest) -> TokenCounts:
    """Return the counts of several parts, one after the other."""
    return TokenCounts(
        indptr=np.concatenate([np.zeros(1, np.int64), *_indptrs(parts)]),
        ids=np.concatenate([np.zeros(0, np.int32), *(part.ids for part in parts)]),
        counts=np.concatenate([np.zeros(0, np.int32), *(part.counts for part in parts)]),
        vocabulary=vocabulary,
        digest=digest,
    )


def _indptrs(parts: Sequence[TokenCounts]) -> Iterator[npt.NDArray[np.int64]]:
    before = 0
    for part in parts:
        yield part.indptr[1:] + before
        before += len(part.ids)


def _flat(some: Sequence[Sequence[int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    sizes = np.fromiter(map(len, some), dtype=np.int64, count=len(some))
    return sizes, np.fromiter(chain.from_iterable(some), dtype=np.int32, count=int(sizes.sum()))
