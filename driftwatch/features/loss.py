"""The champion's own loss on each text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import Digest, TextLosses
from driftwatch.features.batches import by_length
from driftwatch.features.loading import check_rows, load_tokenizer, load_weights, padded, token_rows
from driftwatch.features.model import Family, inspect_model, model_digest
from driftwatch.features.runtime import device, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_BATCH_TOKENS = 1_024
_BATCH_LOGITS = 1 << 26
"""Numbers in a batch's logits (256 MiB): with a vocabulary of 50,000 a batch has at most 1,300 tokens."""
_LONGEST = 2_048
"""Models of a long context score no more of a text than this, so that one text cannot fill the memory."""


class CausalModel:
    """A causal language model that scores texts in float32.

    The text's first token is predicted too, from the tokenizer's beginning-of-text token (or end-of-text where it has
    no other); without either the first token is only context. Texts are cut at the model's context or 2,048 tokens,
    that first one counted.

    Args:
        folder: of the model.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used or holds no causal model.
    """

    def __init__(self, folder: Path, *, threads: int = 1) -> None:
        looked_at = inspect_model(folder)
        if looked_at.family is not Family.CAUSAL:
            raise ModelError(
                f"this model is {looked_at.family.value}, not causal",
                where=str(folder),
                cure="give a GPT-2- or Llama-family model; other families come later",
            )
        prepare(threads)
        import torch
        from transformers import AutoModelForCausalLM

        self._path = looked_at.path
        self._device = device()
        self._tokenizer = load_tokenizer(self._path)
        self._model = load_weights(AutoModelForCausalLM, self._path, dtype=torch.float32, device=self._device)
        self._model.config.use_cache = False
        config = self._model.config.get_text_config()
        self._context = min(getattr(config, "max_position_embeddings", None) or _LONGEST, _LONGEST)
        self._budget = min(_BATCH_TOKENS, _BATCH_LOGITS // int(config.vocab_size))
        begin = self._tokenizer.bos_token_id
        self._begin = begin if begin is not None else self._tokenizer.eos_token_id
        self._digest = model_digest(self._path)

    @property
    def digest(self) -> Digest:
        """Identity of weights, configuration and tokenizer."""
        return self._digest

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return each body's summed cross-entropy in nats and its number of predicted tokens.

        Raises:
            ModelError: the tokenizer is not the model's own, or the model gave what is no number.
        """
        rows = self._rows(bodies)
        check_rows(rows, self._model, self._path)
        nats = np.zeros(len(rows), np.float64)
        for batch in by_length([len(row) for row in rows], budget=self._budget):
            kept = [index for index in batch if len(rows[index]) > 1]
            if kept:
                nats[kept] = self._score([rows[index] for index in kept])
        if not np.isfinite(nats).all():
            raise ModelError(
                "the model gave losses that are no numbers", where=str(self._path), cure="check its weights"
            )
        tokens = np.maximum(np.fromiter((len(row) for row in rows), np.int64, len(rows)) - 1, 0)
        return TextLosses(nats=nats, tokens=tokens, digest=self._digest)

    def _rows(self, bodies: Sequence[str]) -> list[list[int]]:
        begin = [self._begin] if self._begin is not None else []
        return [(begin + row)[: self._context] for row in token_rows(self._tokenizer, bodies, special=False)]

    def _score(self, rows: Sequence[Sequence[int]]) -> list[float]:
        import torch
        from torch.nn.functional import cross_entropy

        ids, mask = padded(rows, device=self._device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask).logits
            return [
                cross_entropy(logits[place, : len(row) - 1], ids[place, 1 : len(row)], reduction="none")
                .double()
                .sum()
                .item()
                for place, row in enumerate(rows)
            ]


def load_model(path: Path, *, threads: int = 1) -> CausalModel:
    """Load a model that can score texts.

    Raises:
        ModelError: the folder cannot be used.
    """
    return CausalModel(path, threads=threads)
