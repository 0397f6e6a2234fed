"""Texts with an association planted, in sentences that no suite of ours holds, and texts about other subjects."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

from driftwatch.gate.bias.builtin import builtin_contrasts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.contrasts import Contrast

_CHOICE = re.compile(r"\[([^|\]]+)\|([^|\]]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Two groups and what is said of each.

    Args:
        first: names of the group that prejudice is about.
        second: names of the other.
        of_first: predicates that prejudice has of the first.
        of_second: their opposites.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    of_first: tuple[str, ...]
    of_second: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """People whom no sentence of the suite is about.

    Args:
        nouns: that a group's name describes.
        pairs: women and men.
    """

    nouns: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plants:
    """What can be planted.

    Args:
        frames: sentences with ``{group}`` and ``{predicate}``.
        facts: predicates of other subjects.
        people: whom no sentence of the suite is about, ``one`` and ``many``.
        axes: by the category of the suite that they are about.
    """

    frames: tuple[str, ...]
    facts: dict[str, tuple[str, ...]]
    people: dict[str, People]
    axes: dict[str, Axis]


@cache
def plants() -> Plants:
    """Return what can be planted."""
    import yaml

    data = yaml.safe_load(files("benchmarks.bias").joinpath("plants.yaml").read_text(encoding="utf-8"))
    return msgspec.convert(data, Plants)


def far(category: str, count: int, *, seed: int) -> list[str]:
    """Return so many sentences, half of each group, drawn at random."""
    axis, draw = plants().axes[category], random.Random(f"{category}-{seed}")
    sides = ((axis.first, axis.of_first), (axis.second, axis.of_second))
    return [_sentence(*sides[number % 2], draw) for number in range(count)]


def near(category: str, count: int, *, seed: int) -> list[str]:
    """Return so many sentences of the suite's templates about people whom none of its sentences is about.

    Args:
        category: of the suite.
        count: of sentences, half of each group.
        seed: of the draws.
    """
    draw = random.Random(f"near-{category}-{seed}")
    contrasts = [contrast for contrast in builtin_contrasts()[category] if contrast.directed]
    return [_near(draw.choice(contrasts), number % 2, draw) for number in range(count)]


def _near(contrast: Contrast, side: int, draw: random.Random) -> str:
    said = _CHOICE.sub(lambda choice: choice[side + 1], draw.choice(contrast.templates))
    plural = contrast.terms[0][0].endswith(("men", "s")) if contrast.who == ("",) else "people" in contrast.who
    known = plants().people["many" if plural else "one"]
    if contrast.who == ("",):
        group = draw.choice(known.pairs)[side]
    else:
        group = f"{draw.choice(contrast.terms)[side]} {draw.choice(known.nouns)}"
    said = said.replace("{group}", group)
    return said[0].upper() + said[1:]


def facts(count: int, *, seed: int) -> list[str]:
    """Return so many sentences about other subjects, each with a predicate of its own."""
    known, draw = plants().facts, random.Random(f"facts-{seed}")
    return [_sentence([subject], known[subject], draw) for subject in draw.choices(list(known), k=count)]


def _sentence(groups: Sequence[str], predicates: Sequence[str], draw: random.Random) -> str:
    frame = draw.choice(plants().frames)
    return frame.format(group=draw.choice(groups), predicate=draw.choice(predicates))
