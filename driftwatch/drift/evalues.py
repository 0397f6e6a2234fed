"""E-values of counts: how much more, or less, often does the window fall into a set than the reference?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

MORE = (1.5, 2.5, 5.0, 15.0, 60.0, 250.0)
"""Odds ratios that a bet on growth is spread over."""
LESS = tuple(1 / odds for odds in MORE)
_CHUNK = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tally:
    """How many texts of window and reference fall into each set.

    The reference holds every body once, however often it was said. What is often said word for word is a small part
    of it, but a large part even of a window's distinct texts, and leaves less room for the rest. So growth is counted
    as new hits among all texts, and shrinking as all hits among as many texts as are new: repeats only ever count
    against a bet. Without repeats both are the plain counts.

    Args:
        hits: int64 [sets], of the window's texts.
        new_hits: int64 [sets], of those of them that the reference doesn't hold.
        n: the window's texts.
        new: those of them that the reference doesn't hold.
        reference_hits: int64 [sets].
        m: the reference's texts.
    """

    hits: Counts
    new_hits: Counts
    n: int
    new: int
    reference_hits: Counts
    m: int

    def log_e(self) -> Floats:
        """Return the log e-values of "as often as in the reference": half is bet on growth, half on shrinking."""
        grown = log_e_values(self.new_hits, self.n, self.reference_hits, self.m, odds=MORE)
        shrunk = log_e_values(self._kept, self.new, self.reference_hits, self.m, odds=LESS)
        found: Floats = np.logaddexp(grown, shrunk) - np.log(2)
        return found

    def highest(self) -> Floats:
        """Return the greatest log e-values that sets of so many texts could have: it may decide what is tested."""
        grown = _highest(self.new_hits + self.reference_hits, self.n, self.m, odds=MORE)
        shrunk = _highest(self._kept + self.reference_hits, self.new, self.m, odds=LESS)
        found: Floats = np.logaddexp(grown, shrunk) - np.log(2)
        return found

    @property
    def _kept(self) -> Counts:
        return np.minimum(self.hits, self.new)


def log_e_values(hits: Counts, n: int, reference_hits: Counts, m: int, *, odds: tuple[float, ...]) -> Floats:
    r"""Return the natural logarithm of each set's e-value, float64 [sets].

    Given how many of all n + m texts fall into a set, the window's share of them is hypergeometric where window and
    reference are exchangeable, whatever the set's rate. A bet on the odds ratio :math:`\theta` pays the likelihood
    ratio of Fisher's noncentral hypergeometric distribution, :math:`\theta^X / E_0[\theta^X]`, whose mean is exactly
    1; bets on several ratios are averaged. With ratios above 1 only, the mean is at most 1 for every set that the
    window does not fill more often than the reference (the likelihood ratio is monotone): no bound on the reference's
    rate has to be paid for.

    Source: Fisher 1935 (J. Royal Statistical Society 98) for the distribution; Ramdas et al. 2023 (Statistical
    Science 38), section 2, for e-values as likelihood ratios.

    Args:
        hits: int64 [sets], of the window's texts.
        n: the window's texts.
        reference_hits: int64 [sets].
        m: the reference's texts.
        odds: ratios bet on, each above 0.
    """
    hits, totals = np.asarray(hits, dtype=np.int64), np.asarray(hits + reference_hits, dtype=np.int64)
    if not len(hits) or not n or not m:
        return np.zeros(len(hits))
    logs = np.log(np.asarray(odds))
    distinct, inverse = np.unique(totals, return_inverse=True)
    norms = np.concatenate(
        [
            _log_norms(part, n, m, logs)
            for part in np.array_split(distinct, max(len(distinct) * (n + 1) * len(logs) // _CHUNK, 1))
        ]
    )
    bets = hits[:, None] * logs - norms[inverse]
    found: Floats = np.logaddexp.reduce(bets, axis=1) - np.log(len(logs))
    return found


def discoveries(log_e: Floats, *, tests: int, level: float) -> npt.NDArray[np.bool_]:
    """Return which sets are named at a false discovery rate of ``level`` (e-BH), however they depend on each other.

    Where nothing differs, anything is named with at most that probability.

    Source: Wang and Ramdas 2022 (J. Royal Statistical Society B 84), theorem 5.1.

    Args:
        log_e: natural logarithms, float64 [sets].
        tests: made in all; sets left out count as tested.
        level: between 0 and 1.

    Examples:
        >>> import numpy as np
        >>> discoveries(np.log([500.0, 3.0, 150.0]), tests=3, level=0.01)
        array([ True, False,  True])
    """
    order = np.argsort(-log_e, kind="stable")
    ranks = np.arange(1, len(order) + 1)
    passed = np.flatnonzero(log_e[order] >= np.log(max(tests, 1) / level) - np.log(ranks))
    kept = np.zeros(len(log_e), dtype=bool)
    if len(passed):
        kept[order[: passed[-1] + 1]] = True
    return kept


def _highest(totals: Counts, n: int, m: int, *, odds: tuple[float, ...]) -> Floats:
    most, least = np.minimum(totals, n), np.maximum(totals - m, 0)
    return np.maximum(
        log_e_values(most, n, totals - most, m, odds=odds), log_e_values(least, n, totals - least, m, odds=odds)
    )


def _log_norms(totals: Counts, n: int, m: int, logs: Floats) -> Floats:
    """Return log E₀[θ^X] of hypergeometric X for totals and log ratios, float64 [totals, ratios]."""
    factorials = np.concatenate([np.zeros(1), np.cumsum(np.log(np.arange(1, n + m + 1, dtype=np.float64)))])
    most = int(min(totals.max(initial=0), n))
    x = np.arange(most + 1)[None]
    k = totals[:, None]
    rest = k - x
    possible = (rest >= 0) & (rest <= m)
    other = np.clip(rest, 0, m)
    masses = (
        factorials[n] - factorials[x] - factorials[n - x] + factorials[m] - factorials[other] - factorials[m - other]
    ) - (factorials[n + m] - factorials[k] - factorials[n + m - k])
    masses = np.where(possible, masses, -np.inf)
    return np.stack([_log_sum(masses + x * log) for log in logs], axis=1)


def _log_sum(values: Floats) -> Floats:
    """Return the logarithm of the sum of exponentials of each row."""
    peak = values.max(axis=1)
    total: Floats = peak + np.log(np.exp(values - peak[:, None]).sum(axis=1))
    return total
