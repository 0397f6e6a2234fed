"""Rows of features: some of them, or several lots together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.errors import DigestMismatchError
from driftwatch.domain.features import Embeddings, Features, TextLosses, Tier, TokenCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Rows = npt.NDArray[np.int64]


def take(features: Features, rows: Rows) -> Features:
    """Return the features of the given rows, in that order; of rows side by side without copying them."""
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return _stretch(features, int(rows[0]), int(rows[0]) + len(rows))
    losses = features.losses
    return Features(
        embeddings=_take_embeddings(features.embeddings, rows),
        tokens=take_tokens(features.tokens, rows),
        losses=None
        if losses is None
        else TextLosses(nats=losses.nats[rows], tokens=losses.tokens[rows], digest=losses.digest),
        tier=None if features.tier is None else _take_tier(features.tier, rows, texts=len(features.embeddings.values)),
    )


def _take_tier(tier: Tier, rows: Rows, *, texts: int) -> Tier:
    """Return what the transformer tier read of the given rows, in that order."""
    places = np.full(texts, -1, dtype=np.int64)
    places[tier.rows] = np.arange(len(tier.rows))
    found = places[rows]
    read = np.flatnonzero(found >= 0)
    return Tier(rows=read, embeddings=_take_embeddings(tier.embeddings, found[read]))


def _take_embeddings(embeddings: Embeddings, rows: Rows | slice) -> Embeddings:
    return Embeddings(values=embeddings.values[rows], digest=embeddings.digest)


def _stretch(features: Features, first: int, end: int) -> Features:
    """Return the features of the rows from ``first`` to before ``end``."""
    values, tokens, losses = features.embeddings.values, features.tokens, features.losses
    if first == 0 and end == len(values):
        return features
    places = slice(tokens.indptr[first], tokens.indptr[end])
    return Features(
        embeddings=_take_embeddings(features.embeddings, slice(first, end)),
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
        tier=None if features.tier is None else _stretch_of_tier(features.tier, first, end),
    )


def _stretch_of_tier(tier: Tier, first: int, end: int) -> Tier:
    places = slice(*np.searchsorted(tier.rows, [first, end]).tolist())
    return Tier(rows=tier.rows[places] - first, embeddings=_take_embeddings(tier.embeddings, places))


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


def every_embedding(features: Features) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the embeddings of each tier, float32 [n, d]."""
    yield features.embeddings.values
    if features.tier is not None:
        yield features.tier.embeddings.values


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
        tier=_concatenate_tiers(parts),
    )


def _concatenate_tiers(parts: Sequence[Features]) -> Tier | None:
    """Return all that the transformer tier read, by rows among those of all parts; None where there is none."""
    tiers = [part.tier for part in parts if part.tier is not None]
    if not tiers:
        return None
    starts = np.cumsum([0, *(len(part.embeddings.values) for part in parts[:-1])])
    return Tier(
        rows=np.concatenate([tier.rows + start for tier, start in zip(tiers, starts, strict=True)]),
        embeddings=Embeddings(
            values=np.concatenate([tier.embeddings.values for tier in tiers]), digest=tiers[0].embeddings.digest
        ),
    )


def require_same(left: Features, right: Features) -> None:
    """Refuse to let features of different origins meet.

    Raises:
        DigestMismatchError: encoder, tokenizer or model differ, or one side has two tiers and the other one encoder.
    """
    if (left.tier is None) != (right.tier is None):
        raise DigestMismatchError(
            "some of these features come from one encoder, the others from two tiers, static and transformer",
            cure="encoder.texts was set or taken out since the reference was built: set it back, or rebuild the "
            "reference: driftwatch reference build STREAM",
        )
    pairs = [
        ("encoder", left.embeddings.digest, right.embeddings.digest),
        ("tokenizer", left.tokens.digest, right.tokens.digest),
    ]
    if left.tier is not None and right.tier is not None:
        pairs.append(("transformer tier", left.tier.embeddings.digest, right.tier.embeddings.digest))
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
