"""References and token counts of texts drawn by chance, whatever they are drawn like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import drift_samples as samples
import numpy as np

from driftwatch.domain.drift import Reference, ReferencePart
from driftwatch.domain.features import Digest, Features, TokenCounts
from driftwatch.drift.features import take

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.text import Text

DIMS, VOCABULARY, BUDGET = 12, 60, 1e4


def drawn_tokens(random: np.random.Generator, count: int, *, first: int = 0, last: int = VOCABULARY) -> TokenCounts:
    """Return three different tokens for each of so many texts, of those from the first to the last."""
    ids = np.sort(random.permuted(np.tile(np.arange(first, last), (count, 1)), axis=1)[:, :3], axis=1)
    return TokenCounts(
        indptr=np.arange(0, 3 * count + 1, 3),
        ids=ids.ravel().astype(np.int32),
        counts=np.ones(3 * count, dtype=np.int32),
        vocabulary=VOCABULARY,
        digest=samples.TOKENIZER,
    )


def part_of(texts: Sequence[Text], features: Features, rows: np.ndarray) -> ReferencePart:
    """Return these rows of texts and features as a part of a reference."""
    return ReferencePart(texts=tuple(texts[row] for row in rows), features=take(features, rows))


def reference_of(
    stream: str, *, train: ReferencePart, cal: ReferencePart, heldout: ReferencePart, tier: Digest | None = None
) -> Reference:
    """Return a reference without a model, whose parts are at hand."""
    return Reference(
        stream=stream,
        version="r1",
        created_at=samples.NOON,
        seed=1,
        encoder=samples.ENCODER,
        tokenizer=samples.TOKENIZER,
        champion=None,
        train=train,
        cal=cal,
        heldout=heldout,
        memory=(),
        tier=tier,
    )


def seqs_of(index: int, size: int) -> tuple[int, ...]:
    """Return the places of the texts of a stream's window, all windows being of one size."""
    return tuple(range(index * size + 1, (index + 1) * size + 1))
