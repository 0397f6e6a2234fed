"""What a window's p-value costs: all permutations as one matrix product, against one re-indexed kernel each.

``python -m benchmarks.drift [--quick] [--json FILE]``. Both count the same p-value from the same kernel.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.table import Row, at_most, main
from driftwatch.drift.mmd import mmd2, permuted, rbf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DIMS = 384
WINDOW = 500


def measure(quick: bool) -> Sequence[Row]:
    """Return CPU-seconds of both and how far their estimates part, for some sizes of reference."""
    sizes = [(1_000, 100)] if quick else [(1_000, 1_000), (2_000, 1_000)]
    return [row for reference, permutations in sizes for row in _compare(reference, permutations)]


def _compare(reference: int, permutations: int) -> list[Row]:
    random = np.random.default_rng(1)
    values = random.normal(size=(reference + WINDOW, DIMS)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    kernel = rbf(values, 1.4)
    labels = [str(row) for row in range(len(values))]
    ours, cost = _timed(lambda: permuted(kernel, labels, WINDOW, permutations, np.random.default_rng(2)))
    plain, plain_cost = _timed(lambda: _one_by_one(kernel, permutations, np.random.default_rng(2)))
    observed = float(mmd2(kernel, np.repeat([1.0, 0.0], [reference, WINDOW])[:, None])[0])
    p, plain_p = ((1 + (null >= observed).sum()) / (1 + permutations) for null in (ours, plain))
    what = f"{reference:,} against {WINDOW}, {permutations:,} permutations"
    return [
        at_most(f"p-value of {what}, CPU-s", cost, plain_cost / 10, peer=plain_cost),
        Row(measure=f"p-value of {what}", driftwatch=float(p), peer=float(plain_p)),
    ]


def _one_by_one(kernel: np.ndarray, permutations: int, random: np.random.Generator) -> np.ndarray:
    m, n = len(kernel) - WINDOW, WINDOW
    found = np.empty(permutations)
    for number in range(permutations):
        order = random.permutation(len(kernel))
        mixed = kernel[order][:, order]
        within = mixed[:m, :m].sum(dtype=np.float64) / (m * (m - 1)) + mixed[m:, m:].sum(dtype=np.float64) / (
            n * (n - 1)
        )
        found[number] = within - 2 * mixed[:m, m:].mean(dtype=np.float64)
    return found


def _timed(call: Callable[[], np.ndarray]) -> tuple[np.ndarray, float]:
    began = time.process_time()
    found = call()
    return found, time.process_time() - began


if __name__ == "__main__":
    main("drift", measure)
