"""The champion's own loss on each text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import Digest, TextLosses
from driftwatch.features.batches import by_length
from driftwatch.features.loading import load_tokenizer, load_weights
from driftwatch.features.model import Family, inspect_model, model_digest
from driftwatch.features.runtime import device, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

_BATCH_TOKENS = 1_024  # the logits of more, of a large vocabulary, fill a gigabyte
_DEFAULT_CONTEXT = 1_024


class CausalModel:
    """A causal language model that scores texts in float32.

    The text's first token is predicted too, from the tokenizer's beginning-of-text token (or end-of-text where it has
    no other); without either the first token is only context. Texts are cut at the model's context.

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

        self._device = device()
        self._tokenizer = load_tokenizer(looked_at.path)
        self._model = load_weights(AutoModelForCausalLM, looked_at.path, torch.float32)
        self._model.to(self._device).eval()  # type: ignore[arg-type]
        self._context = getattr(self._model.config, "max_position_embeddings", None) or _DEFAULT_CONTEXT
        begin = self._tokenizer.bos_token_id
        self._begin = begin if begin is not None else self._tokenizer.eos_token_id
        self._digest = model_digest(looked_at.path)

    @property
    def digest(self) -> Digest:
        """Identity of weights, configuration and tokenizer."""
        return self._digest

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return each body's summed cross-entropy in nats and its number of predicted tokens."""
        rows = self._ids(bodies)
        nats = np.zeros(len(rows), np.float64)
        tokens = np.maximum(np.fromiter((len(row) for row in rows), np.int64, len(rows)) - 1, 0)
        for batch in by_length([len(row) for row in rows], budget=_BATCH_TOKENS):
            kept = [index for index in batch if len(rows[index]) > 1]
            if kept:
                nats[kept] = self._score([rows[index] for index in kept])
        return TextLosses(nats=nats, tokens=tokens, digest=self._digest)

    def _ids(self, bodies: Sequence[str]) -> list[list[int]]:
        if not bodies:
            return []
        begin = [self._begin] if self._begin is not None else []
        rows = self._tokenizer(list(bodies), add_special_tokens=False, padding=False, truncation=False)["input_ids"]
        return [(begin + row)[: self._context] for row in rows]

    def _score(self, rows: Sequence[Sequence[int]]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        import torch
        from torch.nn.functional import cross_entropy

        longest = max(len(row) for row in rows)
        ids = torch.zeros((len(rows), longest), dtype=torch.long)
        mask = torch.zeros((len(rows), longest), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = torch.tensor(row)
            mask[place, : len(row)] = 1
        ids, mask = ids.to(self._device), mask.to(self._device)
        with torch.inference_mode():
            logits: torch.Tensor = self._model(input_ids=ids, attention_mask=mask).logits
            each = cross_entropy(logits[:, :-1].transpose(1, 2), ids[:, 1:], reduction="none")
            total = (each.double() * mask[:, 1:]).sum(1)
        summed: np.ndarray[tuple[int], np.dtype[np.float64]] = total.cpu().numpy()
        return summed


def load_model(path: Path, *, threads: int = 1) -> CausalModel:
    """Load a model that can score texts.

    Raises:
        ModelError: the folder cannot be used.
    """
    return CausalModel(path, threads=threads)
