"""What something costs: CPU time, or on a GPU the time until it is done; and the machine's own rate of products."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_SIDE = {"cpu": 1_024, "cuda": 8_192}
_TIMES = 10


def cost(call: Callable[[], T], device: str) -> tuple[T, float]:
    """Return what a call gives and its seconds."""
    if device == "cpu":
        began = time.process_time()
        return call(), time.process_time() - began
    import torch

    torch.cuda.synchronize()
    began = time.perf_counter()
    found = call()
    torch.cuda.synchronize()
    return found, time.perf_counter() - began


def in_turns(
    calls: Mapping[str, Callable[[], T]], device: str, *, rounds: int
) -> tuple[dict[str, T], dict[str, float]]:
    """Return what each call gives and the least seconds that it took, all called one after the other in rounds."""
    found: dict[str, T] = {}
    least: dict[str, float] = {}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name], seconds = cost(call, device)
            least[name] = min(seconds, least.get(name, seconds))
    return found, least


def products_rate(device: str, *, half: bool) -> float:
    """Return the operations a second of a large matrix product, in bfloat16 or float32."""
    import torch

    side = _SIDE[device]
    dtype = torch.bfloat16 if half else torch.float32
    one, other = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    _ = one @ other
    least = min(cost(lambda: one @ other, device)[1] for _ in range(_TIMES))
    return float(2 * side**3 / least)
