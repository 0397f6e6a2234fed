"""Detector ``tokens``: how far the champion's token distribution moved, with the null bands of equal windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import DriftResult, Measure, Reference, Window
from driftwatch.drift.evidence.known import known_of
from driftwatch.drift.features import take_tokens
from driftwatch.drift.rows import LEAST_UNKNOWN, distinct, few_recur, unknown

if TYPE_CHECKING:
    from driftwatch.domain.features import TokenCounts
    from driftwatch.drift.evidence.known import Known

Counts = npt.NDArray[np.float64]
DRAWS = 200
_RESTS = 20
_MOST_NULLS = 16
"""Sizes of windows whose null bands are kept: each holds 20 counts of the whole vocabulary."""
BAND = 0.99
_NAMES = ("tokens.jsd", "tokens.psi", "tokens.hellinger", "tokens.unknown_share")
_BIASED = np.array([True, True, True, False])
_EXPECTED = 5.0
_PSEUDO = 0.5


@dataclass(frozen=True, slots=True)
class TokensDetector:
    """Compares the window's token distribution with CAL's, and both with what windows of CAL itself show.

    Sources: Lin 1991 (IEEE Trans. Inf. Theory 37) for the Jensen-Shannon divergence, Hellinger 1909 (Crelle 136) for
    the distance, Siddiqi 2006 (Credit Risk Scorecards, ch. 7) for the population stability index, whose bins are the
    tokens that CAL lets expect at least 5 times in the window (Cochran 1954, Biometrics 10) and one for all others.
    Texts that the reference knows word for word are left out (:func:`~driftwatch.drift.rows.unknown`), and
    there is no null band where many of its bodies recur.
    """

    draws: int = DRAWS

    @property
    def name(self) -> str:
        """Name in results."""
        return "tokens"

    def fit(self, reference: Reference, *, seed: int, state: bytes | None = None) -> TokensMonitor:
        """Count CAL's tokens; there is no state to restart from."""
        del state
        return TokensMonitor(reference.cal.features.tokens, known=known_of(reference), draws=self.draws, seed=seed)


@dataclass(frozen=True, slots=True)
class _Null:
    """What windows of CAL show.

    Args:
        found: float64 [draws, 4], how far they moved by each of the measures.
        rests: some of the rests of CAL that they were held against.
    """

    found: Counts
    rests: list[Counts]


class TokensMonitor:
    """Holds CAL's counts, and the null band for each size of window it has seen."""

    def __init__(self, cal: TokenCounts, *, known: Known, draws: int, seed: int) -> None:
        self._cal = cal
        self._known = known
        self._total = totals(cal)
        self._draws = draws
        self._seed = seed
        self._nulls: dict[int, _Null] = {}

    def update(self, window: Window) -> DriftResult:
        """Measure the window's unknown distinct texts, at most half as many as CAL holds; nothing of too few.

        A few are left out by chance, so that windows of about one size share a null band.

        The window meets the same rests of CAL that CAL's own windows meet: the divergence of finite samples depends
        on both their sizes.
        """
        rows = unknown(window, distinct(window)[0], self._known)
        if len(rows) < LEAST_UNKNOWN:
            return DriftResult(detector="tokens", measures=())
        size = _rounded(min(len(rows), (len(self._cal.indptr) - 1) // 2))
        if size < len(rows):
            random = np.random.default_rng([self._seed, 6, window.index])
            rows = np.sort(random.permutation(rows)[:size])
        counts = totals(take_tokens(window.features.tokens, rows), size=len(self._total))
        null = self._null(size)
        moved = np.mean([_moved(counts, rest) for rest in null.rests], axis=0)
        usual = few_recur(window, self._known)
        bias = np.where(_BIASED, null.found.mean(0), 0.0)
        return DriftResult(
            detector="tokens",
            measures=tuple(
                _measure(name, float(value), band if usual else None)
                for name, value, band in zip(_NAMES, moved - bias, (null.found - bias).T, strict=True)
            ),
        )

    def state(self) -> bytes:
        """Return nothing: windows are measured one by one."""
        return b""

    def _null(self, size: int) -> _Null:
        """Return what windows of ``size`` CAL texts show against the rest of CAL."""
        if size not in self._nulls:
            if len(self._nulls) == _MOST_NULLS:
                del self._nulls[next(iter(self._nulls))]
            random = np.random.default_rng([self._seed, 3, size])
            texts = len(self._cal.indptr) - 1
            found, rests = np.empty((self._draws, len(_NAMES))), []
            for number in range(self._draws):
                rows = np.sort(random.permutation(texts)[:size])
                drawn = totals(take_tokens(self._cal, rows), size=len(self._total))
                rest = self._total - drawn
                found[number] = _moved(drawn, rest)
                rests += [rest] if number < _RESTS else []
            self._nulls[size] = _Null(found, rests)
        return self._nulls[size]


def _rounded(size: int) -> int:
    """Return the size without its lowest bits: at most a sixteenth less, so that sizes are few."""
    step = 1 << max(size.bit_length() - 5, 0)
    return size - size % step


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


def hellinger(left: Counts, right: Counts) -> float:
    """Return the Hellinger distance of two count vectors, 0 to 1.

    Examples:
        >>> import numpy as np
        >>> hellinger(np.array([1.0, 0.0]), np.array([0.0, 5.0]))
        1.0
    """
    p, q = left / max(left.sum(), 1.0), right / max(right.sum(), 1.0)
    return float(np.sqrt(max(1.0 - float(np.sqrt(p * q).sum()), 0.0)))


def psi(counts: Counts, known: Counts) -> float:
    """Return the population stability index of ``counts`` against ``known`` in nats, 0 or more.

    Half a count is added to every bin, so that an empty one is a finite surprise.
    """
    common = known * (counts.sum() / max(known.sum(), 1.0)) >= _EXPECTED
    p = np.append(counts[common], counts[~common].sum()) + _PSEUDO
    q = np.append(known[common], known[~common].sum()) + _PSEUDO
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


def _moved(counts: Counts, known: Counts) -> tuple[float, float, float, float]:
    return jsd(counts, known), psi(counts, known), hellinger(counts, known), _unknown(counts, known)


def _relative(p: Counts, q: Counts) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())


def _unknown(counts: Counts, known: Counts) -> float:
    return float(counts[known == 0].sum() / max(counts.sum(), 1.0))


def _measure(name: str, value: float, null: Counts | None) -> Measure:
    if null is None:
        return Measure(name=name, value=value)
    low, high = np.quantile(null, [(1 - BAND) / 2, (1 + BAND) / 2])
    return Measure(name=name, value=value, null_low=float(low), null_high=float(high))
