"""A champion's folder: read without running code from it, and written anew with other weights."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError, RunError
from driftwatch.retrain.finetune.family import auto_class, family_of
from driftwatch.retrain.finetune.memory import out_of_memory
from driftwatch.retrain.folders import written_aside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch
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

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
ADAPTER = "adapter"
"""Folder beside the merged weights in which a kept adapter lies."""

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A low-rank adapter that is kept beside the weights it was merged into.

    Args:
        config: its ``adapter_config.json``.
        tensors: its weights by name, float32, as peft reads them.
    """

    config: bytes
    tensors: Mapping[str, torch.Tensor]


def load_trainable(folder: Path, *, dtype: torch.dtype | None = None) -> PreTrainedModel:
    """Return the folder's model, without running code from the folder.

    Args:
        folder: of the model.
        dtype: of its weights; None for float32.

    Raises:
        ModelError: it cannot be loaded, or some of its weights would have been made up.
        RunError: there is not enough memory.
    """
    import torch

    kind = auto_class(family_of(load_config(folder), folder))
    try:
        loaded: Any = kind.from_pretrained(
            str(folder.resolve()),
            dtype=dtype or torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            local_files_only=True,
            output_loading_info=True,
        )
    except Exception as error:  # a damaged folder makes transformers raise whatever it comes across
        if out_of_memory(error):
            raise RunError(
                "there is not enough memory to load the model", where=str(folder), cure="train with more memory"
            ) from error
        raise ModelError(
            f"the model cannot be loaded for training: {error}",
            where=str(folder),
            cure="give a folder with config.json and *.safetensors",
        ) from error
    model, about = loaded
    _refuse_made_up(about, folder)
    ready: PreTrainedModel = model
    ready.config.use_cache = False
    return ready


def _refuse_made_up(about: Mapping[str, Any], folder: Path) -> None:
    made_up = sorted(map(str, (*about.get("missing_keys", ()), *about.get("mismatched_keys", ()))))
    if made_up:
        raise ModelError(
            f"{len(made_up)} of its weights are missing ({', '.join(made_up[:_MOST_NAMED])})",
            where=str(folder),
            cure="its config.json and its weights do not belong together; copy the model anew",
        )


class Start:
    """The champion's model, loaded once to be asked about and then trained; loaded anew for each later attempt.

    Args:
        folder: of the champion.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._model: PreTrainedModel | None = None

    def look(self) -> PreTrainedModel:
        """Return the model to ask; it is not to be changed."""
        if self._model is None:
            self._model = load_trainable(self.folder)
        return self._model

    def take(self) -> PreTrainedModel:
        """Return the model to train; nothing of it is kept here."""
        model, self._model = self.look(), None
        return model


def load_tokenizer(champion: Path) -> PreTrainedTokenizerBase:
    """Return the folder's tokenizer.

    Raises:
        ModelError: there is none (for which transformers makes up an empty one), or it cannot be loaded.
    """
    from transformers import AutoTokenizer

    if not any((champion / name).is_file() for name in _TOKENIZERS):
        raise ModelError(
            "there is no tokenizer beside the model",
            where=str(champion),
            cure="tokenizer.save_pretrained into the same folder",
        )
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            str(champion.resolve()), trust_remote_code=False, local_files_only=True
        )
    except Exception as error:  # the Rust library raises bare Exception
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
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the model's configuration cannot be used: {error}", where=str(champion)) from error
    return config


def save_candidate(model: PreTrainedModel, champion: Path, out: Path, *, adapter: Adapter | None = None) -> None:
    """Write the weights in the champion's own precision beside its unchanged configuration and tokenizer.

    What was written is loaded once more before the folder appears.

    Raises:
        RunError: a weight is no number, or the folder does not load as what was saved.
    """
    import torch

    precision = load_config(champion).dtype
    saved = precision if isinstance(precision, torch.dtype) else torch.float32
    with written_aside(out) as aside:
        torch.nn.Module.to(model, "cpu", saved)
        _refuse_no_number(model)
        model.save_pretrained(aside)
        for file in sorted(champion.resolve().iterdir()):
            if file.is_file() and any(fnmatch(file.name, pattern) for pattern in _COPIED):
                shutil.copyfile(file, aside / file.name)
        if adapter is not None:
            _save_adapter(adapter, aside / ADAPTER)
        _check_loads(aside, model, saved)


def _refuse_no_number(model: PreTrainedModel) -> None:
    broken = [name for name, weights in model.named_parameters() if not bool(weights.isfinite().all())]
    if broken:
        raise RunError(
            f"{len(broken)} of the trained weights hold what is no number ({', '.join(broken[:_MOST_NAMED])})",
            cure="use a recipe with a lower learning rate or precision float32",
        )


def _save_adapter(adapter: Adapter, folder: Path) -> None:
    from safetensors.torch import save_file

    folder.mkdir()
    (folder / "adapter_config.json").write_bytes(adapter.config)
    save_file(dict(adapter.tensors), folder / "adapter_model.safetensors", metadata={"format": "pt"})


def _check_loads(folder: Path, model: PreTrainedModel, dtype: torch.dtype) -> None:
    """Load the folder as whoever serves it will, and hold every weight against the trained one."""
    try:
        load_tokenizer(folder)
        written = load_trainable(folder, dtype=dtype).state_dict()
    except ModelError as error:
        raise RunError(f"the candidate does not load: {error.what}", where=str(folder)) from error
    trained = model.state_dict()
    wrong = sorted(name for name in {*written, *trained} if not _same(written.get(name), trained.get(name)))
    if wrong:
        raise RunError(
            f"the candidate loads with other weights than were trained ({', '.join(wrong[:_MOST_NAMED])})",
            where=str(folder),
            cure="look at the disk, then retry the run",
        )


def _same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    import torch

    return one is not None and other is not None and torch.equal(one, other)
