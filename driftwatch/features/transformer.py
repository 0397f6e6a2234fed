"""Embeddings by a transformer: the mean of its last hidden states over a text's tokens, of unit length."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.features.batches import by_length
from driftwatch.features.loading import check_rows, load_tokenizer, load_weights, padded, positions, token_rows
from driftwatch.features.model import inspect_model, model_digest
from driftwatch.features.pooled import mean_digest, unit
from driftwatch.features.runtime import GPU_BATCH, bf16_pays, device, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

    from driftwatch.domain.features import Digest, Embeddings
    from driftwatch.features.encoder import EncoderSettings


class TransformerEncoder:
    """Any transformers model: an encoder, the encoder half of two, or a language model such as the champion.

    Args:
        folder: of the model.
        settings: limits of length and batch.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used.

    Source: mean pooling as in Reimers and Gurevych 2019 (Sentence-BERT), section 3.
    """

    def __init__(self, folder: Path, settings: EncoderSettings, *, threads: int = 1) -> None:
        self._path = inspect_model(folder).path
        prepare(threads)
        import torch
        from transformers import AutoModel

        self._device = device()
        dtype = torch.bfloat16 if bf16_pays() else torch.float32
        self._tokenizer = load_tokenizer(self._path)
        whole = load_weights(AutoModel, self._path, dtype=dtype, device=self._device)
        self._dims = int(whole.config.hidden_size)
        limits = (settings.max_tokens, positions(whole), self._tokenizer.model_max_length)
        self._model = whole.get_encoder() if whole.config.is_encoder_decoder else whole
        self._model.config.use_cache = False
        self._max_tokens = min(int(limit) for limit in limits if limit)
        self._budget = settings.batch_tokens * (GPU_BATCH if self._device == "cuda" else 1)
        self._digest = mean_digest(model_digest(self._path), max_tokens=self._max_tokens, dtype=dtype)

    @property
    def digest(self) -> Digest:
        """Identity of model, pooling, length limit and precision."""
        return self._digest

    def embed(self, bodies: Sequence[str]) -> Embeddings:
        """Return float32 [n, d] unit rows; a text without tokens gets the embedding of one space.

        Raises:
            EncoderError: the model gave what is no number.
            ModelError: the tokenizer is not the model's own.
        """
        rows = self._rows(bodies)
        check_rows(rows, self._model, self._path)
        values = np.empty((len(rows), self._dims), np.float32)
        for batch in by_length([len(row) for row in rows], budget=self._budget):
            values[batch] = self._forward([rows[index] for index in batch])
        return unit(values, self._digest, self._path)

    def _rows(self, bodies: Sequence[str]) -> list[list[int]]:
        *rows, blank = token_rows(self._tokenizer, [*bodies, " "], special=True, longest=self._max_tokens)
        return [row or blank or [0] for row in rows]

    def _forward(self, rows: Sequence[Sequence[int]]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        import torch

        ids, mask = padded(rows, device=self._device)
        with torch.inference_mode():
            hidden: torch.Tensor = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1)
            mean = (hidden.float() * weights).sum(1) / weights.sum(1)
        pooled: np.ndarray[tuple[int, int], np.dtype[np.float32]] = mean.cpu().numpy()
        return pooled
