"""Detector ``embedding``: have the embeddings' distributions parted? Unbiased MMD² with a permutation p-value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window

Matrix = npt.NDArray[np.float32]
PERMUTATIONS = 1_000
MOST_REFERENCE = 1_000
"""CAL texts compared with: the kernel grows with the square of both sizes."""
_BATCH = 250
_LEAST_SIDE = 2


@dataclass(frozen=True, slots=True)
class MmdDetector:
    """Compares window and reference by the maximum mean discrepancy of their embeddings.

    Source: Gretton et al. 2012 (JMLR 13), eq. 3 (unbiased estimate) and section 3; p-value with +1 as in
    Phipson and Smyth 2010. The bandwidth is fixed on TRAIN, the comparison is with CAL.
    """

    permutations: int = PERMUTATIONS

    @property
    def name(self) -> str:
        """Name in results."""
        return "embedding"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> MmdMonitor:
        """Fix the bandwidth on TRAIN and the compared texts in CAL; there is no state to restart from."""
        del state
        random = np.random.default_rng([seed, 1])
        cal = reference.cal.features.embeddings.values
        rows = random.permutation(len(cal))[:MOST_REFERENCE]
        return MmdMonitor(
            cal[np.sort(rows)],
            bandwidth=_median_distance(reference.train.features.embeddings.values, random),
            permutations=self.permutations,
            seed=seed,
        )


class MmdMonitor:
    """Holds the compared reference texts and the bandwidth."""

    def __init__(self, reference: Matrix, *, bandwidth: float, permutations: int, seed: int) -> None:
        self._reference = reference
        self._bandwidth = bandwidth
        self._permutations = permutations
        self._seed = seed

    def update(self, window: Window) -> DriftResult:
        """Measure the window's distinct texts; texts of one group are permuted together."""
        rows, groups = distinct(window)
        sample = window.features.embeddings.values[rows]
        kernel = rbf(np.concatenate([self._reference, sample]), self._bandwidth)
        m, n = len(self._reference), len(sample)
        observed = float(mmd2(kernel, np.repeat([1.0, 0.0], [m, n])[:, None])[0])
        random = np.random.default_rng([self._seed, 2, window.index])
        labels = [f"r{row}" for row in range(m)] + groups
        null = permuted(kernel, labels, n, self._permutations, random)
        return DriftResult(
            detector="embedding",
            measures=(
                Measure(
                    name="embedding.mmd2",
                    value=observed,
                    null_low=float(np.quantile(null, 0.005)),
                    null_high=float(np.quantile(null, 0.995)),
                ),
                Measure(name="embedding.mmd_p", value=float((1 + (null >= observed).sum()) / (1 + len(null)))),
            ),
        )

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""


def distinct(window: Window) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Return the rows of the first of each body, and the group of each; a text without a group is its own."""
    first: dict[str, int] = {}
    for row, text in enumerate(window.texts):
        first.setdefault(text.body, row)
    rows = list(first.values())
    groups = [f"g{window.texts[row].group}" if window.texts[row].group is not None else f"w{row}" for row in rows]
    return np.asarray(rows, dtype=np.int64), groups


def rbf(values: Matrix, bandwidth: float) -> Matrix:
    """Return exp(−‖x − y‖² / 2σ²) as float32 [n, n] with a zero diagonal."""
    squares = (values * values).sum(1)
    distances = np.maximum(squares[:, None] + squares[None, :] - 2.0 * (values @ values.T), 0.0)
    kernel: Matrix = np.exp(distances / np.float32(-2.0 * bandwidth**2), dtype=np.float32)
    np.fill_diagonal(kernel, 0.0)
    return kernel


def mmd2(kernel: Matrix, side: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return unbiased MMD² of several splits of the same rows at once.

    Args:
        kernel: float32 [n, n], diagonal 0.
        side: float [n, b]; 1 where a row belongs to the first sample of a split, else 0.
    """
    first = side.astype(np.float32)
    to_first = (kernel @ first).astype(np.float64)
    totals = kernel.sum(1, dtype=np.float64)
    m = side.sum(0)
    n = len(kernel) - m
    within_first = (side * to_first).sum(0)
    across = ((1.0 - side) * to_first).sum(0)
    within_second = totals.sum() - within_first - 2.0 * across
    estimate: npt.NDArray[np.float64] = (
        within_first / (m * (m - 1)) + within_second / (n * (n - 1)) - 2.0 * across / (m * n)
    )
    return estimate


def permuted(
    kernel: Matrix, labels: list[str], size: int, permutations: int, random: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return MMD² of random splits that keep equal labels together, the second sample of about ``size`` rows.

    All splits of a batch are one matrix product on the kernel.
    """
    _, units = np.unique(np.asarray(labels), return_inverse=True)
    weights = np.bincount(units)
    found = []
    for start in range(0, permutations, _BATCH):
        count = min(_BATCH, permutations - start)
        second = np.empty((len(labels), count), dtype=np.float64)
        for column in range(count):
            order = random.permutation(len(weights))
            chosen = np.zeros(len(weights), dtype=bool)
            chosen[order[np.cumsum(weights[order]) <= size]] = True
            if weights[chosen].sum() < _LEAST_SIDE:  # a single group larger than the window came first
                chosen[order[:_LEAST_SIDE]] = True
            second[:, column] = chosen[units]
        found.append(mmd2(kernel, 1.0 - second))
    return np.concatenate(found)


def _median_distance(values: Matrix, random: np.random.Generator) -> float:
    rows = random.permutation(len(values))[:MOST_REFERENCE]
    some = values[np.sort(rows)]
    squares = (some * some).sum(1)
    distances = squares[:, None] + squares[None, :] - 2.0 * (some @ some.T)
    upper = distances[np.triu_indices(len(some), 1)]
    return float(np.sqrt(max(float(np.median(upper)), 1e-12)))
