"""Embeddings by a transformer: the mean of its last hidden states over a text's tokens, of unit length."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import EncoderError
from driftwatch.domain.features import Digest, Embeddings
from driftwatch.features.batches import by_length
from driftwatch.features.loading import load_tokenizer, load_weights
from driftwatch.features.model import inspect_model, model_digest
from driftwatch.features.runtime import bf16_pays, device, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from driftwatch.features.encoder import EncoderSettings


class TransformerEncoder:
    """Any transformers model with a fast tokenizer.

    Args:
        folder: of the model.
        settings: limits of length and batch.
        threads: of torch.

    Source: mean pooling as in Reimers and Gurevych 2019 (Sentence-BERT), section 3.
    """

    def __init__(self, folder: Path, settings: EncoderSettings, *, threads: int = 1) -> None:
        prepare(threads)
        import torch
        from transformers import AutoModel

        self._path = inspect_model(folder).path
        self._device = device()
        self._dtype = torch.bfloat16 if bf16_pays() else torch.float32
        self._tokenizer = load_tokenizer(self._path)
        self._model = load_weights(AutoModel, self._path, self._dtype)
        self._model.to(self._device).eval()  # type: ignore[arg-type]
        limit = getattr(self._model.config, "max_position_embeddings", None) or settings.max_tokens
        self._max_tokens = min(settings.max_tokens, limit, self._tokenizer.model_max_length)
        self._budget = settings.batch_tokens
        about = f"{model_digest(self._path)}:mean:{self._max_tokens}:{self._dtype}"
        self._digest = Digest("sha256:" + hashlib.sha256(about.encode()).hexdigest())

    @property
    def digest(self) -> Digest:
        """Identity of model, pooling, length limit and precision."""
        return self._digest

    def embed(self, bodies: Sequence[str]) -> Embeddings:
        """Return float32 [n, d] unit rows; a text without tokens gets the embedding of one space.

        Raises:
            EncoderError: the model gave what is no number.
        """
        if not bodies:
            return Embeddings(values=np.zeros((0, self._model.config.hidden_size), np.float32), digest=self._digest)
        ids = self._ids(bodies)
        values = np.empty((len(bodies), self._model.config.hidden_size), np.float32)
        for batch in by_length([len(row) for row in ids], budget=self._budget):
            values[batch] = self._forward([ids[index] for index in batch])
        return Embeddings(values=_unit(values, self._path), digest=self._digest)

    def _ids(self, bodies: Sequence[str]) -> list[list[int]]:
        rows = self._tokenizer(list(bodies), truncation=True, max_length=self._max_tokens, padding=False)["input_ids"]
        blank = self._tokenizer(" ", truncation=True, max_length=self._max_tokens)["input_ids"] or [0]
        return [row or blank for row in rows]

    def _forward(self, rows: Sequence[Sequence[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        import torch

        longest = max(len(row) for row in rows)
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        with torch.inference_mode():
            hidden: torch.Tensor = self._model(
                input_ids=ids.to(self._device), attention_mask=mask.to(self._device)
            ).last_hidden_state
            weights = mask.to(self._device).unsqueeze(-1)
            mean = (hidden.float() * weights).sum(1) / weights.sum(1)
        pooled: np.ndarray[tuple[int, int], np.dtype[np.float32]] = mean.cpu().numpy()
        return pooled


def _unit(
    values: np.ndarray[tuple[int, int], np.dtype[np.float32]], where: Path
) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    if not np.isfinite(norms).all() or (norms == 0).any():
        raise EncoderError(
            "the encoder gave embeddings that are no numbers",
            where=str(where),
            cure="check its weights; float32 may be needed",
        )
    unit: np.ndarray[tuple[int, int], np.dtype[np.float32]] = (values / norms).astype(np.float32)
    return unit
