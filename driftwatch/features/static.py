"""Static embeddings distilled from a transformer: a table look-up per token, dozens of times cheaper."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import redirect_stderr
from importlib.metadata import version
from io import StringIO
from typing import TYPE_CHECKING, Self
from uuid import uuid4

import numpy as np
import structlog

from driftwatch.domain.errors import EncoderError
from driftwatch.domain.features import Digest, Embeddings
from driftwatch.features.model import inspect_model, model_digest
from driftwatch.features.runtime import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from model2vec import StaticModel

    from driftwatch.features.encoder import EncoderSettings

_MADE = "driftwatch.sha256"
"""Written last into a kept folder: the hash of its table, so that half a folder or a damaged one is never used."""


class StaticEncoder:
    """A model2vec model.

    Args:
        model: as loaded.
        digest: its identity.
        max_tokens: longer texts are cut.

    Source: Tulkens and van Dongen 2024 (Model2Vec).
    """

    def __init__(self, model: StaticModel, digest: Digest, *, max_tokens: int = 256) -> None:
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
        source = inspect_model(folder).path
        prepare(threads)
        about = f"{model_digest(source)}:model2vec {version('model2vec')}:{settings.dims}"
        name = hashlib.sha256(about.encode()).hexdigest()
        kept = cache / f"static-{name[:16]}" if cache is not None else None
        model = _kept(kept) if kept is not None else None
        if model is None:
            model = _distil(source, settings.dims)
            if kept is not None:
                _keep(model, kept)
        whole = hashlib.sha256(f"{about}:{settings.max_tokens}".encode()).hexdigest()
        return cls(model, Digest(f"sha256:{whole}"), max_tokens=settings.max_tokens)

    @property
    def digest(self) -> Digest:
        """Identity of the transformer it came from, of the way it was distilled and of the length limit."""
        return self._digest

    def embed(self, bodies: Sequence[str]) -> Embeddings:
        """Return float32 [n, d] unit rows; a text of unknown tokens only gets the first axis.

        Raises:
            EncoderError: the table holds what is no number.
        """
        dims = int(self._model.dim)
        if not bodies:
            return Embeddings(values=np.zeros((0, dims), np.float32), digest=self._digest)
        raw = self._model.encode(list(bodies), max_length=self._max_tokens, use_multiprocessing=False)
        values = np.asarray(raw, dtype=np.float32)
        norms = np.linalg.norm(values, axis=1, keepdims=True)
        if not np.isfinite(norms).all():
            raise EncoderError("the static encoder gave embeddings that are no numbers", cure="distil it anew")
        first = np.eye(1, dims, dtype=np.float32)
        return Embeddings(values=np.where(norms > 0, values / np.maximum(norms, 1e-12), first), digest=self._digest)


def _distil(folder: Path, dims: int) -> StaticModel:
    from model2vec.distill import distill

    try:
        with redirect_stderr(StringIO()):  # its progress bar heeds no setting made after tqdm was imported
            return distill(model_name=str(folder), pca_dims=dims, device="cpu", trust_remote_code=False)
    except (ValueError, RuntimeError, OSError, KeyError, TypeError, AttributeError) as error:
        raise EncoderError(
            f"it cannot be distilled: {error}", where=str(folder), cure='choose kind = "transformer"'
        ) from error


def _kept(folder: Path) -> StaticModel | None:
    from model2vec import StaticModel

    made = folder / _MADE
    if not made.is_file() or made.read_text(encoding="ascii") != _table_hash(folder):
        shutil.rmtree(folder, ignore_errors=True)
        return None
    return StaticModel.from_pretrained(str(folder))


def _keep(model: StaticModel, folder: Path) -> None:
    aside = folder.with_name(f"{folder.name}.{uuid4().hex[:8]}")
    try:
        aside.mkdir(parents=True)
        model.save_pretrained(str(aside))
        (aside / _MADE).write_text(_table_hash(aside), encoding="ascii")
        os.rename(aside, folder)  # noqa: PTH104 - atomic, and fails where another process was first
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        if not folder.is_dir():
            structlog.get_logger().warning("static_encoder_not_kept", folder=str(folder), reason=error.strerror)


def _table_hash(folder: Path) -> str:
    total = hashlib.sha256()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        file = folder / name
        total.update(file.read_bytes() if file.is_file() else b"")
    return total.hexdigest()
