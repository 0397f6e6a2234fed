"""Ranks that many witnesses give to the same texts, all in one go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Vector = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Order = npt.NDArray[np.int32]
Keys = npt.NDArray[np.int64]
_BITS = np.int64(32)
_BYTE = 256
"""Most texts of which those before the last fit a byte."""


class Ranked(Protocol):
    """Whoever ranks texts among those before them.

    Args:
        highest: int32, order of the highest scores so far, ascending.
        most: how many of the highest scores can matter.
    """

    highest: Order
    most: int

    @property
    def known(self) -> int:
        """Return how many texts there were so far, with those whose scores are too low to matter."""
        ...


def order(scores: Vector) -> Order:
    """Return whole numbers in the order of the scores, int32 of the same shape; equal scores have equal numbers."""
    # + 0.0 makes −0 and 0 one; without their sign, bits of floats are ordered as the floats are.
    bits = np.ascontiguousarray(scores + np.float32(0.0)).view(np.int32)
    return np.where(bits < 0, bits ^ np.int32(0x7FFFFFFF), bits)


@dataclass(slots=True, kw_only=True, eq=False)
class Newborn:
    """Whoever ranks all texts since its birth at once.

    Args:
        highest: int32, order of the highest scores before, ascending.
        most: how many of the highest scores can matter.
        known: how many texts there were before.
    """

    highest: Order
    most: int
    known: int


def hits(ranked: Sequence[Ranked], scores: Order, uniform: Floats, levels: Floats) -> npt.NDArray[np.bool_]:
    """Return which texts have ranks p within each level, bool [n, w, levels], and let the highest scores in.

    Args:
        ranked: w of them.
        scores: int32 [w, n], orders of the texts' scores under each.
        uniform: float64 [n], U.
        levels: of p, descending.
    """
    found, before, keys = _within(ranked, scores, np.broadcast_to(uniform, scores.shape), levels)
    _let_in(ranked, before, keys)
    return found


def within(ranked: Sequence[Ranked], scores: Order, uniform: Floats, levels: Floats) -> npt.NDArray[np.bool_]:
    """Return which texts have ranks p within each level, bool [n, w, levels].

    Args:
        ranked: w of them.
        scores: int32 [w, n], orders of the scores of the texts that each ranks.
        uniform: float64 [w, n], U of these.
        levels: of p, descending.
    """
    return _within(ranked, scores, uniform, levels)[0]


def _within(
    ranked: Sequence[Ranked], scores: Order, uniform: Floats, levels: Floats
) -> tuple[npt.NDArray[np.bool_], Keys, Keys]:
    r"""Return which texts have ranks p within each level, and keys of the highest scores before and now.

    :math:`p_i = (\#\{s > s_i\} + U_i (\#\{s = s_i\} + 1))/(N + 1)` among the N texts before text i. Most texts rank
    too low for any level, and are never looked up.

    A key is the number of whoever ranks and the order of the score.
    """
    found = np.zeros((scores.shape[1], len(ranked), len(levels)), dtype=bool)
    known = np.array([each.known for each in ranked])
    sizes = np.array([len(each.highest) for each in ranked])
    before = np.repeat(np.arange(len(ranked)) << _BITS, sizes) + np.concatenate([each.highest for each in ranked])
    which, text = np.nonzero(scores >= _edges(ranked, [each.most for each in ranked])[:, None])
    keys = (which << _BITS) + scores[which, text]
    # Whoever has more than a level's share of all texts above it has a p above that level.
    enough = ((known + scores.shape[1]) * levels[0]).astype(np.int64) + 1
    high = keys >= (which << _BITS) + _edges(ranked, enough.tolist())[which]
    which_high, text_high = which[high], text[high]
    greater, equal = _among(keys[high], before)
    greater -= sizes.sum() - np.cumsum(sizes)[which_high]
    greater_here, equal_here = _earlier(which_high, scores[which_high, text_high], len(ranked))
    ranks = greater + greater_here + uniform[which_high, text_high] * (equal + equal_here + 1)
    p = ranks / (known[which_high] + text_high + 1)
    found[text_high, which_high] = p[:, None] <= levels
    return found, before, keys


def _edges(ranked: Sequence[Ranked], most: Sequence[int]) -> Order:
    """Return the lowest score that still is among the ``most`` highest of each, int32 [w]."""
    lowest = np.iinfo(np.int32).min
    edges = [
        each.highest[-count] if count <= len(each.highest) else lowest for each, count in zip(ranked, most, strict=True)
    ]
    return np.array(edges, dtype=np.int32)


def _among(keys: Keys, before: Keys) -> tuple[Keys, Keys]:
    """Return how many of the sorted keys before are greater than each, and how many are equal."""
    right = np.searchsorted(before, keys, side="right")
    equal = np.zeros(len(keys), dtype=np.int64)
    # Few scores occur twice: those are looked up a second time.
    some = np.flatnonzero(right)
    twice = some[before[right[some] - 1] == keys[some]]
    equal[twice] = right[twice] - np.searchsorted(before, keys[twice], side="left")
    return len(before) - right, equal


def _earlier(which: Keys, scores: Order, count: int) -> tuple[Keys, Keys]:
    """Return how many texts before each have greater and equal scores under the same one, int64 [pairs] each.

    Args:
        which: int64 [pairs], under whom, ascending; texts in their order.
        scores: int32 [pairs].
        count: of those who rank.
    """
    sizes = np.bincount(which, minlength=count)
    place = np.arange(len(which)) - (np.cumsum(sizes) - sizes)[which]
    # Nothing is greater than or equal to a text and below all texts.
    table = np.full((count, max(int(sizes.max(initial=0)), 1)), np.iinfo(np.int32).min, dtype=np.int32)
    table[which, place] = scores
    before = np.tri(table.shape[1], k=-1, dtype=bool).T
    kind = np.uint8 if table.shape[1] <= _BYTE else np.uint32
    greater = ((table[:, :, None] > table[:, None, :]) & before).view(np.uint8).sum(1, dtype=kind)
    found = greater[which, place].astype(np.int64)
    ordered = np.sort((which << _BITS) + scores)
    if not (ordered[1:] == ordered[:-1]).any():
        # Few scores occur twice: mostly there is nothing to count.
        return found, np.zeros(len(which), dtype=np.int64)
    equal = ((table[:, :, None] == table[:, None, :]) & before).view(np.uint8).sum(1, dtype=kind)
    return found, equal[which, place].astype(np.int64)


def _let_in(ranked: Sequence[Ranked], before: Keys, keys: Keys) -> None:
    """Give each the highest scores there are now."""
    # All but the few new keys are in order already, which a stable sort makes use of.
    together = np.sort(np.concatenate([before, keys]), kind="stable")
    ends = np.searchsorted(together, (np.arange(1, len(ranked)) << _BITS) + np.iinfo(np.int32).min)
    together &= np.int64(0xFFFFFFFF)
    parts = np.split(together.astype(np.uint32).view(np.int32), ends)
    for each, part in zip(ranked, parts, strict=True):
        each.highest = part[-each.most :]
