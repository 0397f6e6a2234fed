"""How torch and transformers run here: quiet, on a set number of threads, in the precision that pays."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

_QUIET = {
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TQDM_DISABLE": "1",
}


def quiet() -> None:
    """Silence what is about to be imported; a variable that the operator has set stays."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)


def prepare(threads: int) -> None:
    """Silence what is loaded and fix the number of threads; called before anything heavy is imported."""
    quiet()
    import torch

    torch.set_num_threads(threads)


@cache
def bf16_pays() -> bool:
    """Whether bfloat16 is faster than float32: on CUDA that has it and on processors with AMX."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return "amx_bf16" in _cpu_flags()


def device() -> str:
    """Return where models run."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())
