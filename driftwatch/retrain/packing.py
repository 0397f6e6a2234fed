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


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """Items side by side in so much room."""

    width: int
    items: tuple[int, ...]


def best_fit(sizes: Sequence[int], *, widths: Sequence[int]) -> list[Bin]:
    """Put items into few and narrow bins: each into the fullest bin that still holds it, the largest items first.

    Attention costs the square of a row's width, so short items get narrow rows of their own, as far as wider ones have
    no room for them.

    Args:
        sizes: of the items.
        widths: of bins, falling, each a multiple of the next; no item is larger than the first. A new bin for an item
            is the narrowest that is at least twice its size, or the first.

    Examples:
        >>> best_fit([3, 5, 2, 4], widths=[7])
        [Bin(width=7, items=(1, 2)), Bin(width=7, items=(3, 0))]
        >>> [each.width for each in best_fit([90, 12, 10, 9, 8, 7], widths=[128, 32])]
        [128, 32]
    """
    bins: list[list[int]] = []
    widths_of: list[int] = []
    waiting: list[list[int]] = [[] for _ in range(widths[0] + 1)]
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
            room = min((width for width in widths if width >= 2 * sizes[item]), default=widths[0])
            number = len(bins)
            bins.append([item])
            widths_of.append(room)
        left = room - sizes[item]
        if left:
            waiting[left].append(number)
            rooms |= 1 << left
    return [Bin(width=width, items=tuple(items)) for width, items in zip(widths_of, bins, strict=True)]


def widths_in(context: int, *, least: int = 64) -> list[int]:
    """Return the widths into which a sequence can be folded: the context, its half, its quarter and so on.

    Examples:
        >>> widths_in(512), widths_in(100), widths_in(200)
        ([512, 256, 128, 64], [100], [200, 100])
    """
    found = [context]
    while found[-1] % 2 == 0 and found[-1] // 2 >= least:
        found.append(found[-1] // 2)
    return found


def sequences(bins: Sequence[Bin], *, context: int) -> list[list[Bin]]:
    """Put bins one after the other into sequences of at most ``context`` tokens, wide ones first.

    No bin crosses a multiple of the widest one's width, so a sequence may be folded there into rows of that width.
    """
    found: list[list[Bin]] = []
    room = 0
    for each in sorted(bins, key=lambda each: -each.width):
        if each.width > room:
            found.append([])
            room = context
        found[-1].append(each)
        room -= each.width
    return found
