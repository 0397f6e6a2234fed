"""How torch and transformers run here: quiet, on a set number of threads, in the precision that pays."""

from __future__ import annotations

import os
import platform
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


GPU_BATCH = 32
"""Times the tokens of a processor's batch."""
_LIMITS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
_UNLIMITED = frozenset({"", "ALL", "DEFAULT"})


@cache
def bf16_pays() -> bool:
    """Whether bfloat16 is faster than float32: on CUDA that has it, and on processors with AMX that oneDNN may use."""
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return "amx_bf16" in _cpu_flags() and _amx_allowed(_limit())


def arithmetic() -> str:
    """Return what decides how sums are rounded here: the GPU, or the processor's instructions and oneDNN's limit."""
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    return f"{platform.machine()} {' '.join(sorted(_cpu_flags()))} {_limit()}"


def device() -> str:
    """Return where models run."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def _limit() -> str:
    """Return the instructions that the operator lets oneDNN use at most, as it names them; empty for all."""
    return next((os.environ[name].strip().upper() for name in _LIMITS if os.environ.get(name)), "")


def _amx_allowed(limit: str) -> bool:
    """Say whether a limit of oneDNN's leaves it the matrix unit.

    Examples:
        >>> [_amx_allowed(limit) for limit in ("", "ALL", "AVX512_CORE", "AVX512_CORE_AMX", "AVX10_1_512_AMX_FP16")]
        [True, True, False, True, True]
    """
    return limit in _UNLIMITED or "AMX" in limit or limit.startswith("AVX10_2")


def _cpu_flags() -> frozenset[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line for line in lines if line.startswith("flags")), "").split())
