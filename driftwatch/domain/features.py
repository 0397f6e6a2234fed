"""What is measured on a text: its embedding, its tokens, the champion's loss on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
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


class LossUnit(StrEnum):
    """What a loss is spread over: losses of different units are never compared."""

    TOKEN = "nats/token"  # noqa: S105 - a unit
    MASKED_TOKEN = "nats/masked token"  # noqa: S105 - a unit
    LABELLED_TEXT = "nats/labelled text"

    @property
    def words(self) -> str:
        """Its name in a sentence, such as "nats per token"."""
        return self.value.replace("/", " per ")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TextLosses:
    """The champion's cross-entropy on n texts.

    Args:
        nats: float64 [n], summed over what was predicted of the text.
        tokens: int64 [n], how much was predicted: tokens, or for a classifier 1 where the text's class is known; 0
            where there was nothing to predict.
        digest: the model they came from.
        unit: of ``nats / tokens``.
        correct: bool [n], whether a classifier gave the text's class, for the texts of a known one; None for other
            models.
    """

    nats: npt.NDArray[np.float64]
    tokens: npt.NDArray[np.int64]
    digest: Digest
    unit: LossUnit = LossUnit.TOKEN
    correct: npt.NDArray[np.bool_] | None = None


class PairUnit(StrEnum):
    """What a pair's score is in: scores of different units are never compared."""

    NATS = "nats/pair"
    SHARE = "probability/pair"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairScores:
    """How differently a model takes the two sentences of n pairs.

    Args:
        values: float64 [n]. Of a language model the log-likelihood of the first sentence less that of the second; of
            a classifier how much of the probability lies on other classes, 0 to 1, whichever way.
        unit: of the values.
        digest: the model they came from.
        flipped: bool [n], whether a classifier gives the two sentences different classes; None for other models.
    """

    values: npt.NDArray[np.float64]
    unit: PairUnit
    digest: Digest
    flipped: npt.NDArray[np.bool_] | None = None


class Unreadable(StrEnum):
    """Why a model cannot score a sentence as it is written."""

    EMPTY = "no token to predict"
    UNKNOWN = "a word that the tokenizer has no token for"
    TOO_LONG = "longer than the model's context"
    APART = "no token that both sentences share"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassShares:
    """How a classifier spreads n texts over its k classes.

    Args:
        values: float64 [n, k], rows sum to 1.
        names: of the classes.
        digest: the model they came from.
    """

    values: npt.NDArray[np.float64]
    names: tuple[str, ...]
    digest: Digest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tier:
    """The transformer tier of n texts: embeddings of some of them by a dearer encoder than the one that reads all.

    Args:
        rows: int64 [m], ascending, which of the n texts it read.
        embeddings: of these m texts, in that order.
    """

    rows: npt.NDArray[np.int64]
    embeddings: Embeddings


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """All features of the same n texts, in the same order.

    Args:
        embeddings: of all, by the stream's encoder; by the static one where there are two tiers.
        tokens: of all.
        losses: of all; None without a model.
        tier: the transformer tier; None where one encoder reads every text.
    """

    embeddings: Embeddings
    tokens: TokenCounts
    losses: TextLosses | None
    tier: Tier | None = None
