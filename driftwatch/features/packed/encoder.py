"""Embeddings by a packed network: what ``TransformerEncoder`` gives, for a fraction of its time and start."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from driftwatch.domain.errors import ModelError
from driftwatch.features.batches import by_tokens, in_order
from driftwatch.features.model import inspect_model, model_digest
from driftwatch.features.packed.blueprint import UnpackableError, read_blueprint
from driftwatch.features.packed.network import PackedNetwork
from driftwatch.features.packed.tensors import Tensors
from driftwatch.features.pooled import mean_digest, unit
from driftwatch.features.runtime import GPU_BATCH, bf16_pays, device, prepare

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tokenizers import Tokenizer

    from driftwatch.domain.features import Digest, Embeddings
    from driftwatch.features.encoder import EncoderSettings

_PACKED_BATCH = 4
"""Times the padded tokens that the settings name: packed ones take less memory each."""


class PackedEncoder:
    """An encoder of BERT's family; transformers is not loaded.

    Args:
        folder: of the model.
        settings: limits of length and batch.
        threads: of torch.

    Raises:
        ModelError: the folder cannot be used.
        UnpackableError: its network or tokenizer is none that can be had without transformers.

    Source: mean pooling as in Reimers and Gurevych 2019 (Sentence-BERT), section 3.
    """

    def __init__(self, folder: Path, settings: EncoderSettings, *, threads: int = 1) -> None:
        looked_at = inspect_model(folder)
        self._path = looked_at.path
        blueprint = read_blueprint(self._path)
        self._vocabulary, self._dims = blueprint.vocabulary, blueprint.width
        limits = (settings.max_tokens, blueprint.positions, _tokenizers_limit(self._path))
        self._longest = min(limit for limit in limits if limit)
        prepare(threads)
        import torch

        where = device()
        dtype = torch.bfloat16 if bf16_pays() else torch.float32
        self._tokenizer = _tokenizer(self._path, self._longest)
        self._budget = settings.batch_tokens * (GPU_BATCH if where == "cuda" else 1) * _PACKED_BATCH
        with Tensors.of_files(looked_at.weights) as tensors:
            self._network = PackedNetwork(blueprint, tensors, longest=self._longest, dtype=dtype, device=where)
        self._digest = mean_digest(model_digest(self._path), max_tokens=self._longest, dtype=dtype)

    @property
    def digest(self) -> Digest:
        """Identity of model, pooling, length limit and precision."""
        return self._digest

    @property
    def longest(self) -> int:
        """Tokens of a text, special ones counted; longer texts are cut."""
        return self._longest

    def rows(self, bodies: Sequence[str]) -> list[list[int]]:
        """Return each body's token ids; of one without any, those of a space."""
        *rows, blank = (
            list(encoding.ids)
            for some in in_order([*bodies, " "])
            for encoding in self._tokenizer.encode_batch_fast(some)
        )
        return [row or blank or [0] for row in rows]

    def embed(self, bodies: Sequence[str]) -> Embeddings:
        """Return float32 [n, d] unit rows; a text without tokens gets the embedding of one space.

        Raises:
            EncoderError: the model gave what is no number.
            ModelError: the tokenizer is not the model's own.
        """
        rows = self.rows(bodies)
        self._check(rows)
        values = np.empty((len(rows), self._dims), np.float32)
        for batch in by_tokens([len(row) for row in rows], budget=self._budget):
            values[batch] = self._network.means([rows[place] for place in batch]).cpu().numpy()
        return unit(values, self._digest, self._path)

    def _check(self, rows: Sequence[Sequence[int]]) -> None:
        highest = max((max(row) for row in rows), default=-1)
        if highest >= self._vocabulary:
            raise ModelError(
                f"its tokenizer gives token {highest}, the model knows {self._vocabulary}",
                where=str(self._path),
                cure="put the model's own tokenizer beside it",
            )


def _tokenizer(folder: Path, longest: int) -> Tokenizer:
    from tokenizers import Tokenizer

    file = folder / "tokenizer.json"
    if not file.is_file():
        raise UnpackableError("it has no tokenizer.json")
    try:
        tokenizer = Tokenizer.from_file(str(file))
        tokenizer.no_padding()
        tokenizer.enable_truncation(longest)
    except Exception as error:  # noqa: BLE001 - the Rust library raises bare Exception
        raise UnpackableError(f"its tokenizer.json cannot be read ({error})") from None
    return tokenizer


def _tokenizers_limit(folder: Path) -> int:
    """Return the tokenizer's own limit of length; 0 where it names none."""
    file = folder / "tokenizer_config.json"
    if not file.is_file():
        return 0
    try:
        settings: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return int(settings.get("model_max_length") or 0)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UnpackableError(f"its tokenizer_config.json cannot be read ({error})") from None
