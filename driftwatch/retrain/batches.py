"""How a batch goes through the device: as a whole, or in parts whose gradients add up."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import structlog

from driftwatch.domain.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

log = structlog.get_logger()

Result = TypeVar("Result")


class SmallerPartsError(RunError):
    """One of several processes ran out of memory: all must begin again, and go on in smaller parts."""

    retryable = True


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """Sequences that the device takes at once, and how many such parts make one optimiser step."""

    at_once: int
    parts: int


def plans(batch: int, *, most: int | None = None) -> Iterator[BatchPlan]:
    """Yield ever smaller parts of the same batch.

    Args:
        batch: sequences per optimiser step.
        most: sequences at once to begin with; None for all.

    Examples:
        >>> list(plans(6))
        [BatchPlan(at_once=6, parts=1), BatchPlan(at_once=3, parts=2), BatchPlan(at_once=1, parts=6)]
        >>> list(plans(6, most=5))
        [BatchPlan(at_once=3, parts=2), BatchPlan(at_once=1, parts=6)]
    """
    at_once = _part(batch, min(most or batch, batch))
    while at_once:
        yield BatchPlan(at_once, batch // at_once)
        at_once = _part(batch, at_once // 2)


def _part(batch: int, most: int) -> int:
    """Return the largest part of the batch that is no larger than ``most``; 0 where that is 0."""
    return next((part for part in range(most, 0, -1) if batch % part == 0), 0)


def fitting(
    batch: int,
    attempt: Callable[[BatchPlan], Result],
    *,
    out_of_memory: Callable[[Exception], bool],
    most: int | None = None,
) -> Result:
    """Return what ``attempt`` gives under the largest plan that the device's memory holds.

    Args:
        batch: sequences per optimiser step.
        attempt: trains under a plan, from the newest checkpoint on.
        out_of_memory: tells that failure from others.
        most: sequences at once to begin with; None for all.

    Raises:
        RunError: not even one sequence at a time fits.
    """
    for plan in plans(batch, most=most):
        try:
            return attempt(plan)
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            log.warning("out_of_memory", sequences_at_once=plan.at_once)
        gc.collect()  # the failed attempt's model goes before the next one loads its own
    raise RunError(
        "one training sequence at a time does not fit in memory",
        cure="set a smaller context or gradient_checkpointing in the recipe, or train with more memory",
    )
