"""A model folder: is it whole, is it safe, what family is it, and which exactly."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import Digest

if TYPE_CHECKING:
    from pathlib import Path

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
_DIGESTED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)
_UNSAFE = ("pytorch_model.bin", "pytorch_model.pt", "model.pt", "model.pkl")
_CHUNK = 1 << 20


class Family(StrEnum):
    """What a model was trained to do."""

    CAUSAL = "causal"
    MASKED = "masked"
    CLASSIFIER = "classifier"
    BARE = "bare"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A folder that was looked at: its own path with links resolved, its weights and its family."""

    path: Path
    weights: tuple[Path, ...]
    family: Family


def inspect_model(path: Path) -> ModelFolder:
    """Look a model folder over without loading it.

    The path is resolved once: whoever goes on with the result reads one version, even while ``current`` moves.

    Raises:
        ModelError: the folder is missing, incomplete, or holds what could run code.
    """
    folder = path.resolve()
    if not folder.is_dir():
        raise ModelError("this is no model folder", where=str(path), cure="give a folder saved by save_pretrained")
    config = _config(folder)
    weights = tuple(sorted(folder.glob("*.safetensors")))
    if not weights:
        raise _no_weights(folder)
    for file in weights:
        _check_safetensors(file)
    if not any((folder / name).is_file() for name in _TOKENIZER_FILES):
        raise ModelError(
            "there is no tokenizer beside the model",
            where=str(folder),
            cure="tokenizer.save_pretrained into the same folder",
        )
    return ModelFolder(path=folder, weights=weights, family=_family(config))


def model_digest(path: Path) -> Digest:
    """Return the identity of weights, configuration and tokenizer.

    Raises:
        ModelError: the folder cannot be used.
    """
    folder = inspect_model(path)
    return _digest([*(folder.path / name for name in _DIGESTED), *folder.weights])


def tokenizer_digest(path: Path) -> Digest:
    """Return the identity of a folder's tokenizer: that of its vocabulary and merges, whatever else changes."""
    folder = path.resolve()
    return _digest([folder / name for name in _DIGESTED if name != "config.json"])


def _digest(files: list[Path]) -> Digest:
    total = hashlib.sha256()
    for file in files:
        if file.is_file():
            total.update(f"{file.name}:{file_hash(file)}\n".encode())
    return Digest(f"sha256:{total.hexdigest()}")


def file_hash(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    total = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    if not file.is_file():
        raise ModelError("config.json is missing", where=str(folder), cure="give a folder saved by save_pretrained")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ModelError(f"this is no JSON: {error}", where=str(file), cure="copy the model anew") from None
    if not isinstance(config, dict) or "model_type" not in config:
        raise ModelError("it names no model_type", where=str(file), cure="give a folder saved by save_pretrained")
    if not isinstance(config.get("architectures") or [], list):
        raise ModelError("its architectures are no list", where=str(file), cure="copy the model anew")
    if "auto_map" in config:
        raise ModelError(
            "this model brings code of its own, which is never run",
            where=str(file),
            cure="use a model of an architecture that transformers knows",
        )
    return config


def _family(config: dict[str, Any]) -> Family:
    names = " ".join(str(name) for name in config.get("architectures") or ())
    if "CausalLM" in names or "LMHead" in names:
        return Family.CAUSAL
    if "MaskedLM" in names or "PreTraining" in names:
        return Family.MASKED
    if "SequenceClassification" in names:
        return Family.CLASSIFIER
    return Family.BARE


def _no_weights(folder: Path) -> ModelError:
    unsafe = [name for name in _UNSAFE if (folder / name).exists()]
    if unsafe:
        return ModelError(
            f"its weights are a pickle ({unsafe[0]}), which could run code",
            where=str(folder),
            cure="load it once where you trust it and save_pretrained again: that writes safetensors",
        )
    return ModelError("it has no *.safetensors", where=str(folder), cure="save_pretrained writes them")


def _check_safetensors(file: Path) -> None:
    """Read the header: names, shapes and offsets must fit the file's length."""
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length)) if 0 < length <= size - 8 else None
    except (ValueError, OSError, RecursionError, MemoryError):
        header = None
    if not isinstance(header, dict):
        raise ModelError("this is no safetensors file", where=str(file), cure="copy the model anew")
    if _end(header) != size - 8 - length:
        raise ModelError("this file is cut off or damaged", where=str(file), cure="copy the model anew")


def _end(header: dict[str, Any]) -> int | None:
    """Return where the last tensor ends; None where the header does not say."""
    try:
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (TypeError, KeyError, IndexError, ValueError):
        return None
    return max(ends, default=0)
