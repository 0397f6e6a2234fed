"""Counts of one side, the new texts or the reference's, in one pass: a few numbers a text, whatever its length."""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.hashing import hashed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.text import Text
    from driftwatch.retrain.fairness.mentions import Finder, Near

WHOLE = -1
"""In the column of groups: a row about the whole text."""

_MOST_WORDS, _MOST_CARRIERS = 100_000, 3
_LARGEST = np.iinfo(np.uint16).max


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """One row for each text, and one for each group that a text mentions.

    Args:
        author: uint64 [n], hash of the text's group, or of its body where it has none: copies are of one author.
        group: int16 [n], place of the identity group; ``WHOLE`` for a whole text's row.
        words: int64 [n], words of the text, or near the group's names.
        hits: int64 [n, lexicons], of those, words of each lexicon.
    """

    author: npt.NDArray[np.uint64]
    group: npt.NDArray[np.int16]
    words: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int64]

    def of(self, group: int) -> Rows:
        """Return the rows about one group."""
        here = self.group == group
        return Rows(self.author[here], self.group[here], self.words[here], self.hits[here])


@dataclass(frozen=True, slots=True, order=True)
class Carrier:
    """A text that mentions a group, ordered by how many words of lexicons stand near its name."""

    hits: int
    turn: int
    author: int
    body: str


class Tally:
    """Counts texts, one after another.

    Args:
        finder: of groups and lexicons' words.
        carriers: whether to keep, for each group, the few texts with most words of lexicons near its names.
    """

    def __init__(self, finder: Finder, *, carriers: bool = False) -> None:
        self.finder = finder
        self.words: Counter[str] = Counter()
        """In how many texts each word is."""
        self.near: list[Counter[str]] = [Counter() for _ in finder.groups]
        """In how many authors' first text about the group each word stands near its names."""
        self.firsts = [0] * len(finder.groups)
        self._keep = carriers
        self._carriers: list[list[Carrier]] = [[] for _ in finder.groups]
        self._seen: set[tuple[int, int]] = set()
        self._author, self._group, self._counts = array("Q"), array("h"), array("H")
        self.texts = 0

    def read(self, texts: Iterable[Text]) -> Tally:
        """Count texts."""
        for text in texts:
            self.add(text)
        return self

    def add(self, text: Text) -> None:
        """Count a text; the words of a chat are those of its body."""
        reading = self.finder.read(text.body)
        self.texts += 1
        author = hashed(text.body) & ~1 if text.group is None else hashed(f"group {text.group}") | 1
        self._row(author, WHOLE, len(reading.words), reading.hits)
        _count(self.words, set(reading.words))
        for near in reading.near:
            self._row(author, near.group, len(near.words), near.hits)
            self._mention(author, near, text)

    def _mention(self, author: int, near: Near, text: Text) -> None:
        if self._keep:
            self._offer(near, author, text.body)
        if text.group is not None:
            if (author, near.group) in self._seen:
                return
            self._seen.add((author, near.group))
        self.firsts[near.group] += 1
        _count(self.near[near.group], set(near.words))

    def _offer(self, near: Near, author: int, body: str) -> None:
        """Keep the text where it is among the few with most hits; one of each author."""
        kept = self._carriers[near.group]
        offered = Carrier(hits=sum(near.hits), turn=-self.texts, author=author, body=body)
        same = next((place for place, each in enumerate(kept) if each.author == author), None)
        if same is not None:
            if offered > kept[same]:
                kept[same] = offered
                heapq.heapify(kept)
        elif len(kept) < _MOST_CARRIERS:
            heapq.heappush(kept, offered)
        else:
            heapq.heappushpop(kept, offered)

    def carriers(self, group: int) -> list[str]:
        """Return the bodies with most hits near the group's names, most first."""
        return [each.body for each in sorted(self._carriers[group], reverse=True)]

    def _row(self, author: int, group: int, words: int, hits: tuple[int, ...]) -> None:
        self._author.append(author)
        self._group.append(group)
        self._counts.extend(min(each, _LARGEST) for each in (words, *hits))

    def rows(self) -> Rows:
        """Return what was counted."""
        counts = np.frombuffer(self._counts, np.uint16) if self._counts else np.zeros(0, np.uint16)
        counts = counts.reshape(len(self._group), -1) if len(self._group) else np.zeros((0, 3), np.uint16)
        return Rows(
            author=np.array(self._author, np.uint64),
            group=np.array(self._group, np.int16),
            words=counts[:, 0].astype(np.int64),
            hits=counts[:, 1:].astype(np.int64),
        )


def _count(counter: Counter[str], words: set[str]) -> None:
    """Count words; where there are too many distinct ones, those met once are forgotten."""
    counter.update(words)
    if len(counter) > _MOST_WORDS:
        for word in [word for word, count in counter.items() if count == 1]:
            del counter[word]
