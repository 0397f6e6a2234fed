"""Caps: how much of what a run uses may come from one place, and who is within them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def fair_cap(sizes: npt.NDArray[np.int64], *, share: float, least: int, most: int | None, room: int) -> int:
    """Return the largest cap under which no place has more than its share of what the cap leaves.

    Args:
        sizes: int64 [places], texts of each.
        share: most of one place, 0 to 1.
        least: a place may always give this many.
        most: and never more than this; None for no such limit.
        room: texts that can be used at all.

    Examples:
        >>> fair_cap(np.array([1000, 50, 50]), share=0.5, least=20, most=None, room=10_000)
        100
        >>> fair_cap(np.array([1000, 50, 50]), share=0.5, least=20, most=70, room=10_000)
        70
    """
    cap = _held(int(share * min(int(sizes.sum()), room)), least, most)
    while True:
        left = min(int(np.minimum(sizes, cap).sum()), room)
        lower = _held(int(share * left), least, most)
        if lower >= cap:
            return cap
        cap = lower


def _held(cap: int, least: int, most: int | None) -> int:
    return max(least, cap if most is None else min(cap, most))


def beyond_cap(places: npt.NDArray[np.uint64] | npt.NDArray[np.int64], cap: int) -> npt.NDArray[np.bool_]:
    """Return which texts come after the first ``cap`` of their place, bool [n]; ``places`` in the order of choice."""
    return nth_of_its_place(places) >= cap


def nth_of_its_place(places: npt.NDArray[np.uint64] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return how many earlier texts are of the same place, int64 [n].

    Examples:
        >>> nth_of_its_place(np.array([5, 8, 5, 5, 8]))
        array([0, 0, 1, 2, 1])
    """
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    first = np.ones(len(places), dtype=bool)
    first[1:] = ordered[1:] != ordered[:-1]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(places)), 0)) if len(places) else np.zeros(0, np.int64)
    found = np.zeros(len(places), np.int64)
    found[order] = np.arange(len(places)) - starts
    return found
