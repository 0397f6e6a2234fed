"""Detector ``tokens``: Jensen–Shannon divergence of the champion's tokens, with the null band of equal windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.features import take_tokens
from driftwatch.drift.rows import distinct

if TYPE_CHECKING:
    from driftwatch.domain.features import TokenCounts

Counts = npt.NDArray[np.float64]
DRAWS = 200
_RESTS = 20
BAND = 0.99


@dataclass(frozen=True, slots=True)
class TokensDetector:
    """Compares the window's token distribution with CAL's, and both with what windows of CAL itself show.

    Source: Lin 1991 (IEEE Trans. Inf. Theory 37) for the divergence.
    """

    draws: int = DRAWS

    @property
    def name(self) -> str:
        """Name in results."""
        return "tokens"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> TokensMonitor:
        """Count CAL's tokens; there is no state to restart from."""
        del state
        return TokensMonitor(reference.cal.features.tokens, draws=self.draws, seed=seed)


@dataclass(frozen=True, slots=True)
class _Null:
    """What windows of CAL show: their divergences and unknown shares, and some of the rests they were held against."""

    divergences: Counts
    unknowns: Counts
    rests: list[Counts]


class TokensMonitor:
    """Holds CAL's counts, and the null band for each size of window it has seen."""

    def __init__(self, cal: TokenCounts, *, draws: int, seed: int) -> None:
        self._cal = cal
        self._total = totals(cal)
        self._draws = draws
        self._seed = seed
        self._nulls: dict[int, _Null] = {}

    def update(self, window: Window) -> DriftResult:
        """Measure the window's distinct texts, at most half as many as CAL holds.

        The window meets the same rests of CAL that CAL's own windows meet: the divergence of finite samples depends
        on both their sizes.
        """
        rows, _ = distinct(window)
        size = min(len(rows), (len(self._cal.indptr) - 1) // 2)
        if size < len(rows):
            random = np.random.default_rng([self._seed, 6, window.index])
            rows = np.sort(random.permutation(rows)[:size])
        counts = totals(take_tokens(window.features.tokens, rows), size=len(self._total))
        null = self._null(size)
        divergence = float(np.mean([jsd(counts, rest) for rest in null.rests]))
        unknown = float(np.mean([_unknown(counts, rest) for rest in null.rests]))
        bias = float(null.divergences.mean())
        return DriftResult(
            detector="tokens",
            measures=(
                _measure("tokens.jsd", divergence - bias, null.divergences - bias),
                _measure("tokens.unknown_share", unknown, null.unknowns),
            ),
        )

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""

    def _null(self, size: int) -> _Null:
        """Return what windows of ``size`` CAL texts show against the rest of CAL."""
        if size not in self._nulls:
            random = np.random.default_rng([self._seed, 3, size])
            texts = len(self._cal.indptr) - 1
            found, rests = np.empty((self._draws, 2)), []
            for number in range(self._draws):
                rows = np.sort(random.permutation(texts)[:size])
                drawn = totals(take_tokens(self._cal, rows), size=len(self._total))
                rest = self._total - drawn
                found[number] = jsd(drawn, rest), _unknown(drawn, rest)
                rests += [rest] if number < _RESTS else []
            self._nulls[size] = _Null(found[:, 0], found[:, 1], rests)
        return self._nulls[size]


def totals(tokens: TokenCounts, *, size: int | None = None) -> Counts:
    """Return float64 [vocabulary]: how often each token occurs in all rows together."""
    return np.bincount(tokens.ids, weights=tokens.counts, minlength=size or tokens.vocabulary).astype(np.float64)


def jsd(left: Counts, right: Counts) -> float:
    """Return the Jensen–Shannon divergence of two count vectors in bits, 0 to 1.

    Examples:
        >>> import numpy as np
        >>> jsd(np.array([1.0, 0.0]), np.array([0.0, 5.0]))
        1.0
    """
    p, q = left / max(left.sum(), 1.0), right / max(right.sum(), 1.0)
    middle = (p + q) / 2
    return float((_relative(p, middle) + _relative(q, middle)) / 2)


def _relative(p: Counts, q: Counts) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())


def _unknown(counts: Counts, known: Counts) -> float:
    return float(counts[known == 0].sum() / max(counts.sum(), 1.0))


def _measure(name: str, value: float, null: Counts) -> Measure:
    low, high = np.quantile(null, [(1 - BAND) / 2, (1 + BAND) / 2])
    return Measure(name=name, value=value, null_low=float(low), null_high=float(high))
