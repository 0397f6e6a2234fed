"""Texts drawn of very many, lot by lot: put together by numbers alone, and looked at only where two are level.

Whoever puts the lots of all workers together must do little for each text, for most are out of the draw later on. So
what is kept may be a text, or one as it came, which is unpacked once it is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from driftwatch.domain.text import Text
from driftwatch.drift.choice import HASHES, earlier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Texts of a lot that may be drawn, as they are sent.

    Args:
        numbers: uint64 [n], which they are drawn by.
        bodies: uint64 [n], keys of their bodies.
        ends: int64 [n], where each ends in the content; it begins where the one before it ends.
        content: the texts, each as MessagePack.
    """

    numbers: Keys
    bodies: Keys
    ends: npt.NDArray[np.int64]
    content: bytes

    def below(self, number: int) -> tuple[Keys, Keys, list[bytes]]:
        """Return numbers, keys and contents of the texts whose number is not above this one."""
        rows = np.flatnonzero(self.numbers <= np.uint64(number))
        begins = np.concatenate([np.zeros(1, dtype=np.int64), self.ends[:-1]])
        spans = zip(begins[rows].tolist(), self.ends[rows].tolist(), strict=True)
        return self.numbers[rows], self.bodies[rows], [self.content[begin:end] for begin, end in spans]


def packed(numbers: Keys, bodies: Keys, texts: Sequence[Text]) -> Drawn:
    """Return texts as they are sent."""
    contents = list(map(msgspec.msgpack.Encoder().encode, texts))
    ends = np.cumsum([len(content) for content in contents], dtype=np.int64)
    return Drawn(numbers=numbers, bodies=bodies, ends=ends, content=b"".join(contents))


unpacked: Callable[[bytes], Text] = msgspec.msgpack.Decoder(Text).decode
"""Return a text that was sent."""


class Draw(Generic[T]):
    """Keeps the texts with the lowest numbers, each body once; of equal numbers those whose bodies come first in order.

    Args:
        most: texts.
        text: returns the text that is kept as this.
        below: no text above this number is kept.
    """

    def __init__(self, most: int, text: Callable[[T], Text], *, below: int = HASHES - 1) -> None:
        self._most, self._text = most, text
        self.below = below
        self.clear()

    def clear(self) -> None:
        """Forget the texts, but not how low a number has to be."""
        self._numbers, self._bodies = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.uint64)]
        self._kept: list[T] = []

    def add(self, numbers: Keys, bodies: Keys, texts: Sequence[T]) -> None:
        """Take texts in.

        Args:
            numbers: uint64 [n], which they are drawn by.
            bodies: uint64 [n], keys of their bodies.
            texts: [n].
        """
        self._numbers.append(numbers)
        self._bodies.append(bodies)
        self._kept += texts
        if len(self._kept) >= 2 * self._most:
            self._settle()

    def lowest(self) -> tuple[Keys, Keys, list[T]]:
        """Return numbers, keys and texts that are kept, in any order."""
        self._settle()
        return self._numbers[0], self._bodies[0], self._kept

    def texts(self) -> list[Text]:
        """Return the texts that are kept, lowest numbers first."""
        numbers, _, kept = self.lowest()
        found = zip(numbers.tolist(), map(self._text, kept), strict=True)
        return [text for _, text in sorted(found, key=lambda each: (each[0], each[1].body))]

    def _settle(self) -> None:
        numbers, bodies = np.concatenate(self._numbers), np.concatenate(self._bodies)
        rows = np.flatnonzero(numbers <= np.uint64(self.below))
        rows = rows[self._once(rows, bodies[rows])]
        if 0 < self._most <= len(rows):
            self.below = int(np.partition(numbers[rows], self._most - 1)[self._most - 1])
            rows = self._level(rows, numbers[rows])
        self._numbers, self._bodies = [numbers[rows]], [bodies[rows]]
        self._kept = [self._kept[row] for row in rows.tolist()]

    def _once(self, rows: npt.NDArray[np.int64], bodies: Keys) -> npt.NDArray[np.int64]:
        """Return which of the rows are kept when of one body the earliest copy counts."""
        order = np.argsort(bodies, kind="stable")
        starts = np.flatnonzero(np.concatenate([np.ones(1, np.bool_), np.diff(bodies[order]) != 0])[: len(order)])
        sizes = np.diff(starts, append=len(order))
        kept = order[starts]
        for place in np.flatnonzero(sizes > 1).tolist():
            copies = order[starts[place] : starts[place] + sizes[place]]
            kept[place] = copies[self._earliest(rows[copies].tolist())]
        return kept

    def _earliest(self, rows: Sequence[int]) -> int:
        """Return which of the copies counts."""
        texts = [self._text(self._kept[row]) for row in rows]
        counts = reduce(lambda known, text: earlier(text, known), texts)
        return next(place for place, text in enumerate(texts) if text is counts)

    def _level(self, rows: npt.NDArray[np.int64], numbers: Keys) -> npt.NDArray[np.int64]:
        """Return the lowest rows; of those that share the last number as many as there is room for."""
        last = np.uint64(self.below)
        lower, level = rows[numbers < last], rows[numbers == last]
        room = self._most - len(lower)
        if len(level) > room:
            by_body = sorted(level.tolist(), key=lambda row: self._text(self._kept[row]).body)
            level = np.asarray(by_body[:room], dtype=np.int64)
        return np.concatenate([lower, level])
