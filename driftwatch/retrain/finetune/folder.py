"""A champion's folder: read without running code from it, and written anew with other weights."""

from __future__ import annotations

import shutil
from fnmatch import fnmatch
from typing import TYPE_CHECKING

from driftwatch.domain.errors import ModelError
from driftwatch.retrain.folders import written_aside

if TYPE_CHECKING:
    from pathlib import Path

    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

_COPIED = (
    "config.json",
    "generation_config.json",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.model",
    "*.jinja",
)
"""Files that a fine-tune leaves as they are in the champion's folder."""


def load_trainable(folder: Path) -> PreTrainedModel:
    """Return the folder's causal language model in float32, without running code from the folder.

    Raises:
        ModelError: it cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            str(folder.resolve()),
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"the model cannot be loaded for training: {error}",
            where=str(folder),
            cure="give a folder with config.json and *.safetensors of a causal language model",
        ) from error
    return model


def load_tokenizer(champion: Path) -> PreTrainedTokenizerBase:
    """Return the folder's tokenizer.

    Raises:
        ModelError: it cannot be loaded.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(champion.resolve()), trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the tokenizer cannot be loaded: {error}", where=str(champion)) from error
    return tokenizer


def load_config(champion: Path) -> PretrainedConfig:
    """Return the folder's configuration.

    Raises:
        ModelError: it cannot be used.
    """
    from transformers import AutoConfig

    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            str(champion.resolve()), trust_remote_code=False, local_files_only=True
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the model's configuration cannot be used: {error}", where=str(champion)) from error
    return config


def save_candidate(model: PreTrainedModel, champion: Path, out: Path) -> None:
    """Write the weights in the champion's own precision beside its unchanged configuration and tokenizer."""
    import torch

    precision = load_config(champion).dtype
    with written_aside(out) as aside:
        torch.nn.Module.to(model, "cpu", precision if isinstance(precision, torch.dtype) else torch.float32)
        model.save_pretrained(aside)
        for file in sorted(champion.resolve().iterdir()):
            if file.is_file() and any(fnmatch(file.name, pattern) for pattern in _COPIED):
                shutil.copyfile(file, aside / file.name)
