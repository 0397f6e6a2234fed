"""Phrases: runs of words that many fresh texts share although the reference hardly has them.

Texts of a campaign are worded differently around the words that matter. However they are wrapped and whatever groups
they come from, they share those words; natural texts of a new topic share few runs of five words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.hashing import mixed, word_runs, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.retrain.collect.hashing import Hashes

_DEPTH = 3
_WIDTH = 1 << 22
_MORE = 2.0
"""A phrase that the reference has may be this many times as frequent in the fresh texts before it counts as new."""


class PhraseCounts:
    """In how many texts each phrase is, never too low: a count-min sketch of 48 MB, however many phrases there are.

    Source: Cormode and Muthukrishnan 2005, An improved data stream summary.
    """

    def __init__(self) -> None:
        self._counts = np.zeros((_DEPTH, _WIDTH), np.uint32)
        self.texts = 0

    def add(self, bodies: Sequence[str], *, length: int) -> None:
        """Count the phrases of more texts, each once a text."""
        hashes, _ = word_runs(bodies, length)
        for row, places in enumerate(_places(hashes)):
            np.add.at(self._counts[row], places, 1)
        self.texts += len(bodies)

    def of(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        """Return in how many texts these phrases are at most, int64 [n]."""
        found = [self._counts[row][places] for row, places in enumerate(_places(hashes))]
        return np.asarray(np.min(found, axis=0), np.int64)


def _places(hashes: Hashes) -> list[npt.NDArray[np.int64]]:
    return [(mixed(hashes + np.uint64(row)) % np.uint64(_WIDTH)).astype(np.int64) for row in range(_DEPTH)]


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Texts with phrases that more texts have than a cluster may give.

    Args:
        texts: int64 [hits].
        phrases: uint64 [hits], hashes.
        allowed: int64 [hits], how many texts may have the phrase.
    """

    texts: npt.NDArray[np.int64]
    phrases: Hashes
    allowed: npt.NDArray[np.int64]


class PhraseSearch:
    """Finds the texts whose phrases are in too many.

    Args:
        fresh: counts of the fresh texts.
        known: counts of the reference.
        length: words of a phrase.
        cap: texts that may share a phrase that the reference does not have.
    """

    def __init__(self, fresh: PhraseCounts, known: PhraseCounts, *, length: int, cap: int) -> None:
        self._fresh = fresh
        self._known = known
        self._length = length
        self._cap = cap
        self._found: list[Hits] = []

    def read(self, texts: npt.NDArray[np.int64], bodies: Sequence[str]) -> None:
        """Look at more texts, given by their numbers."""
        hashes, places = word_runs(bodies, self._length)
        allowed = self._allowed(hashes)
        often = self._fresh.of(hashes) > allowed
        self._found.append(Hits(texts[places[often]], hashes[often], allowed[often]))

    def _allowed(self, hashes: Hashes) -> npt.NDArray[np.int64]:
        expected = _MORE * self._known.of(hashes) * self._fresh.texts / max(self._known.texts, 1)
        return np.maximum(expected, self._cap).astype(np.int64)

    def hits(self) -> Hits:
        """Return what was found, counted exactly: the sketch only ever says too much."""
        nothing = Hits(np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64))
        parts = [nothing, *self._found]
        texts = np.concatenate([part.texts for part in parts])
        phrases = np.concatenate([part.phrases for part in parts])
        allowed = np.concatenate([part.allowed for part in parts])
        _, which, counts = np.unique(phrases, return_inverse=True, return_counts=True)
        truly = counts[which] > allowed
        return Hits(texts[truly], phrases[truly], allowed[truly])


def phrase_in(body: str, wanted: set[int], *, length: int) -> str:
    """Return the words of the body that wanted phrases cover, from the first on without a gap; empty without one."""
    words = words_of(body)
    found = [
        place
        for place in range(len(words) - length + 1)
        if wanted.intersection(word_runs([" ".join(words[place : place + length])], length)[0].tolist())
    ]
    if not found:
        return ""
    end = found[0] + length
    for place in found:
        if place <= end:
            end = max(end, place + length)
    return " ".join(words[found[0] : end])
