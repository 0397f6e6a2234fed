"""Loads what a model folder holds: all of its weights, nothing made up, no code of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_MOST_NAMED = 3
_UNUSED = "pooler."  # on top of the last hidden states, which are all that is read of a bare model


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer beside a model.

    Raises:
        ModelError: it cannot be read.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 - the Rust library below raises bare Exception
        raise _refusal("its tokenizer cannot be read", error, folder) from None
    return tokenizer


def load_weights(auto: Any, folder: Path, dtype: torch.dtype) -> PreTrainedModel:  # noqa: ANN401 - AutoModel and its like share no type
    """Load a model; a weight that the folder lacks is an error, where transformers would draw it at random.

    Args:
        auto: ``AutoModel`` or one of its kind.
        folder: of the model, already looked over.
        dtype: of the loaded weights.

    Raises:
        ModelError: transformers does not know the architecture, or weights are missing or of another shape.
    """
    try:
        model, told = auto.from_pretrained(
            str(folder), use_safetensors=True, trust_remote_code=False, dtype=dtype, output_loading_info=True
        )
    except Exception as error:  # noqa: BLE001 - a damaged folder makes transformers raise whatever it comes across
        raise _refusal("transformers cannot load it", error, folder) from None
    missing = sorted(name for name in told["missing_keys"] if not name.startswith(_UNUSED))
    if missing:
        named = ", ".join(missing[:_MOST_NAMED])
        raise ModelError(
            f"{len(missing)} of its weights are missing ({named})", where=str(folder), cure="copy the model anew"
        )
    loaded: PreTrainedModel = model
    return loaded


def _refusal(what: str, error: Exception, folder: Path) -> ModelError:
    reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return ModelError(f"{what}: {reason}", where=str(folder), cure="copy the model anew")
