"""Means of hidden states as embeddings: of unit length, with an identity that says what made them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import EncoderError
from driftwatch.domain.features import Digest, Embeddings

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    import torch


def mean_digest(model: Digest, *, max_tokens: int, dtype: torch.dtype) -> Digest:
    """Return the identity of embeddings that are means of a model's last hidden states.

    The way through the network, padded or packed, is not part of it: both give the same but for rounding, far below
    what a detector can tell.

    Args:
        model: of its folder.
        max_tokens: longer texts are cut.
        dtype: of its weights.
    """
    about = f"{model}:mean:{max_tokens}:{dtype}"
    return Digest("sha256:" + hashlib.sha256(about.encode()).hexdigest())


def unit(values: npt.NDArray[np.float32], digest: Digest, where: Path) -> Embeddings:
    """Return means as embeddings.

    Args:
        values: float32 [n, d].
        digest: of what made them.
        where: the model's folder, for the error.

    Raises:
        EncoderError: a row is no direction: zero, or no number.
    """
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or (norms == 0).any():
        raise EncoderError(
            "the encoder gave embeddings that are no numbers",
            where=str(where),
            cure="check its weights; float32 may be needed",
        )
    return Embeddings(values=(values / norms).astype(np.float32), digest=digest)
