"""Packing: rows of tokens are put side by side into sequences of one length, so that hardly a step computes padding.

Texts are cut only where they are longer than a sequence. Source: Ding et al. 2024, Fewer Truncations Improve Language
Modeling (best-fit packing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A text, or a part of one that is too long: tokens ``start`` to ``stop`` of a row."""

    row: int
    start: int
    stop: int

    @property
    def length(self) -> int:
        """Tokens in it."""
        return self.stop - self.start


def pieces(lengths: Sequence[int] | npt.NDArray[np.int64], *, context: int) -> list[Piece]:
    """Cut rows into pieces of at most ``context`` tokens.

    The parts of a long row share one token: the last of the one is the context of the next one's first, so that every
    token but the row's first is predicted exactly once.

    Args:
        lengths: tokens of each row; rows of fewer than two tokens give no piece, for nothing in them is predicted.
        context: at least 2.

    Examples:
        >>> [(piece.start, piece.stop) for piece in pieces([3, 1, 7], context=4)]
        [(0, 3), (0, 4), (3, 7)]
    """
    found = []
    for row, length in enumerate(lengths):
        start = 0
        while length - start >= 2:  # noqa: PLR2004 - one to look at and one to predict
            stop = min(start + context, int(length))
            found.append(Piece(row=row, start=start, stop=stop))
            start = stop - 1
    return found


def best_fit(sizes: Sequence[int], *, capacity: int) -> list[list[int]]:
    """Put items into as few bins as best-fit decreasing finds: each into the fullest bin that still holds it.

    Args:
        sizes: of the items, 1 to ``capacity``.
        capacity: of a bin.

    Returns:
        The items' places in ``sizes``, bin by bin.

    Examples:
        >>> best_fit([3, 5, 2, 4], capacity=7)
        [[1, 2], [3, 0]]
    """
    bins: list[list[int]] = []
    waiting: list[list[int]] = [[] for _ in range(capacity + 1)]
    """Bins by the room that is left in them."""
    rooms = 0
    """Bit r says whether a bin with room r waits."""
    for item in sorted(range(len(sizes)), key=lambda place: (-sizes[place], place)):
        fitting = rooms >> sizes[item]
        if fitting:
            room = sizes[item] + (fitting & -fitting).bit_length() - 1
            number = waiting[room].pop()
            if not waiting[room]:
                rooms &= ~(1 << room)
            bins[number].append(item)
        else:
            room, number = capacity, len(bins)
            bins.append([item])
        left = room - sizes[item]
        if left:
            waiting[left].append(number)
            rooms |= 1 << left
    return bins
