"""Words that rose and fell: what drifted, in words."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.drift import WordShift

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

FALSE_DISCOVERY = 0.05
MOST = 20
_LEAST_TEXTS = 3
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")


class Words:
    """Document frequencies of the reference's words.

    Args:
        bodies: of CAL's texts.
    """

    def __init__(self, bodies: Sequence[str]) -> None:
        self._texts = len(bodies)
        self._holding = count(bodies)

    def shifts(self, bodies: Sequence[str]) -> tuple[WordShift, ...]:
        """Return the words whose share of texts moved, risen first, strongest first.

        Two-proportion z-tests over every word held by at least three texts of either side, with Benjamini and
        Hochberg (1995) at 5% false discovery: on a stream without drift it names nothing in 19 of 20 windows.

        Args:
            bodies: of the window's distinct texts.
        """
        from scipy.special import ndtr

        n, m = len(bodies), self._texts
        held = count(bodies)
        words = sorted(
            word for word in held.keys() | self._holding.keys() if held[word] + self._holding[word] >= _LEAST_TEXTS
        )
        if not words or not n or not m:
            return ()
        here = np.array([held[word] for word in words], dtype=np.float64)
        there = np.array([self._holding[word] for word in words], dtype=np.float64)
        pooled = (here + there) / (n + m)
        error = np.sqrt(np.maximum(pooled * (1 - pooled) * (1 / n + 1 / m), 1e-12))
        # Continuity correction: without it rare words of small windows are named by chance.
        gap = np.maximum(np.abs(here / n - there / m) - 0.5 * (1 / n + 1 / m), 0.0)
        z = np.sign(here / n - there / m) * gap / error
        # A normal tail is too thin for rare words: each must also be expected often enough on the window's side.
        enough = (pooled * n >= _LEAST_TEXTS) | (here >= 2 * _LEAST_TEXTS)
        named = np.flatnonzero(enough & (z != 0))
        kept = named[discoveries(2 * ndtr(-np.abs(z[named])), tests=len(words))]
        shifts = [
            WordShift(
                word=words[row], share=float(here[row] / n), reference_share=float(there[row] / m), z=float(z[row])
            )
            for row in kept
        ]
        risen = sorted((s for s in shifts if s.z > 0), key=lambda s: (-s.z, s.word))[:MOST]
        fallen = sorted((s for s in shifts if s.z < 0), key=lambda s: (s.z, s.word))[:MOST]
        return (*risen, *fallen)


def count(bodies: Iterable[str]) -> Counter[str]:
    """Return in how many bodies each lower-cased word stands."""
    held: Counter[str] = Counter()
    for body in bodies:
        held.update({word.lower() for word in _WORD.findall(body)})
    return held


def discoveries(
    p_values: np.ndarray[tuple[int], np.dtype[np.float64]], *, tests: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return which of the p-values are discoveries at 5% (Benjamini and Hochberg 1995) among ``tests`` made."""
    order = np.argsort(p_values, kind="stable")
    passed = p_values[order] <= FALSE_DISCOVERY * np.arange(1, len(order) + 1) / max(tests, 1)
    kept = np.zeros(len(p_values), dtype=bool)
    if passed.any():
        kept[order[: np.flatnonzero(passed)[-1] + 1]] = True
    return kept
