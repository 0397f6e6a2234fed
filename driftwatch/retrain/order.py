"""The order in which a training sees its examples: a function of the seed, so that a resumed one goes on in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

_GROUPED_BATCHES = 50
"""Batches among whose examples those of like length are brought together."""


def steps_in(examples: int, *, epochs: float, batch: int) -> int:
    """Return the optimiser steps of a training; at least one.

    Examples:
        >>> steps_in(100, epochs=1.5, batch=8)
        19
    """
    return max(1, round(epochs * examples / min(batch, examples)))


def order(widths: npt.NDArray[np.int64], *, epochs: float, batch: int, seed: int) -> npt.NDArray[np.int64]:
    """Return which example stands at each place of a training, whole batches only.

    Args:
        widths: what each example needs; those of a batch are alike, for a batch is as wide as its widest.
        epochs: passes over the examples.
        batch: examples per optimiser step, at most as many as there are.
        seed: of every epoch's permutation.

    Returns:
        int64 [steps · batch].
    """
    wanted = steps_in(len(widths), epochs=epochs, batch=batch) * batch
    taken: list[npt.NDArray[np.int64]] = []
    for number, shuffled in enumerate(_epochs(len(widths), seed)):
        taken.append(_grouped(shuffled, widths, batch, seed + number))
        if (number + 1) * len(widths) >= wanted:
            return np.concatenate(taken)[:wanted]
    raise AssertionError  # there is always another epoch


def _epochs(examples: int, seed: int) -> Iterator[npt.NDArray[np.int64]]:
    number = 0
    while True:
        yield np.random.default_rng((seed, number)).permutation(examples).astype(np.int64)
        number += 1


def _grouped(
    shuffled: npt.NDArray[np.int64], widths: npt.NDArray[np.int64], batch: int, seed: int
) -> npt.NDArray[np.int64]:
    """Sort stretches of some batches by length and shuffle the batches; an incomplete batch stays the last."""
    stretch = batch * _GROUPED_BATCHES
    parts = [shuffled[start : start + stretch] for start in range(0, len(shuffled), stretch)]
    near = np.concatenate([part[np.argsort(-widths[part], kind="stable")] for part in parts])
    whole = len(near) // batch * batch
    batches = near[:whole].reshape(-1, batch)
    mixed = np.random.default_rng((seed, len(near), 1)).permutation(len(batches))
    return np.concatenate([batches[mixed].ravel(), near[whole:]])
