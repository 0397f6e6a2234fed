"""A capped cache of what distinct chunks of text are tokenised into."""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Tokenise = Callable[[Sequence[str]], tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]]

LONGEST = 256
"""Characters; a longer chunk hardly comes again, and isn't kept."""
UNSURE = -1
"""Instead of an entry: it is unsure, too long or finds no place, and what it is in must be tokenised whole."""
_ENTRY_BYTES = 240
"""Of an entry beside its characters and tokens: objects for chunk and number, a place in the dictionary, a start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """What a cache may hold.

    Args:
        entries: distinct chunks.
        megabytes: of memory.
    """

    entries: int = 400_000
    megabytes: float = 100.0


class ChunkCache:
    """Two generations: what is looked up is carried into the younger; when that is full, the older is let go.

    So a chunk that comes again and again stays, at the price of one copy a generation, and nothing is written at a hit.

    Args:
        tokenise: returns how many tokens each of many chunks has, and all their ids in order.
        unsure: is found in chunks that can't be tokenised alone, and in lines that end with one; None where all can.
        limits: of both generations together.
    """

    def __init__(self, tokenise: Tokenise, unsure: re.Pattern[str] | None, limits: CacheLimits) -> None:
        self._tokenise = tokenise
        self._unsure = unsure
        self._entries = max(limits.entries // 2, 1)
        self._bytes = int(limits.megabytes * 500_000)
        self.clear()

    def __len__(self) -> int:
        return len(self._young.at) + len(self._old.at)

    @property
    def megabytes(self) -> float:
        """About how much memory both generations take."""
        return (self._young.bytes + self._old.bytes) / 1e6

    def clear(self) -> None:
        """Forget everything."""
        self._young, self._old = _Generation(self._entries), _Generation(0)

    def numbers(self, chunks: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return int64 [chunks], each chunk's entry, or ``UNSURE``; they hold until the next call.

        Never more entries are kept than the limit says; of bytes, as many more as these chunks have.
        """
        if self._young.places >= self._entries or self._young.bytes >= self._bytes:
            self._young, self._old = _Generation(self._entries), self._young
        at = self._young.at
        found = np.fromiter(map(at.__getitem__, chunks), dtype=np.int64, count=len(chunks))
        pending = self._young.pending()
        if pending:
            kept = self._young.keep(pending)
            if len(kept) < len(pending):
                found = np.fromiter((at.get(chunk, UNSURE) for chunk in chunks), dtype=np.int64, count=len(chunks))
            unsure = self._young.doubt(kept, self._unsure)
            self._settle(kept)
            if unsure:
                found[np.isin(found, unsure)] = UNSURE
        return found

    def tokens(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return int64 [entries], how many tokens each has, and int32 [their sum], all their ids in order."""
        return self._young.ragged.take(numbers)

    def _settle(self, kept: Sequence[str]) -> None:
        """Give the young generation's new chunks their tokens: the older's where it has them."""
        young, old = self._young, self._old
        if not old.at:
            young.settle(kept, _Ragged.of(*self._tokenise(kept)))
            return
        known = np.fromiter((old.at.get(chunk, UNSURE) for chunk in kept), np.int64, count=len(kept))
        fresh = [chunk for chunk, number in zip(kept, known.tolist(), strict=True) if number == UNSURE]
        made = old.ragged.joined(_Ragged.of(*self._tokenise(fresh)))
        young.settle(kept, made.taken(np.where(known == UNSURE, old.places - 1 + np.cumsum(known == UNSURE), known)))


class _Generation:
    """Entries by chunk; one that is looked up and missing gets the next number, and its tokens when settled.

    Numbers are given by the dictionary itself, without a line of Python for each: most of what a cold cache costs.

    Args:
        most: entries.
    """

    __slots__ = ("_most", "at", "bytes", "places", "ragged")

    def __init__(self, most: int) -> None:
        self._most = most
        self.at: defaultdict[str, int] = defaultdict(itertools.count().__next__)
        self.places = 0
        self.bytes = 0
        self.ragged = _Ragged.of(np.zeros(0, np.int64), np.zeros(0, np.int32))

    def pending(self) -> list[str]:
        """Return the chunks that got a number since the last were settled, in the order of these."""
        found = list(itertools.islice(reversed(self.at), len(self.at) - self.places))
        found.reverse()
        return found

    def keep(self, pending: list[str]) -> list[str]:
        """Return those of the pending that are short enough and find a place, and forget the others."""
        room = self._most - self.places
        if len(pending) <= room and max(map(len, pending)) <= LONGEST:
            return pending
        kept = [chunk for chunk in pending if len(chunk) <= LONGEST][:room]
        for chunk in pending:
            del self.at[chunk]
        self.at.update(zip(kept, itertools.count(self.places)))
        self.at.default_factory = itertools.count(self.places + len(kept)).__next__
        return kept

    def doubt(self, kept: Sequence[str], unsure: re.Pattern[str] | None) -> list[int]:
        """Mark the unsure among new chunks, and return the numbers they had; they keep a place that holds nothing.

        All are searched at once, and only where something was found one by one.
        """
        if unsure is None or unsure.search("\n".join(kept)) is None:
            return []
        found = [chunk for chunk in kept if unsure.search(chunk)]
        numbers = [self.at[chunk] for chunk in found]
        self.at.update(dict.fromkeys(found, UNSURE))
        return numbers

    def settle(self, kept: Sequence[str], made: _Ragged) -> None:
        """Add the tokens of new chunks, in their order."""
        self.bytes += sys.getsizeof("".join(kept)) + _ENTRY_BYTES * len(kept) + made.values.nbytes
        self.ragged = self.ragged.joined(made)
        self.places += len(kept)


@dataclass(frozen=True, slots=True, eq=False)
class _Ragged:
    """Rows of unequal length, one after the other.

    Args:
        starts: int64 [rows + 1], where each begins, and the end.
        values: int32 [sum of lengths].
    """

    starts: npt.NDArray[np.int64]
    values: npt.NDArray[np.int32]

    @classmethod
    def of(cls, sizes: npt.NDArray[np.int64], values: npt.NDArray[np.int32]) -> _Ragged:
        """Return rows of these sizes."""
        return cls(np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]), values)

    def joined(self, other: _Ragged) -> _Ragged:
        """Return these rows, and the other's behind them."""
        starts = np.concatenate([self.starts, other.starts[1:] + self.starts[-1]])
        return _Ragged(starts, np.concatenate([self.values, other.values]))

    def take(self, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return some rows' sizes and values, in this order."""
        begin = self.starts[rows]
        sizes = self.starts[rows + 1] - begin
        shift = np.repeat(begin - (np.cumsum(sizes) - sizes), sizes)
        return sizes, self.values[shift + np.arange(len(shift))]

    def taken(self, rows: npt.NDArray[np.int64]) -> _Ragged:
        """Return some rows, in this order."""
        return _Ragged.of(*self.take(rows))
