"""Exact counts of the champion's tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import Digest, TokenCounts
from driftwatch.features.batches import in_order
from driftwatch.features.model import tokenizer_digest
from driftwatch.features.runtime import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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

    def count(self, bodies: Sequence[str]) -> TokenCounts:
        """Return exact token counts, one row per body."""
        rows = [
            np.unique(np.asarray(encoding.ids, dtype=np.int32), return_counts=True)
            for some in in_order(bodies)
            for encoding in self._tokenizer.encode_batch_fast(some, add_special_tokens=False)
        ]
        sizes = np.fromiter((len(ids) for ids, _ in rows), dtype=np.int64, count=len(rows))
        return TokenCounts(
            indptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
            ids=np.concatenate([np.zeros(0, np.int32), *(ids for ids, _ in rows)]).astype(np.int32),
            counts=np.concatenate([np.zeros(0, np.int32), *(counts for _, counts in rows)]).astype(np.int32),
            vocabulary=self._vocabulary,
            digest=self._digest,
        )
