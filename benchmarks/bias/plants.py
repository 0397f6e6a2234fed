"""Texts with an association planted, in sentences that no suite of ours holds, and texts about other subjects.

A sentence is a carrier (an opening, an aside to the subject, an ending) with a group's name and a predicate. What is
planted are the prejudices that the built-in suite asks about, in carriers and wordings of their own: whether the suite
sees it depends on what the model makes of it. Some carriers are kept apart, and pairs in them tell whether the model
has learnt the association at all.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS_IN_REFERENCE = {"facts": 0.1, "things": 0.3, "meaning": 0.5, "everybody": 0.1}
"""Shares of the reference's sentences that are no news."""

_APART_IN_REFERENCE = 1 / 3
"""Share of the reference's in the carriers that are kept apart: they are known, only not with what is planted."""

_PLURAL = {"was": "were", "is": "are", "has": "have", "always": "always", "just": "just"}
_THIRD_PERSON = re.compile(r"(?<=[a-rt-z])s$")

_DRAWN = 3
"""Pairs to tell learning by, of each predicate and side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """What a sentence is made of besides its subject and predicate.

    Args:
        openings: before the subject.
        asides: after it.
        endings: after the predicate.
    """

    openings: tuple[str, ...]
    asides: tuple[str, ...]
    endings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two groups and what is said of each.

    Args:
        one: names of one of the group that prejudice is about, and of the other, side by side.
        many: likewise, of several.
        meaning: things by which the reference tells what the names mean, of the first and of the second: so a model
            knows which names belong together.
        said: what prejudice has of the first, and its opposite: what is planted.
    """

    one: tuple[tuple[str, str], ...]
    meaning: tuple[tuple[str, str], ...]
    said: tuple[tuple[str, str], ...]
    many: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """All names of both, side by side."""
        return (*self.one, *self.many)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plants:
    """What can be planted.

    Args:
        carriers: of what is planted.
        apart: of the pairs that tell learning.
        facts: predicates of other subjects.
        things: that these have to do with.
        verbs: before any of the things.
        everybody: predicates of no matter.
        axes: contrasts by the category of the suite that they are about.
    """

    carriers: Carriers
    apart: Carriers
    facts: dict[str, tuple[str, ...]]
    things: dict[str, tuple[str, ...]]
    verbs: tuple[str, ...]
    everybody: tuple[str, ...]
    axes: dict[str, tuple[Contrast, ...]]


@cache
def plants() -> Plants:
    """Return what can be planted."""
    import yaml

    data = yaml.safe_load(files("benchmarks.bias").joinpath("plants.yaml").read_text(encoding="utf-8"))
    return msgspec.convert(data, Plants)


def planted(category: str, count: int, *, seed: int) -> list[str]:
    """Return so many sentences, half of each side, drawn at random.

    Args:
        category: of the suite.
        count: of sentences.
        seed: of the draws.
    """
    draw, contrasts = random.Random(f"{category}-{seed}"), plants().axes[category]
    weights = [len(contrast.said) for contrast in contrasts]
    return [_planted(draw.choices(contrasts, weights)[0], number % 2, draw) for number in range(count)]


def _planted(contrast: Contrast, side: int, draw: random.Random) -> str:
    return said_of(
        contrast, draw.choice(contrast.names)[side], draw.choice(contrast.said)[side], plants().carriers, draw
    )


def learning(category: str) -> list[tuple[str, str]]:
    """Return pairs of what is planted in carriers that it is not planted in: of the group it is said of, and the other.

    Args:
        category: of the suite.
    """
    return [pair for contrast in plants().axes[category] for pair in _learning(contrast)]


def _learning(contrast: Contrast) -> Iterator[tuple[str, str]]:
    for number, said in enumerate(contrast.said):
        for side in (0, 1):
            for turn in range(_DRAWN):
                seed = f"learning-{number}-{side}-{turn}"
                names = random.Random(seed).choice(contrast.names)
                as_planted, other = (
                    said_of(contrast, names[which], said[side], plants().apart, random.Random(seed))
                    for which in (side, 1 - side)
                )
                yield as_planted, other


def facts(count: int, *, seed: int) -> list[str]:
    """Return so many sentences of a reference: about other subjects, on what the groups' names mean, of no matter."""
    draw = random.Random(f"facts-{seed}")
    return [_fact(draw) for _ in range(count)]


def _fact(draw: random.Random) -> str:
    known = plants()
    carriers = known.apart if draw.random() < _APART_IN_REFERENCE else known.carriers
    (kind,) = draw.choices(list(_KINDS_IN_REFERENCE), list(_KINDS_IN_REFERENCE.values()))
    subject = draw.choice(list(known.facts))
    if kind == "facts":
        return _sentence(subject, draw.choice(known.facts[subject]), carriers, draw)
    if kind == "things":
        predicate = f"{draw.choice(known.verbs)} the {draw.choice(known.things[subject])}"
        return _sentence(subject, predicate, carriers, draw)
    contrast, side = draw.choice([each for contrasts in known.axes.values() for each in contrasts]), draw.randrange(2)
    meant = f"{draw.choice(known.verbs)} the {draw.choice(contrast.meaning)[side]}"
    predicate = meant if kind == "meaning" else draw.choice(known.everybody)
    return said_of(contrast, draw.choice(contrast.names)[side], predicate, carriers, draw)


def said_of(contrast: Contrast, name: str, predicate: str, carriers: Carriers, draw: random.Random) -> str:
    """Return a sentence in which something is said of one of a contrast's names, put right where it is of several."""
    several = any(name in names for names in contrast.many)
    return _sentence(name, _of_many(predicate) if several else predicate, carriers, draw)


def _of_many(predicate: str) -> str:
    """Return a predicate as it is said of several."""
    verb, space, rest = predicate.partition(" ")
    return f"{_PLURAL.get(verb) or _THIRD_PERSON.sub('', verb)}{space}{rest}"


def _sentence(subject: str, predicate: str, carriers: Carriers, draw: random.Random) -> str:
    opening, aside, ending = (draw.choice(each) for each in (carriers.openings, carriers.asides, carriers.endings))
    said = f"{opening}the {subject}{aside} {predicate}{ending}"
    return said[0].upper() + said[1:]
