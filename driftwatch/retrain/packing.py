"""Packing: texts become one long row of tokens, cut into equal sequences: no step computes padding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def pack(rows: Iterable[Sequence[int]], *, end: int | None, context: int) -> npt.NDArray[np.int64]:
    """Join the rows, each followed by ``end``, and cut them.

    Args:
        rows: token ids, one row per text.
        end: the token that separates texts; None where the tokenizer has none.
        context: tokens per sequence.

    Returns:
        int64 [sequences, context]. The last, incomplete sequence is left out, unless it is the only one: then it is
        returned as it is, shorter. No tokens give [0, context].

    Examples:
        >>> pack([[1, 2], [3], [4, 5]], end=0, context=4).tolist()
        [[1, 2, 0, 3], [0, 4, 5, 0]]
    """
    tail = [] if end is None else [end]
    flat = np.fromiter((token for row in rows if len(row) for token in (*row, *tail)), dtype=np.int64)
    if not flat.size:
        return np.empty((0, context), dtype=np.int64)
    length = min(context, flat.size)
    whole = flat.size // length
    return flat[: whole * length].reshape(whole, length)
