"""Texts drawn of very many, lot by lot: put together by numbers alone, and unpacked only once they are the lowest.

Whoever puts lots together does so for all workers, so it must cost little: of most texts that a lot tells of, lower
ones are found in other lots.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from driftwatch.domain.text import Text
from driftwatch.drift.choice import HASHES, earlier
from driftwatch.drift.evidence.seen import keys

if TYPE_CHECKING:
    from collections.abc import Sequence

Keys = npt.NDArray[np.uint64]
_text = msgspec.msgpack.Decoder(Text)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawn:
    """Texts of a lot that may be drawn.

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


def packed(texts: Sequence[tuple[int, Text]]) -> Drawn:
    """Return texts with their numbers as a lot tells them."""
    encode = msgspec.msgpack.Encoder().encode
    contents = [encode(text) for _, text in texts]
    return Drawn(
        numbers=np.array([number for number, _ in texts], dtype=np.uint64),
        bodies=keys(text.body for _, text in texts),
        ends=np.cumsum([len(content) for content in contents], dtype=np.int64),
        content=b"".join(contents),
    )


class Draw:
    """Keeps the texts with the lowest numbers, each body once, of equal numbers those that come first in order.

    Args:
        most: texts.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers, self._bodies = [np.zeros(0, dtype=np.uint64)], [np.zeros(0, dtype=np.uint64)]
        self._contents: list[bytes] = []
        self.below = HASHES - 1

    def add(self, lot: Drawn) -> None:
        """Take a lot's texts in, those that are not out of the draw by now."""
        rows = np.flatnonzero(lot.numbers <= np.uint64(self.below))
        begins = np.concatenate([np.zeros(1, dtype=np.int64), lot.ends[:-1]])
        spans = zip(begins[rows].tolist(), lot.ends[rows].tolist(), strict=True)
        self._numbers.append(lot.numbers[rows])
        self._bodies.append(lot.bodies[rows])
        self._contents += [lot.content[begin:end] for begin, end in spans]
        if len(self._contents) >= 2 * self._most:
            self._settle()

    def texts(self) -> list[Text]:
        """Return the texts kept, lowest numbers first."""
        self._settle()
        found = zip(self._numbers[0].tolist(), map(_text.decode, self._contents), strict=True)
        return [text for _, text in sorted(found, key=lambda each: (each[0], each[1].body))]

    def _settle(self) -> None:
        numbers, bodies = np.concatenate(self._numbers), np.concatenate(self._bodies)
        rows = self._once(bodies)
        if 0 < self._most <= len(rows):
            self.below = int(np.partition(numbers[rows], self._most - 1)[self._most - 1])
        rows = self._lowest(rows, numbers[rows])
        self._numbers, self._bodies = [numbers[rows]], [bodies[rows]]
        self._contents = [self._contents[row] for row in rows.tolist()]

    def _once(self, bodies: Keys) -> npt.NDArray[np.int64]:
        """Return the rows that are kept when of one body the earliest copy counts."""
        order = np.argsort(bodies, kind="stable")
        starts = np.flatnonzero(np.concatenate([np.ones(1, np.bool_), np.diff(bodies[order]) != 0])[: len(order)])
        sizes = np.diff(starts, append=len(order))
        kept = order[starts]
        for place in np.flatnonzero(sizes > 1).tolist():
            kept[place] = self._earliest(order[starts[place] : starts[place] + sizes[place]].tolist())
        return kept

    def _earliest(self, rows: Sequence[int]) -> int:
        """Return the row of the copy that counts."""
        texts = [_text.decode(self._contents[row]) for row in rows]
        counts = reduce(lambda known, text: earlier(text, known), texts)
        return next(row for row, text in zip(rows, texts, strict=True) if text is counts)

    def _lowest(self, rows: npt.NDArray[np.int64], numbers: Keys) -> npt.NDArray[np.int64]:
        """Return the rows of the lowest numbers; of those that share the last one as many as there is room for."""
        last = np.uint64(self.below)
        lower, level = rows[numbers < last], rows[numbers == last]
        room = max(self._most - len(lower), 0)
        if len(level) > room:
            by_body = sorted(level.tolist(), key=lambda row: _text.decode(self._contents[row]).body)
            level = np.asarray(by_body[:room], dtype=np.int64)
        return np.concatenate([lower, level])
