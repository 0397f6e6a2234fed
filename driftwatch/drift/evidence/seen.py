"""Which texts were seen lately: copies are no new evidence, and no miss either."""

from __future__ import annotations

import hashlib
from collections import deque
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.recent import REMEMBERED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from driftwatch.domain.drift import Window

Keys = npt.NDArray[np.uint64]
_HASHED: WeakKeyDictionary[Window, Keys] = WeakKeyDictionary()
_hash = partial(hashlib.blake2b, digest_size=8)


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

    def add_all(self, keys: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Remember keys as ``add`` does one after the other; returns which are new, bool [n]."""
        together = set(keys)
        if len(together) < len(keys) or not self._held.isdisjoint(together):
            return np.fromiter(map(self.add, keys), dtype=bool, count=len(keys))
        # Where all are new, as they mostly are, it costs a fifth to take them in together.
        most = self._order.maxlen or 0
        forgotten = list(islice(chain(self._order, keys), max(len(self._order) + len(keys) - most, 0)))
        self._order.extend(keys)
        self._held |= together
        self._held.difference_update(forgotten)
        return np.ones(len(keys), dtype=bool)

    def __contains__(self, key: int) -> bool:
        return key in self._held

    def __len__(self) -> int:
        return len(self._order)

    def keys(self) -> npt.NDArray[np.uint64]:
        """Return the keys, oldest first, uint64 [n]."""
        return np.fromiter(self._order, dtype=np.uint64, count=len(self._order))


def keys(contents: Iterable[str]) -> npt.NDArray[np.uint64]:
    """Return 64 bits of each content's hash, the same in every process, uint64 [n]."""
    digests = [_hash(each.encode("utf-8", "surrogatepass")).digest() for each in contents]
    return np.frombuffer(b"".join(digests), dtype=">u8").astype(np.uint64)


def keys_of(window: Window) -> Keys:
    """Return the keys of a window's bodies, uint64 [n], hashed once for all who ask as long as it lives."""
    found = _HASHED.get(window)
    if found is None:
        found = _HASHED[window] = keys([text.body for text in window.texts])
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
