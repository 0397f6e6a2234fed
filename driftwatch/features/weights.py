"""A model's weights on disk: safetensors only, every shard there, none cut off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

_ONE = "model.safetensors"
_INDEX = "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt")
_LONGEST_HEADER = 100_000_000
_COPY = "copy the model anew"


def find_weights(folder: Path) -> tuple[Path, ...]:
    """Return the weight files that transformers would load, each looked at without reading the weights themselves.

    Raises:
        ModelError: there are none, some are missing, one is damaged, or they are pickles.
    """
    files = _named(folder)
    for file in files:
        _check(file)
    return files


def _named(folder: Path) -> tuple[Path, ...]:
    if (folder / _ONE).is_file():
        return (folder / _ONE,)
    index = folder / _INDEX
    if not index.is_file():
        raise _none(folder)
    files = tuple(folder / name for name in sorted(_shards(index)))
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise ModelError(f"the weights named here are missing: {', '.join(missing)}", where=str(index), cure=_COPY)
    return files


def _shards(index: Path) -> set[str]:
    try:
        names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, OSError, KeyError, TypeError, AttributeError):
        names = set()
    if not names or not all(isinstance(name, str) and "/" not in name for name in names):
        raise ModelError("this is no index of weights", where=str(index), cure=_COPY)
    return names


def _none(folder: Path) -> ModelError:
    unsafe = sorted(file.name for pattern in _PICKLES for file in folder.glob(pattern))
    if unsafe:
        return ModelError(
            f"its weights are a pickle ({unsafe[0]}), which could run code",
            where=str(folder),
            cure="load it once where you trust it and save_pretrained again: that writes safetensors",
        )
    if (folder / "adapter_model.safetensors").is_file():
        return ModelError(
            "this is an adapter without its model", where=str(folder), cure="merge it (merge_and_unload) and save that"
        )
    lacking = _ONE if any(folder.glob("*.safetensors")) else "*.safetensors"
    return ModelError(f"it has no {lacking}", where=str(folder), cure="save_pretrained writes model.safetensors")


def _check(file: Path) -> None:
    """Read the header: names and offsets must fit the file's length."""
    size = file.stat().st_size
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            header = json.loads(stream.read(length)) if 0 < length <= min(size - 8, _LONGEST_HEADER) else None
    except OSError as error:
        raise ModelError(
            f"this file cannot be read: {error.strerror}", where=str(file), cure="check its owner and mode"
        ) from None
    except (ValueError, RecursionError, MemoryError):
        header = None
    if not isinstance(header, dict):
        raise ModelError("this is no safetensors file", where=str(file), cure=_COPY)
    if _end(header) != size - 8 - length:
        raise ModelError("this file is cut off or damaged", where=str(file), cure=_COPY)


def _end(header: dict[str, Any]) -> int | None:
    """Return where the last tensor ends; None where the header does not say."""
    try:
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (KeyError, IndexError, TypeError, ValueError):
        return None
    return max(ends, default=0)
