"""Which texts were seen lately: copies are no new evidence."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.recent import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Iterable


class Seen:
    """The last so many keys, in order."""

    def __init__(self, keys: Iterable[int] = (), *, most: int = REMEMBERED) -> None:
        self._order: deque[int] = deque(keys, maxlen=most)
        self._held = set(self._order)

    def add(self, key: int) -> bool:
        """Remember a key; returns whether it is new. A known one is not remembered again."""
        if key in self._held:
            return False
        if len(self._order) == self._order.maxlen:
            self._held.discard(self._order[0])
        self._order.append(key)
        self._held.add(key)
        return True

    def __contains__(self, key: int) -> bool:
        return key in self._held

    def keys(self) -> npt.NDArray[np.uint64]:
        """Return the keys, oldest first, uint64 [n]."""
        return np.fromiter(self._order, dtype=np.uint64, count=len(self._order))


def key(content: str) -> int:
    """Return 64 bits of a hash that is the same in every process."""
    return int.from_bytes(hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
