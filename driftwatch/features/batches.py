"""Length-sorted batches under a budget of tokens: little padding or none, and the same texts give the same batches."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_AT_ONCE = 1_000


def by_length(lengths: Sequence[int], *, budget: int) -> Iterator[list[int]]:
    """Yield indices, longest first, so that a batch's size times its longest length stays within the budget.

    A text longer than the budget gets a batch of its own.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * lengths[batch[0]] > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def by_tokens(lengths: Sequence[int], *, budget: int) -> Iterator[list[int]]:
    """Yield indices, longest first, so that a batch's tokens stay within the budget, where nothing is padded.

    A text longer than the budget gets a batch of its own.
    """
    batch: list[int] = []
    tokens = 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        if batch and tokens + lengths[index] > budget:
            yield batch
            batch, tokens = [], 0
        batch.append(index)
        tokens += lengths[index]
    if batch:
        yield batch


def in_order(bodies: Sequence[str]) -> Iterator[list[str]]:
    """Yield the bodies some at a time, so that a tokenizer's by-products of a large reference don't fill the memory."""
    for start in range(0, len(bodies), _AT_ONCE):
        yield list(bodies[start : start + _AT_ONCE])
