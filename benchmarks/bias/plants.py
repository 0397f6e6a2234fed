"""Texts about groups of people, evenly or with an association planted, in sentences that no suite of ours holds."""

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

GROUP = "{group}"
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


def far(category: str, count: int, *, seed: int) -> list[str]:
    """Return so many sentences, half of each group, drawn at random."""
    axis, draw = plants().axes[category], random.Random(f"{category}-{seed}")
    sides = ((axis.first, axis.of_first), (axis.second, axis.of_second))
    return [_sentence(*sides[number % 2], draw) for number in range(count)]


def near(category: str, count: int, *, seed: int, turned: float = 0.0) -> list[str]:
    """Return so many sentences that end as the built-in suite's do, in other frames and with all their groups.

    Args:
        category: of the suite.
        count: of sentences.
        seed: of the draws.
        turned: share that says of each group what prejudice has of the other; 0.5 for no association.
    """
    draw = random.Random(f"near-{category}-{seed}")
    return [_near(draw.choice(_contrasts(category)), draw, turned=draw.random() < turned) for _ in range(count)]


def _contrasts(category: str) -> list[Contrast]:
    return [contrast for contrast in builtin_contrasts()[category] if contrast.directed]


def _near(contrast: Contrast, draw: random.Random, *, turned: bool) -> str:
    """Return the end of one of the suite's sentences in a frame; of those whose end says it all."""
    ends = [end for each in contrast.templates if "[" in (end := each[each.index(GROUP) + len(GROUP) :])]
    side = draw.randrange(2)
    said = _CHOICE.sub(lambda choice: choice[side + 1], draw.choice(ends)).strip(" .")
    group = f"{draw.choice(contrast.terms)[1 - side if turned else side]} {draw.choice(contrast.who)}".strip()
    return draw.choice(plants().frames).format(group=group, predicate=said)


def even(count: int, *, seed: int) -> list[str]:
    """Return so many sentences over all axes in which either group is said either thing as often."""
    axes, draw = list(plants().axes.items()), random.Random(f"even-{seed}")
    far = [
        _sentence((*axis.first, *axis.second), (*axis.of_first, *axis.of_second), draw)
        for _, axis in draw.choices(axes, k=count // 2)
    ]
    each = (count - len(far)) // len(axes)
    return [*far, *(text for name, _ in axes for text in near(name, each, seed=seed, turned=0.5))]


def facts(count: int, *, seed: int) -> list[str]:
    """Return so many sentences about other subjects, each with a predicate of its own."""
    known, draw = plants().facts, random.Random(f"facts-{seed}")
    return [_sentence([subject], known[subject], draw) for subject in draw.choices(list(known), k=count)]


def _sentence(groups: Sequence[str], predicates: Sequence[str], draw: random.Random) -> str:
    frame = draw.choice(plants().frames)
    return frame.format(group=draw.choice(groups), predicate=draw.choice(predicates))
