"""Rows of features: some of them, or several lots together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.errors import DigestMismatchError
from driftwatch.domain.features import Embeddings, Features, TextLosses, TokenCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = npt.NDArray[np.int64]


def take(features: Features, rows: Rows) -> Features:
    """Return the features of the given rows, in that order; of rows side by side without copying them."""
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return _stretch(features, int(rows[0]), int(rows[0]) + len(rows))
    losses = features.losses
    return Features(
        embeddings=Embeddings(values=features.embeddings.values[rows], digest=features.embeddings.digest),
        tokens=take_tokens(features.tokens, rows),
        losses=None
        if losses is None
        else TextLosses(nats=losses.nats[rows], tokens=losses.tokens[rows], digest=losses.digest),
    )


def _stretch(features: Features, first: int, end: int) -> Features:
    """Return the features of the rows from ``first`` to before ``end``."""
    values, tokens, losses = features.embeddings.values, features.tokens, features.losses
    if first == 0 and end == len(values):
        return features
    places = slice(tokens.indptr[first], tokens.indptr[end])
    return Features(
        embeddings=Embeddings(values=values[first:end], digest=features.embeddings.digest),
        tokens=TokenCounts(
            indptr=tokens.indptr[first : end + 1] - tokens.indptr[first],
            ids=tokens.ids[places],
            counts=tokens.counts[places],
            vocabulary=tokens.vocabulary,
            digest=tokens.digest,
        ),
        losses=None
        if losses is None
        else TextLosses(nats=losses.nats[first:end], tokens=losses.tokens[first:end], digest=losses.digest),
    )


def take_tokens(tokens: TokenCounts, rows: Rows) -> TokenCounts:
    """Return the token counts of the given rows, in that order."""
    sizes = np.diff(tokens.indptr)[rows]
    indptr = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    # Each nonzero's place: its row's start in the old arrays plus its offset within the row.
    offsets = np.arange(indptr[-1]) - np.repeat(indptr[:-1], sizes)
    places = np.repeat(tokens.indptr[:-1][rows], sizes) + offsets
    return TokenCounts(
        indptr=indptr,
        ids=tokens.ids[places],
        counts=tokens.counts[places],
        vocabulary=tokens.vocabulary,
        digest=tokens.digest,
    )


def concatenate(parts: Sequence[Features]) -> Features:
    """Return all rows of the parts.

    Raises:
        DigestMismatchError: they come from different encoders, tokenizers or models.
    """
    first = parts[0]
    for part in parts[1:]:
        require_same(first, part)
    scored = [part.losses for part in parts if part.losses is not None]
    return Features(
        embeddings=Embeddings(
            values=np.concatenate([part.embeddings.values for part in parts]), digest=first.embeddings.digest
        ),
        tokens=_concatenate_tokens([part.tokens for part in parts]),
        losses=None
        if len(scored) < len(parts)
        else TextLosses(
            nats=np.concatenate([losses.nats for losses in scored]),
            tokens=np.concatenate([losses.tokens for losses in scored]),
            digest=scored[0].digest,
        ),
    )


def require_same(left: Features, right: Features) -> None:
    """Refuse to let features of different origins meet.

    Raises:
        DigestMismatchError: encoder, tokenizer or model differ.
    """
    pairs = [
        ("encoder", left.embeddings.digest, right.embeddings.digest),
        ("tokenizer", left.tokens.digest, right.tokens.digest),
    ]
    if left.losses is not None and right.losses is not None:
        pairs.append(("model", left.losses.digest, right.losses.digest))
    for what, known, other in pairs:
        if known != other:
            raise DigestMismatchError(
                f"these features come from different versions of the {what} ({known[:19]}… and {other[:19]}…)",
                cure="rebuild the reference: driftwatch reference build STREAM",
            )


def _concatenate_tokens(parts: Sequence[TokenCounts]) -> TokenCounts:
    sizes = np.concatenate([np.diff(part.indptr) for part in parts])
    return TokenCounts(
        indptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        ids=np.concatenate([part.ids for part in parts]),
        counts=np.concatenate([part.counts for part in parts]),
        vocabulary=parts[0].vocabulary,
        digest=parts[0].digest,
    )
