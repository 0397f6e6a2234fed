"""The weights between two models of one lineage, tensor by tensor."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from driftwatch.domain.errors import ModelError
from driftwatch.retrain.folders import written_aside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

_WEIGHTS = ".safetensors"
_HEADER_LENGTH = 8
_METADATA = "__metadata__"
_FLOATING = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
"""Bytes of a number, by the name of its kind."""

_ADAPTER = "adapter_config.json"


def interpolate(champion: Path, candidate: Path, coefficient: float, out: Path, *, exact: bool = False) -> None:
    """Write the model ``champion + coefficient * (candidate - champion)``; its folder appears whole or not at all.

    Weights go through memory one tensor at a time, in float32, and keep the candidate's precision. An adapter kept
    beside the weights is scaled alike. Where ``out`` is there already, nothing is left to do.

    Args:
        champion: transformers folder with safetensors.
        candidate: a fine-tuned model of the same architecture.
        coefficient: 0 for the champion, 1 for the candidate.
        out: folder to write.
        exact: whether to write float32 whatever the candidate's precision, which rounds small differences away.

    Raises:
        ModelError: a weight of the candidate has no counterpart in the champion, or a file of weights is damaged.
    """
    if out.exists():
        return
    with written_aside(out) as aside:
        for file in sorted(candidate.rglob("*")):
            target = aside / file.relative_to(candidate)
            if file.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            elif file.suffix == _WEIGHTS and file.parent == candidate and coefficient != 1:
                _interpolate_readable(file, _Lookup(champion), coefficient, target, exact=exact)
            elif file.name == _ADAPTER and coefficient != 1:
                _scale_adapter(file, coefficient, target)
            else:
                shutil.copyfile(file, target)


def _interpolate_readable(file: Path, champion: _Lookup, coefficient: float, target: Path, *, exact: bool) -> None:
    from safetensors import SafetensorError

    try:
        _interpolate_file(file, champion, coefficient, target, exact=exact)
    except (SafetensorError, ValueError) as error:
        raise ModelError(
            f"the weights to merge are damaged: {error}", where=str(file), cure="let the rule ask for another run"
        ) from error


def _interpolate_file(file: Path, champion: _Lookup, coefficient: float, target: Path, *, exact: bool) -> None:
    """Write a safetensors file with the same tensors in the same order and other numbers."""
    import torch
    from safetensors import safe_open

    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(_HEADER_LENGTH), "little")))
    made = _widened(header) if exact else header
    encoded = json.dumps(made, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % _HEADER_LENGTH)
    with safe_open(file, framework="pt") as weights, target.open("wb") as written:
        written.write(len(encoded).to_bytes(_HEADER_LENGTH, "little") + encoded)
        for name in _in_order(header):
            new = weights.get_tensor(name)
            if new.is_floating_point():
                old = champion.tensor(name, new.shape)
                wide = torch.lerp(old.float(), new.float(), coefficient)
                new = wide if exact else wide.to(new.dtype)
            written.write(new.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())


def _widened(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the header of a file whose floating-point tensors are in float32."""
    made = {name: about for name, about in header.items() if name == _METADATA}
    offset = 0
    for name in _in_order(header):
        about = header[name]
        begin, end = about["data_offsets"]
        floating = about["dtype"] in _FLOATING
        size = (end - begin) * 4 // _FLOATING[about["dtype"]] if floating else end - begin
        kind = "F32" if floating else about["dtype"]
        made[name] = {**about, "dtype": kind, "data_offsets": [offset, offset + size]}
        offset += size
    return made


def _in_order(header: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of tensors as their bytes lie in the file."""
    found = {name: about["data_offsets"][0] for name, about in header.items() if name != _METADATA}
    yield from sorted(found, key=lambda name: found[name])


class _Lookup:
    """Finds a model's tensors by name over all of its files.

    Checkpoints saved from the bare model leave out the prefix that a model with a head puts before its names; so a
    name that is not there is looked for by its end.
    """

    def __init__(self, folder: Path) -> None:
        from safetensors import safe_open

        self._folder = folder
        self._files: dict[str, Path] = {}
        for file in sorted(folder.resolve().glob(f"*{_WEIGHTS}")):
            with safe_open(file, framework="pt") as weights:
                self._files |= dict.fromkeys(weights.keys(), file)

    def tensor(self, name: str, shape: Sequence[int]) -> torch.Tensor:
        from safetensors import safe_open

        known = self._known(name)
        if known is not None:
            with safe_open(self._files[known], framework="pt") as weights:
                found: torch.Tensor = weights.get_tensor(known)
            if found.shape == shape:
                return found
        raise ModelError(
            f"the champion has no weights like the candidate's {name}",
            where=str(self._folder),
            cure="set merge: [] in the recipe, so that the candidate is judged as it was trained",
        )

    def _known(self, name: str) -> str | None:
        if name in self._files:
            return name
        ends = [each for each in self._files if name.endswith(f".{each}") or each.endswith(f".{name}")]
        return ends[0] if len(ends) == 1 else None


def _scale_adapter(file: Path, coefficient: float, target: Path) -> None:
    settings = json.loads(file.read_text(encoding="utf-8"))
    target.write_text(json.dumps({**settings, "lora_alpha": settings["lora_alpha"] * coefficient}, indent=2))
