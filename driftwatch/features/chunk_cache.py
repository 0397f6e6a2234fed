"""A capped cache of what distinct chunks of text are tokenised into."""

from __future__ import annotations

import sys
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
        return len(self._young) + len(self._old)

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
        if len(self._young) >= self._entries or self._young.bytes >= self._bytes:
            self._young, self._old = _Generation(self._entries), self._young
        found = np.fromiter(map(self._young.__getitem__, chunks), dtype=np.int64, count=len(chunks))
        if self._young.pending:
            unsure = self._young.doubt(self._unsure)
            self._settle()
            if unsure:
                found[np.isin(found, unsure)] = UNSURE
        return found

    def tokens(self, numbers: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """Return int64 [entries], how many tokens each has, and int32 [their sum], all their ids in order."""
        return self._young.ragged.take(numbers)

    def _settle(self) -> None:
        """Give the young generation's new chunks their tokens: the older's where it has them."""
        young, old = self._young, self._old
        if not old:
            young.settle(_Ragged.of(*self._tokenise(young.pending)))
            return
        known = np.fromiter((old.get(chunk, UNSURE) for chunk in young.pending), np.int64, count=len(young.pending))
        fresh = [chunk for chunk, number in zip(young.pending, known.tolist(), strict=True) if number == UNSURE]
        made = old.ragged.joined(_Ragged.of(*self._tokenise(fresh)))
        young.settle(made.taken(np.where(known == UNSURE, len(old) - 1 + np.cumsum(known == UNSURE), known)))


class _Generation(dict[str, int]):
    """Entries by chunk; a chunk that is looked up and missing gets the next number, and its tokens when settled."""

    __slots__ = ("_most", "bytes", "pending", "ragged")

    def __init__(self, most: int) -> None:
        self._most = most
        self.bytes = 0
        self.pending: list[str] = []
        self.ragged = _Ragged.of(np.zeros(0, np.int64), np.zeros(0, np.int32))

    def __missing__(self, chunk: str) -> int:
        number = len(self)
        if number >= self._most or len(chunk) > LONGEST:
            return UNSURE
        self[chunk] = number
        self.pending.append(chunk)
        return number

    def doubt(self, unsure: re.Pattern[str] | None) -> list[int]:
        """Mark the unsure among the pending, and return the numbers they had; they keep a place that holds nothing.

        All are searched at once, and only where something was found one by one.
        """
        if unsure is None or unsure.search("\n".join(self.pending)) is None:
            return []
        found = [chunk for chunk in self.pending if unsure.search(chunk)]
        numbers = [self[chunk] for chunk in found]
        self.update(dict.fromkeys(found, UNSURE))
        return numbers

    def settle(self, made: _Ragged) -> None:
        """Add the tokens of all that is pending, in its order."""
        self.bytes += sys.getsizeof("".join(self.pending)) + _ENTRY_BYTES * len(self.pending) + made.values.nbytes
        self.ragged = self.ragged.joined(made)
        self.pending = []


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
