"""Counterfactual copies: the same text about another group, so that what is said is said of both.

Names are swapped in pairs of one part of speech and number, he and she along with women and men, a and an with what
follows; case is kept. First names and what a sentence implies are not: a copy is a sentence, not always a likely one.

Source: Lu et al. 2020, Gender bias in neural natural language processing (counterfactual data augmentation); Zhao et
al. 2018, Gender bias in coreference resolution.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterparts:
    """Names of two groups side by side.

    Args:
        groups: names of both.
        pairs: names of the first group and of the second, case as in the middle of a sentence.
        words: two more that stand before each noun of ``nouns``.
        nouns: such as ``people``; ``with`` in the file.
        pronouns: whether he and she are swapped with them.
    """

    groups: tuple[str, str]
    pairs: tuple[tuple[str, str], ...]
    words: tuple[str, str] | None = None
    nouns: tuple[str, ...] = ()
    pronouns: bool = False

    def names(self) -> tuple[tuple[str, str], ...]:
        """Return every pair of names."""
        if self.words is None:
            return self.pairs
        first, second = self.words
        return (*self.pairs, *((f"{first} {noun}", f"{second} {noun}") for noun in self.nouns))


class _Entry(msgspec.Struct, rename={"nouns": "with"}):
    groups: tuple[str, str]
    pairs: tuple[tuple[str, str], ...]
    words: tuple[str, str] | None = None
    nouns: tuple[str, ...] = ()
    pronouns: bool = False


@cache
def counterparts() -> tuple[Counterparts, ...]:
    """Return the built-in pairs of groups, in the order in which they are looked through."""
    import yaml

    text = files("driftwatch.retrain.fairness").joinpath("counterparts.yaml").read_text(encoding="utf-8")
    read = msgspec.convert(yaml.safe_load(text), tuple[_Entry, ...])
    return tuple(Counterparts(**msgspec.structs.asdict(each)) for each in read)


_SHE = {"she": "he", "he": "she", "hers": "his", "herself": "himself", "himself": "herself", "him": "her"}
# fmt: off
_FUNCTION = frozenset(
    (
        "a", "an", "and", "as", "at", "because", "but", "by", "for", "from", "if", "in", "into", "is", "it", "of",
        "off", "on", "or", "out", "she", "so", "than", "that", "the", "then", "they", "this", "to", "up", "was",
        "were", "when", "who", "will", "with", "you", "i", "he", "we", "again", "all", "also", "back", "down", "home",
        "not", "now", "there", "too", "today",
    )
)
"""Words behind which no noun is meant by ``her``: "tell her that", but "her house"."""
# fmt: on

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_AN = re.compile(r"[aeiou]", re.IGNORECASE)
_LIKE_YOU = re.compile(r"eu|uni(?!n)|one\b|use", re.IGNORECASE)


class Swap:
    """Turns texts about one group into texts about its counterpart, and the other way round where both are in one.

    Args:
        group: whose names are swapped.
        names: all of its names, and all of its counterpart's, lower case: one that has no pair cannot be swapped.
        pairs: of both groups.
    """

    def __init__(self, group: str, names: Sequence[str], pairs: Counterparts) -> None:
        forward = group == pairs.groups[0]
        there: dict[str, tuple[str, str]] = {}
        for first, second in pairs.names():
            source, target = (first, second) if forward else (second, first)
            there.setdefault(_key(source), (source, target))
        for first, second in pairs.names():
            source, target = (second, first) if forward else (first, second)
            there.setdefault(_key(source), (source, target))
        self._there = there
        self._pronouns = pairs.pronouns
        every = sorted({*there, *map(_key, names), *(_PRONOUNS if pairs.pronouns else ())}, key=lambda each: -len(each))
        self._names = re.compile(
            r"(?:\b(?P<article>an?)(?P<space>\s+))?\b(?P<name>" + "|".join(map(_pattern, every)) + r")\b", re.IGNORECASE
        )

    def mentions(self, body: str) -> bool:
        """Whether anything in a text would be swapped."""
        return self._names.search(body) is not None

    def copy(self, body: str) -> str | None:
        """Return the text about the other group; None where a name in it has no counterpart."""
        parts, end = [], 0
        for found in self._names.finditer(body):
            name = self._other(found, body)
            if name is None:
                return None
            parts += [body[end : found.start()], _article(found, name), name]
            end = found.end()
        return "".join([*parts, body[end:]]) if parts else None

    def _other(self, found: re.Match[str], body: str) -> str | None:
        """Return what stands in the name's place."""
        said = found["name"]
        if self._pronouns and said.casefold() in _PRONOUNS:
            return _cased(said, said.casefold(), _pronoun(said.casefold(), body[found.end() :]))
        pair = self._there.get(_key(said))
        return _cased(said, *pair) if pair is not None else None


def swap_for(group: str, names: Mapping[str, Sequence[str]]) -> Swap | None:
    """Return the swap of a group with the first counterpart known; None without one.

    Args:
        group: such as ``muslims``.
        names: of every group.
    """
    pairs = next((each for each in counterparts() if group in each.groups), None)
    if pairs is None:
        return None
    return Swap(group, [name for each in pairs.groups for name in names.get(each, ())], pairs)


_PRONOUNS = frozenset({*_SHE, "her", "his"})


def _pronoun(said: str, behind: str) -> str:
    """Return the other pronoun; what follows tells whose from whom."""
    if said in _SHE:
        return _SHE[said]
    follows = _WORD.match(behind.lstrip(" \t"))
    owns = follows is not None and follows[0].casefold() not in _FUNCTION
    if said == "her":
        return "his" if owns else "him"
    return "her" if owns else "hers"


def _key(name: str) -> str:
    return " ".join(name.casefold().replace("-", " ").split())


def _pattern(key: str) -> str:
    return r"[\s-]+".join(map(re.escape, key.split()))


def _cased(said: str, usual: str, other: str) -> str:
    """Return the other name in the case in which this one was said."""
    if said.isupper() and len(said) > 1:
        return other.upper()
    if said.islower() and not usual.islower():
        return other.lower()
    if said[0].isupper() and usual[0].islower():
        return other[0].upper() + other[1:]
    return other


def _article(found: re.Match[str], name: str) -> str:
    """Return the article before a name with the space behind it, a or an as the name has it; empty without one."""
    article = found["article"]
    if article is None:
        return ""
    vowel = _AN.match(name) is not None and _LIKE_YOU.match(name) is None
    fitting = "an" if vowel else "a"
    return (fitting.capitalize() if article[0].isupper() else fitting) + found["space"]
