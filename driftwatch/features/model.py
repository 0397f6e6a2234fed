"""A model folder: is it whole, is it safe, what family is it, and which exactly."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError
from driftwatch.domain.features import Digest
from driftwatch.features.weights import find_weights

if TYPE_CHECKING:
    from pathlib import Path

_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
_DIGESTED = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
)
_PASSING = ("truncation", "padding")
"""Settings of ``tokenizer.json`` that tell how it was last used, not what it is."""
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
    weights = find_weights(folder)
    if not any((folder / name).is_file() for name in _TOKENIZERS):
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
    total = hashlib.sha256()
    for file in (*(folder.path / name for name in _DIGESTED), *folder.weights):
        if file.is_file():
            total.update(f"{file.name}:{file_hash(file)}\n".encode())
    return Digest(f"sha256:{total.hexdigest()}")


def tokenizer_digest(path: Path) -> Digest:
    """Return the identity of a folder's fast tokenizer: equal digests split alike.

    Raises:
        ModelError: there is no ``tokenizer.json``, or it cannot be read.
    """
    file = path.resolve() / "tokenizer.json"
    if not file.is_file():
        raise ModelError(
            "there is no tokenizer.json",
            where=str(path),
            cure="load it with AutoTokenizer and save_pretrained: that writes the fast tokenizer",
        )
    try:
        settings = _json(file)
    except ModelError as error:
        raise ModelError(f"this tokenizer cannot be read: {error.what}", where=error.where, cure=error.cure) from None
    if not isinstance(settings, dict):
        raise ModelError("this tokenizer cannot be read: it is no object", where=str(file), cure="copy the model anew")
    lasting = {name: value for name, value in settings.items() if name not in _PASSING}
    canonical = json.dumps(lasting, sort_keys=True, separators=(",", ":"))
    return Digest(f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}")


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
    config = _json(file)
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


def _json(file: Path) -> object:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"this is no JSON: {error}", where=str(file), cure="copy the model anew") from None
    except OSError as error:
        raise ModelError(
            f"this file cannot be read: {error.strerror}", where=str(file), cure="check its owner and mode"
        ) from None


def _family(config: dict[str, Any]) -> Family:
    names = " ".join(str(name) for name in config.get("architectures") or ())
    if "CausalLM" in names or "LMHead" in names:
        return Family.CAUSAL
    if "MaskedLM" in names or "PreTraining" in names:
        return Family.MASKED
    if "SequenceClassification" in names:
        return Family.CLASSIFIER
    return Family.BARE
