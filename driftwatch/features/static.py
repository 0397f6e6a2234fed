"""Static embeddings distilled from a transformer: a table look-up per token, dozens of times cheaper."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING, Self
from uuid import uuid4

import numpy as np

from driftwatch.domain.errors import EncoderError
from driftwatch.domain.features import Digest, Embeddings
from driftwatch.features.model import model_digest
from driftwatch.features.runtime import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from model2vec import StaticModel

    from driftwatch.features.encoder import EncoderSettings


class StaticEncoder:
    """A model2vec model.

    Args:
        model: as loaded.
        digest: its identity.
        max_tokens: longer texts are cut.

    Source: Tulkens and van Dongen 2024 (Model2Vec).
    """

    def __init__(self, model: StaticModel, digest: Digest, *, max_tokens: int) -> None:
        self._model = model
        self._digest = digest
        self._max_tokens = max_tokens

    @classmethod
    def distilled(cls, folder: Path, settings: EncoderSettings, *, threads: int = 1, cache: Path | None = None) -> Self:
        """Distil the transformer, or take the distilled one from the cache.

        Raises:
            EncoderError: it cannot be distilled.
            ModelError: the transformer's folder cannot be used.
        """
        prepare(threads)
        from model2vec import StaticModel
        from model2vec.distill import distill

        table = _digest(f"{model_digest(folder)}:model2vec:{settings.dims}")
        digest = _digest(f"{table}:{settings.max_tokens}")
        kept = cache / f"static-{table.removeprefix('sha256:')[:16]}" if cache is not None else None
        if kept is not None and kept.is_dir():
            return cls(StaticModel.from_pretrained(str(kept)), digest, max_tokens=settings.max_tokens)
        try:
            model = distill(model_name=str(folder), pca_dims=settings.dims, device="cpu")
        except (ValueError, RuntimeError, OSError) as error:
            raise EncoderError(
                f"it cannot be distilled: {error}", where=str(folder), cure='choose kind = "transformer"'
            ) from error
        if kept is not None:
            _keep(model, kept)
        return cls(model, digest, max_tokens=settings.max_tokens)

    @property
    def digest(self) -> Digest:
        """Identity of the transformer it came from, the way it was distilled, and the limit of length."""
        return self._digest

    def embed(self, bodies: Sequence[str]) -> Embeddings:
        """Return float32 [n, d] unit rows; a text of unknown tokens only gets the first axis."""
        if not bodies:
            return Embeddings(values=np.zeros((0, self._model.dim), np.float32), digest=self._digest)
        encoded = self._model.encode(list(bodies), max_length=self._max_tokens, use_multiprocessing=False)
        values = np.asarray(encoded, dtype=np.float32).reshape(len(bodies), -1)
        norms = np.linalg.norm(values, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            raise EncoderError("the static encoder gave embeddings that are no numbers", cure="distil it anew")
        axis = np.zeros((1, values.shape[1]), np.float32)
        axis[0, 0] = 1.0
        return Embeddings(values=np.where(norms > 0, values / np.maximum(norms, 1e-12), axis), digest=self._digest)


def _digest(about: str) -> Digest:
    return Digest("sha256:" + hashlib.sha256(about.encode()).hexdigest())


def _keep(model: StaticModel, folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.{uuid4().hex[:8]}")
    aside.parent.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(aside))
    try:
        os.rename(aside, folder)  # noqa: PTH104 - atomic, and fails where another process was first
    except OSError:
        shutil.rmtree(aside, ignore_errors=True)
