"""Loading what was looked over: from safetensors, no code of its own, every weight from its file; rows of token ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError
from driftwatch.features.batches import in_order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.models.auto.auto_factory import _BaseAutoModelClass

_MOST_NAMED = 3
_UNUSED = "pooler"
"""Part of some encoders that mean pooling does without; checkpoints of language models lack it. Classifiers need it."""


def load_weights(kind: type[_BaseAutoModelClass], folder: Path, *, dtype: torch.dtype, device: str) -> PreTrainedModel:
    """Load a model for use, not for training.

    Args:
        kind: ``AutoModel``, or one of the ``AutoModelFor…``.
        folder: already looked over.
        dtype: of its weights.
        device: where it runs.

    Raises:
        ModelError: transformers cannot load it, or some weights would have been made up.
    """
    _silence()
    try:
        loaded: Any = kind.from_pretrained(
            str(folder),
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            dtype=dtype,
            output_loading_info=True,
        )
    except Exception as error:  # a damaged folder makes transformers raise whatever it comes across
        raise _refusal("transformers cannot load it", error, folder) from error
    model, about = loaded
    spare = _UNUSED if kind.__name__ == "AutoModel" else None
    made_up = sorted(name for name in about["missing_keys"] if spare is None or spare not in name)
    if made_up:
        named = ", ".join(made_up[:_MOST_NAMED])
        raise ModelError(
            f"{len(made_up)} of its weights are missing ({named})",
            where=str(folder),
            cure="its config.json and its weights do not belong together; copy the model anew",
        )
    ready: PreTrainedModel = model.to(device).eval()
    return ready


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load a folder's tokenizer.

    Raises:
        ModelError: transformers cannot load it.
    """
    _silence()
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # the Rust library raises bare Exception
        raise _refusal("its tokenizer cannot be read", error, folder) from error
    return tokenizer


def token_rows(
    tokenizer: PreTrainedTokenizerBase, bodies: Sequence[str], *, special: bool, longest: int | None = None
) -> list[list[int]]:
    """Return each body's token ids, cut at ``longest``."""
    rows: list[list[int]] = []
    for some in in_order(bodies):
        rows += tokenizer(
            some, add_special_tokens=special, truncation=longest is not None, max_length=longest, padding=False
        )["input_ids"]
    return rows


def check_rows(rows: Sequence[Sequence[int]], model: PreTrainedModel, folder: Path) -> None:
    """Refuse token ids that the model has no embedding for.

    Raises:
        ModelError: the tokenizer is not the model's own.
    """
    table: Any = model.get_input_embeddings()
    known = int(table.weight.shape[0])
    highest = max((max(row) for row in rows if row), default=-1)
    if highest >= known:
        raise ModelError(
            f"its tokenizer gives token {highest}, the model knows {known}",
            where=str(folder),
            cure="put the model's own tokenizer beside it",
        )


def positions(model: PreTrainedModel) -> int | None:
    """Return how many tokens a model has positions for; None where it does not say.

    RoBERTa and its kin number theirs from behind the padding.
    """
    known = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if not known:
        return None
    tables: list[Any] = [part for name, part in model.named_modules() if name.endswith("position_embeddings")]
    skipped = [table.padding_idx + 1 for table in tables if getattr(table, "padding_idx", None) is not None]
    return int(known) - max(skipped, default=0)


def padded(rows: Sequence[Sequence[int]], *, device: str, fill: int | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and attention mask, both int64 [n, longest], padded on the right with ``fill`` or 0."""
    import torch

    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), fill or 0, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids.to(device), mask.to(device)


def _silence() -> None:
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]


def _refusal(what: str, error: Exception, folder: Path) -> ModelError:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return ModelError(f"{what}: {reason}", where=str(folder), cure="copy the model anew")
