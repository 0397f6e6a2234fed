"""Which identity groups a text mentions, and how many words of each lexicon stand near: one look at each word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

NEAR = 10
"""Words before and behind a group's name that count as near."""

_WORD = re.compile(r"[^\W_]+(?:['’](?!s\b)[^\W_]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """An identity group.

    Args:
        category: such as ``religion``.
        name: such as ``muslims``.
    """

    category: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A group's name in a text.

    Args:
        group: place in the finder's groups.
        start: place of its first word.
        stop: place behind its last word.
    """

    group: int
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """Words near one group's names in one text.

    Args:
        group: place in the finder's groups.
        words: the words, in order, the names' own left out.
        hits: of those, how many each lexicon holds.
    """

    group: int
    words: tuple[str, ...]
    hits: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one text says.

    Args:
        words: all of its words, lower case.
        hits: of those, how many each lexicon holds; words of groups' names are in none.
        near: for each group that it mentions.
    """

    words: Sequence[str]
    hits: tuple[int, ...]
    near: tuple[Near, ...]


class Finder:
    """Finds groups' names, whole words or phrases whatever their case, and the lexicons' words near them.

    Args:
        groups: category, group, its names.
        lexicons: words of each, lower case.
    """

    def __init__(self, groups: Mapping[str, Mapping[str, Sequence[str]]], lexicons: Sequence[Collection[str]]) -> None:
        self.groups = tuple(Group(category=each, name=name) for each, names in groups.items() for name in names)
        self._phrases: dict[str, list[tuple[tuple[str, ...], int]]] = {}
        self._terms = terms = [terms for names in groups.values() for terms in names.values()]
        for place, names in enumerate(terms):
            for term in names:
                words = tuple(words_of(term))
                if words:
                    self._phrases.setdefault(words[0], []).append((words, place))
        self._names = frozenset(words[0] for each in self._phrases.values() for words, _ in each if len(words) == 1)
        self._bits: dict[str, int] = {}
        for bit, lexicon in enumerate(lexicons):
            for word in lexicon:
                if word not in self._names:
                    self._bits[word] = self._bits.get(word, 0) | 1 << bit
        self._lexicons = range(len(lexicons))

    def read(self, body: str) -> Reading:
        """Look at every word of a body."""
        words = words_of(body)
        bits = [self._bits.get(word, 0) for word in words]
        named = self.named(words)
        for each in named:
            bits[each.start : each.stop] = [0] * (each.stop - each.start)
        return Reading(words=words, hits=self._hits(bits), near=tuple(self._near(words, bits, named)))

    def names(self, group: int) -> Sequence[str]:
        """Return a group's names."""
        return self._terms[group]

    def named(self, words: Sequence[str]) -> list[Named]:
        """Return the groups' names among the words, in order."""
        found = []
        for start, word in enumerate(words):
            for phrase, group in self._phrases.get(word, ()):
                stop = start + len(phrase)
                if len(phrase) == 1 or tuple(words[start:stop]) == phrase:
                    found.append(Named(group=group, start=start, stop=stop))
        return found

    def _near(self, words: Sequence[str], bits: Sequence[int], named: Sequence[Named]) -> list[Near]:
        found = []
        for group in dict.fromkeys(each.group for each in named):
            own = [each for each in named if each.group == group]
            places = {place for each in own for place in range(max(each.start - NEAR, 0), each.stop + NEAR)}
            places -= {place for each in own for place in range(each.start, each.stop)}
            there = sorted(place for place in places if place < len(words))
            hits = self._hits([bits[place] for place in there])
            found.append(Near(group=group, words=tuple(words[place] for place in there), hits=hits))
        return found

    def _hits(self, bits: Sequence[int]) -> tuple[int, ...]:
        some = [each for each in bits if each]
        return tuple(sum(each >> bit & 1 for each in some) for bit in self._lexicons)


def words_of(body: str) -> list[str]:
    """Return the words of a body, lower case, in order; a hyphen or an owner's s parts words.

    Examples:
        >>> words_of("The Afro-American's don't, O’Neil!")
        ['the', 'afro', 'american', 's', "don't", 'o’neil']
    """
    return _WORD.findall(body.casefold())
