"""Detector ``looks``: one p-value from several comparisons, for somebody who takes one planned look at one window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.evidence.known import Known, known_of
from driftwatch.drift.features import concatenate, take, take_tokens
from driftwatch.drift.mmd import LEAST_UNITS, MOST_WINDOW, comparable, mmd2, rbf, splits
from driftwatch.drift.pockets import pockets
from driftwatch.drift.rows import grouped, groups, units, whole_groups

if TYPE_CHECKING:
    import scipy.sparse as sp

    from driftwatch.domain.features import Features, TokenCounts

Matrix = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]
PERMUTATIONS = 300
MOST_REFERENCE = 2_000
"""Reference texts compared with."""
_RIDGE = 0.3
_FEWEST_TEXTS = 3


@dataclass(frozen=True, slots=True)
class LooksDetector:
    """Tests "window and reference are drawn alike" with four statistics on the same permutations.

    The statistics: unbiased MMD² (Gretton et al. 2012, JMLR 13), the distance of the embeddings' means after half of
    the whitening (between the plain mean difference and Hotelling's 1931 T², with a ridge), the sum over tokens of
    the squared standard score of their document frequencies, and pockets of texts of the window alone
    (:mod:`~driftwatch.drift.pockets`). Each is brought to mean 0 and variance 1 over the observed split and the
    permuted ones. The first three, which mostly rise and fall together, are summed and brought there again, and the
    soft maximum of that sum and of pockets is the statistic: a symmetric function of the splits on texts in random
    order, so that the p-value is exact (Phipson and Smyth 2010). Nothing is fixed beforehand,
    so TRAIN and CAL both count. There is no p-value where more than 1% of the window's compared texts are known word
    for word (:data:`~driftwatch.drift.mmd.MOST_KNOWN`).
    """

    permutations: int = PERMUTATIONS

    @property
    def name(self) -> str:
        """Name in results."""
        return "looks"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> LooksMonitor:
        """Draw the compared texts; there is no state to restart from."""
        del state
        texts = (*reference.train.texts, *reference.cal.texts)
        features = concatenate([reference.train.features, reference.cal.features])
        rows = whole_groups(texts, np.random.default_rng([seed, 11]), most=MOST_REFERENCE)
        kept = [texts[row] for row in rows]
        labels = groups(kept, prefix="r") if grouped(kept) else None
        return LooksMonitor(
            take(features, rows), labels, known=known_of(reference), permutations=self.permutations, seed=seed
        )


class LooksMonitor:
    """Holds the compared reference texts.

    Args:
        reference: features of m texts.
        groups: of each; None where the reference names none.
        known: the reference's bodies.
        permutations: splits the p-value is counted from.
        seed: of the splits.
    """

    def __init__(
        self, reference: Features, groups: list[str] | None, *, known: Known, permutations: int, seed: int
    ) -> None:
        self._reference = reference
        self._known = known
        self._groups = groups
        self._permutations = permutations
        self._seed = seed

    def update(self, window: Window) -> DriftResult:
        """Measure the window's distinct texts; nothing where too few groups hold them or too many are known."""
        rows, labels = units(window, whole=self._groups is not None, seed=self._seed, most=MOST_WINDOW)
        if len(set(labels)) < LEAST_UNITS or not comparable(window, rows, self._known):
            return DriftResult(detector="looks", measures=())
        known = self._groups or [f"r{row}" for row in range(len(self._reference.embeddings.values))]
        random = np.random.default_rng([self._seed, 12, window.index])
        order = random.permutation(len(known) + len(rows))  # ties must not be broken in favour of a sample
        values = np.concatenate([self._reference.embeddings.values, window.features.embeddings.values[rows]])[order]
        tokens = [self._reference.tokens, take_tokens(window.features.tokens, rows)]
        names = [[*known, *labels][row] for row in order]
        observed = (order >= len(known)).astype(np.float64)[:, None]
        second = np.concatenate([observed, *splits(names, len(rows), self._permutations, random)], axis=1)
        total = _statistic(values, _presence(tokens)[order], names, second)
        return DriftResult(
            detector="looks",
            measures=(Measure(name="drift.look_p", value=float((total >= total[0] - 1e-9).mean())),),
        )

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""


def _statistic(values: Matrix, presence: sp.csr_matrix, labels: list[str], second: Values) -> Values:
    """Return the soft maximum of what all texts show and of pockets in each split, float64 [b]."""
    places = _half_whitened(values)
    whole = (_kernel(values, second), _means(places, second), _documents(presence, second))
    total = _standard(np.sum([_standard(each) for each in whole], axis=0))
    highest: Values = np.logaddexp(total, _standard(pockets(places, presence, labels, second)))
    return highest


def _kernel(values: Matrix, second: Values) -> Values:
    """Return MMD² of each split, the bandwidth at the median distance of all texts."""
    some = values[:: max(len(values) // 1_000, 1)]
    squares = (some * some).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2.0 * (some @ some.T), 0.0)
    median = float(np.sqrt(max(float(np.median(distances[np.triu_indices(len(some), 1)])), 1e-12)))
    return mmd2(rbf(values, median), 1.0 - second)


def _half_whitened(values: Matrix) -> Values:
    """Return the values in principal coordinates, each shrunk by the fourth root of its variance and a ridge."""
    centred = (values - values.mean(0)).astype(np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred / len(centred))
    variances = np.maximum(variances, 0.0) + _RIDGE * max(float(np.mean(variances)), 1e-12)
    places: Values = (centred @ axes) * variances**-0.25
    return places


def _means(places: Values, second: Values) -> Values:
    """Return the squared distance of each split's means."""
    sizes = second.sum(0)
    sums = (second.T @ places) / (sizes * (len(places) - sizes))[:, None]
    distances: Values = (sums**2).sum(1)
    return distances


def _presence(tokens: list[TokenCounts]) -> sp.csr_matrix:
    """Return which text holds which token, all lots in one matrix."""
    import scipy.sparse as sp

    rows = [
        sp.csr_matrix((np.ones(len(each.ids)), each.ids, each.indptr), shape=(len(each.indptr) - 1, each.vocabulary))
        for each in tokens
    ]
    return sp.vstack(rows, format="csr")


def _documents(presence: sp.csr_matrix, second: Values) -> Values:
    """Return the sum of squared standard scores of tokens' document frequencies in each split."""
    texts = presence.shape[0]
    totals = np.bincount(presence.indices, minlength=presence.shape[1])
    used = np.flatnonzero((totals >= _FEWEST_TEXTS) & (totals <= texts - _FEWEST_TEXTS))
    share = totals[used] / texts
    found = np.empty(second.shape[1])
    chosen = presence[:, used].T.tocsr()
    for start in range(0, second.shape[1], _COLUMNS):
        part = second[:, start : start + _COLUMNS]
        sizes = part.sum(0)
        beyond = chosen @ part - share[:, None] * sizes
        variance = (share * (1 - share))[:, None] * (sizes * (texts - sizes) / max(texts - 1, 1))
        found[start : start + _COLUMNS] = (beyond**2 / np.maximum(variance, 1e-12)).sum(0)
    return found


_COLUMNS = 64


def _standard(values: Values) -> Values:
    scaled: Values = (values - values.mean()) / max(float(values.std()), 1e-300)
    return scaled
