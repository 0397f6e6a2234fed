"""Texts as the packed token sequences that a training sees."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from driftwatch.domain.errors import RunError
from driftwatch.retrain.finetune.folder import load_config, load_tokenizer
from driftwatch.retrain.folders import file_hashes
from driftwatch.retrain.packing import pack

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from transformers import PreTrainedTokenizerBase

    from driftwatch.domain.run import Recipe

_DEFAULT_CONTEXT = 1_024
_TOKENISED_AT_ONCE = 1_000


def packed_sequences(champion: Path, bodies: Sequence[str], recipe: Recipe) -> npt.NDArray[np.int64]:
    """Return the bodies as the champion's tokens, int64 [sequences, context].

    Raises:
        RunError: there is no text.
    """
    tokenizer = load_tokenizer(champion)
    end = tokenizer.eos_token_id if tokenizer.eos_token_id is not None else tokenizer.sep_token_id
    sequences = pack(_token_rows(tokenizer, bodies), end=end, context=_context(champion, recipe))
    if not sequences.size:
        raise RunError("there is no text to train on", where=str(champion))
    return sequences


def _token_rows(tokenizer: PreTrainedTokenizerBase, bodies: Sequence[str]) -> Iterator[list[int]]:
    for start in range(0, len(bodies), _TOKENISED_AT_ONCE):
        batch = list(bodies[start : start + _TOKENISED_AT_ONCE])
        yield from tokenizer(batch, add_special_tokens=False, verbose=False)["input_ids"]


def _context(champion: Path, recipe: Recipe) -> int:
    """Return the recipe's context within the model's own limit."""
    limit = getattr(load_config(champion), "max_position_embeddings", None)
    return min(recipe.context or limit or _DEFAULT_CONTEXT, limit or recipe.context or _DEFAULT_CONTEXT)


def fingerprint(champion: Path, sequences: npt.NDArray[np.int64], recipe: Recipe, *, round: int) -> str:  # noqa: A002
    """Return the identity of a training: what it starts from, on what and how."""
    digest = hashlib.sha256(repr((sorted(file_hashes(champion.resolve()).items()), recipe, round)).encode())
    digest.update(repr(sequences.shape).encode())
    digest.update(sequences.tobytes())
    return digest.hexdigest()
