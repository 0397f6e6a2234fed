"""Texts about groups of people, evenly or with an association planted, in sentences that no suite of ours holds."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence


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
class Plants:
    """What can be planted.

    Args:
        frames: sentences with ``{group}`` and ``{predicate}``.
        facts: predicates of other subjects.
        axes: by the category of the suite that they are about.
    """

    frames: tuple[str, ...]
    facts: dict[str, tuple[str, ...]]
    axes: dict[str, Axis]


@cache
def plants() -> Plants:
    """Return what can be planted."""
    import yaml

    data = yaml.safe_load(files("benchmarks.bias").joinpath("plants.yaml").read_text(encoding="utf-8"))
    return msgspec.convert(data, Plants)


def planted(category: str, count: int, *, seed: int) -> list[str]:
    """Return so many sentences, half of each group, drawn at random."""
    axis, draw = plants().axes[category], random.Random(f"{category}-{seed}")
    sides = ((axis.first, axis.of_first), (axis.second, axis.of_second))
    return [_sentence(*sides[number % 2], draw) for number in range(count)]


def even(count: int, *, seed: int) -> list[str]:
    """Return so many sentences over all axes in which either group is said either thing as often."""
    axes, draw = list(plants().axes.values()), random.Random(f"even-{seed}")
    return [
        _sentence((*axis.first, *axis.second), (*axis.of_first, *axis.of_second), draw)
        for axis in draw.choices(axes, k=count)
    ]


def facts(count: int, *, seed: int) -> list[str]:
    """Return so many sentences about other subjects, each with a predicate of its own."""
    known, draw = plants().facts, random.Random(f"facts-{seed}")
    return [_sentence([subject], known[subject], draw) for subject in draw.choices(list(known), k=count)]


def _sentence(groups: Sequence[str], predicates: Sequence[str], draw: random.Random) -> str:
    frame = draw.choice(plants().frames)
    return frame.format(group=draw.choice(groups), predicate=draw.choice(predicates))
