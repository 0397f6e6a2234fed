"""What is measured on a text: its embedding, its tokens, the champion's loss on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Digest = NewType("Digest", str)
"""Identity of an encoder, tokenizer or model: ``sha256:`` and 64 hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Embeddings:
    """Embeddings of n texts.

    Args:
        values: float32 [n, d], rows of unit length.
        digest: the encoder they came from.
    """

    values: npt.NDArray[np.float32]
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenCounts:
    """Token counts of n texts as a sparse matrix in rows.

    Args:
        indptr: int64 [n + 1]; row i is ``ids[indptr[i]:indptr[i + 1]]``.
        ids: int32 [nonzeros], ascending within a row.
        counts: int32 [nonzeros], at least 1.
        vocabulary: number of token ids the tokenizer can give.
        digest: the tokenizer they came from.
    """

    indptr: npt.NDArray[np.int64]
    ids: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    vocabulary: int
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextLosses:
    """The champion's cross-entropy on n texts.

    Args:
        nats: float64 [n], summed over the text's predicted tokens.
        tokens: int64 [n], number of predicted tokens (0 where the text is too short to predict).
        digest: the model they came from.
    """

    nats: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """All features of the same n texts, in the same order."""

    embeddings: Embeddings
    tokens: TokenCounts
    losses: TextLosses | None
