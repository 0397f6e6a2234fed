"""In which numbers the forward and backward pass computes; weights and optimiser are always float32."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from driftwatch.domain.errors import RunError

if TYPE_CHECKING:
    from driftwatch.domain.run import Precision


def precision_here(wanted: Precision) -> Literal["float32", "bfloat16", "float16"]:
    """Return the precision that the recipe's word comes to on this machine.

    ``auto`` is bfloat16 on GPUs that have it and on CPUs with AMX, where it is 5 to 10 times quicker; on other CPUs it
    is slower than float32. GPUs without bfloat16 get float16, whose gradients are scaled.

    Raises:
        RunError: there is no GPU and the recipe wants float16.
    """
    import torch

    cuda = torch.cuda.is_available()
    if wanted == "auto":
        if not cuda:
            return "bfloat16" if _has_amx() else "float32"
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if wanted == "float16" and not cuda:
        raise RunError(
            "the recipe wants precision float16, which only a GPU trains in",
            cure="set precision to auto, bfloat16 or float32",
        )
    return wanted


def _has_amx() -> bool:
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return False
