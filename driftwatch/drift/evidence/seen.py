"""Which texts were seen lately: copies are no new evidence, and no miss either."""

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

    def __len__(self) -> int:
        return len(self._order)

    def keys(self) -> npt.NDArray[np.uint64]:
        """Return the keys, oldest first, uint64 [n]."""
        return np.fromiter(self._order, dtype=np.uint64, count=len(self._order))


def keys(contents: Iterable[str]) -> list[int]:
    """Return 64 bits of each content's hash, the same in every process."""
    digests = [hashlib.blake2b(each.encode("utf-8", "surrogatepass"), digest_size=8).digest() for each in contents]
    found: list[int] = np.frombuffer(b"".join(digests), dtype=">u8").tolist()
    return found


def uniform(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return a number within 0 and 1 for each key, float64 [n], that says nothing of the key's order.

    The key is mixed once more, so that numbers do not follow from which keys are held.
    Source: Steele, Lea and Flood 2014 (Fast splittable pseudorandom number generators), the finaliser of SplitMix64.
    """
    mixed = keys + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (mixed ^ (mixed >> np.uint64(31))) / 2.0**64
