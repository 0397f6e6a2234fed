"""Detector ``embedding``: have the embeddings' distributions parted? Unbiased MMD² with a permutation p-value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.evidence.known import Known, known_of
from driftwatch.drift.rows import grouped, groups, units, whole_groups

if TYPE_CHECKING:
    from collections.abc import Iterator

Matrix = npt.NDArray[np.float32]
PERMUTATIONS = 1_000
MOST_REFERENCE = 1_000
"""CAL texts compared with: the kernel grows with the square of both sizes."""
MOST_WINDOW = 2_000
"""Texts of a window that are compared; of a larger one some are drawn by chance."""
_BATCH = 250
_LEAST_SIDE = 2
_NORMAL = 1.959964
LEAST_UNITS = 20
"""Fewer groups in a window say nothing about drift."""
MOST_KNOWN = 0.01
"""Share of a window's compared texts that the reference may know word for word for permutations to say anything.

The reference holds a body once, however often its log did. So where bodies recur, window and reference are not drawn
alike even without drift, and which of the reference's texts recur, so that they could be left out with the window's
known ones, it doesn't tell. Where few of the window's are known, few recur.
"""


@dataclass(frozen=True, slots=True)
class MmdDetector:
    """Compares window and reference by the maximum mean discrepancy of their embeddings.

    Source: Gretton et al. 2012 (JMLR 13), eq. 3 (unbiased estimate) and section 3; p-value with +1 as in
    Phipson and Smyth 2010. The bandwidth is fixed on TRAIN, the comparison is with CAL. Where more than 1% of the
    window's compared texts are known word for word, these are left out, and there is neither a p-value nor a null band.
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
        rows = whole_groups(reference.cal.texts, random, most=MOST_REFERENCE)
        texts = [reference.cal.texts[row] for row in rows]
        return MmdMonitor(
            cal[rows],
            groups(texts, prefix="r") if grouped(texts) else None,
            known=known_of(reference),
            bandwidth=_median_distance(reference.train.features.embeddings.values, random),
            permutations=self.permutations,
            seed=seed,
        )


class MmdMonitor:
    """Holds the compared reference texts and the bandwidth.

    Args:
        reference: float32 [m, d], the compared texts.
        groups: of each; None where the reference names none. A window's groups can only be permuted whole among
            groups: mixed with lone texts they would look less spread than they are, so there one text a group counts.
        known: the reference's bodies.
        bandwidth: of the kernel.
        permutations: splits the p-value is counted from.
        seed: of the splits.
    """

    def __init__(
        self,
        reference: Matrix,
        groups: list[str] | None,
        *,
        known: Known,
        bandwidth: float,
        permutations: int,
        seed: int,
    ) -> None:
        self._reference = reference
        self._known = known
        self._groups = groups
        self._bandwidth = bandwidth
        self._permutations = permutations
        self._seed = seed

    def update(self, window: Window) -> DriftResult:
        """Measure the window's distinct texts; nothing where they come from too few groups.

        The interval of MMD² is normal, with the variance of its Hoeffding projection (Serfling 1980, section 5.5.1) and
        that of the permutations, which is what remains where both samples are alike.
        """
        rows, labels = units(window, whole=self._groups is not None, seed=self._seed, most=MOST_WINDOW)
        alike = comparable(window, rows, self._known)
        if not alike:
            new = np.flatnonzero(self._known.new_of(window, rows))
            rows, labels = rows[new], [labels[place] for place in new]
        if len(set(labels)) < LEAST_UNITS:
            return DriftResult(detector="embedding", measures=())
        sample = window.features.embeddings.values[rows]
        kernel = rbf(np.concatenate([self._reference, sample]), self._bandwidth)
        m, n = len(self._reference), len(sample)
        observed = float(mmd2(kernel, np.repeat([1.0, 0.0], [m, n])[:, None])[0])
        random = np.random.default_rng([self._seed, 2, window.index])
        known = self._groups or [f"r{row}" for row in range(m)]
        null = permuted(kernel, known + labels, n, self._permutations, random)
        margin = _NORMAL * float(np.sqrt(_projected(kernel, m) + null.var()))
        if not alike:
            apart = Measure(name="embedding.mmd2", value=observed, low=observed - margin, high=observed + margin)
            return DriftResult(detector="embedding", measures=(apart,))
        return DriftResult(
            detector="embedding",
            measures=(
                Measure(
                    name="embedding.mmd2",
                    value=observed,
                    low=observed - margin,
                    high=observed + margin,
                    null_low=float(np.quantile(null, 0.005)),
                    null_high=float(np.quantile(null, 0.995)),
                ),
                Measure(name="embedding.mmd_p", value=float((1 + (null >= observed).sum()) / (1 + len(null)))),
            ),
        )

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""


def comparable(window: Window, rows: npt.NDArray[np.int64], known: Known) -> bool:
    """Say whether so few of the window's rows are known word for word that permutations may be compared with."""
    return float(1.0 - known.new_of(window, rows).mean()) <= MOST_KNOWN


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
    found = [mmd2(kernel, 1.0 - second) for second in splits(labels, size, permutations, random)]
    return np.concatenate(found)


def splits(labels: list[str], size: int, count: int, random: np.random.Generator) -> Iterator[npt.NDArray[np.float64]]:
    """Yield random splits that keep equal labels together, in batches: float64 [n, b], 1 for the second sample.

    Args:
        labels: n, of what is kept together.
        size: of the second sample, about.
        count: of splits.
        random: source of chance.
    """
    _, members = np.unique(np.asarray(labels), return_inverse=True)
    weights = np.bincount(members)
    for start in range(0, count, _BATCH):
        batch = min(_BATCH, count - start)
        second = np.empty((len(labels), batch), dtype=np.float64)
        for column in range(batch):
            order = random.permutation(len(weights))
            chosen = np.zeros(len(weights), dtype=bool)
            chosen[order[np.cumsum(weights[order]) <= size]] = True
            if weights[chosen].sum() < _LEAST_SIDE:  # a single group larger than the window came first
                chosen[order[:_LEAST_SIDE]] = True
            second[:, column] = chosen[members]
        yield second


def _projected(kernel: Matrix, m: int) -> float:
    """Return the variance of MMD² by its projection on single texts, the first ``m`` rows being the first sample."""
    n = len(kernel) - m
    to_first, to_second = kernel[:, :m].sum(1, dtype=np.float64), kernel[:, m:].sum(1, dtype=np.float64)
    first = to_first[:m] / (m - 1) - to_second[:m] / n
    second = to_second[m:] / (n - 1) - to_first[m:] / m
    return float(4.0 * (first.var(ddof=1) / m + second.var(ddof=1) / n))


def _median_distance(values: Matrix, random: np.random.Generator) -> float:
    rows = random.permutation(len(values))[:MOST_REFERENCE]
    some = values[np.sort(rows)]
    squares = (some * some).sum(1)
    distances = squares[:, None] + squares[None, :] - 2.0 * (some @ some.T)
    upper = distances[np.triu_indices(len(some), 1)]
    return float(np.sqrt(max(float(np.median(upper)), 1e-12)))
