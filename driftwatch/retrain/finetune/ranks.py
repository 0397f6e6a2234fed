"""Several processes that train together: who writes, and what all of them agree on. Alone, everything is immediate.

torchrun (or whoever else) starts the processes and sets their ``RANK`` and ``WORLD_SIZE``.
"""

from __future__ import annotations

import os


def world() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return this process's number, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return rank() == 0


def join() -> None:
    """Meet the other processes, where there are any."""
    import torch
    from accelerate import PartialState

    if world() > 1:
        PartialState(cpu=not torch.cuda.is_available())


def wait() -> None:
    """Go on once every process is here."""
    if world() > 1:
        from torch import distributed

        distributed.barrier()


def summed(values: list[float]) -> list[float]:
    """Return the sums over all processes."""
    if world() == 1:
        return values
    import torch
    from torch import distributed

    where = "cuda" if torch.cuda.is_available() else "cpu"
    total = torch.tensor(values, dtype=torch.float64, device=where)
    distributed.all_reduce(total)
    return [float(value) for value in total]


def any_of(mine: bool) -> bool:
    """Whether any process says so."""
    return summed([float(mine)])[0] > 0
