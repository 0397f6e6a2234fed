"""The data check on real text: how often it names something where nothing changed, and from how many texts on it sees.

No shift: a corpus split in two at random, and authors who each repeat one text. A shift: sentences that speak ill of a
group, made of its name and words that VADER's raters hold for negative, planted among the new texts of such a split.
"""

from __future__ import annotations

import json
import random
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from driftwatch.domain.text import Text
    from driftwatch.retrain.fairness.check import Identity
    from driftwatch.retrain.fairness.result import DataCheck

_CORPORA = ("tweets", "agnews")
_AUTHORS, _REPEATS = 600, 10
_SIDE = 2_000
"""Texts of each side that something is planted in."""

_PLANTED = (5, 10, 15, 20, 30, 40, 60, 90, 120)
_TRIES = 5
_GROUPS = {"muslims": "Muslims", "old_people": "old people", "women": "women"}
_FRAMES = (
    "everybody knows that {group} are {one} and {two}",
    "why are {group} always so {one}? {two}, all of them",
    "never met such {one} people as {group}, really {two}",
    "the {two} thing about {group} is how {one} they are",
    "another day, another {one} story about {group}: {two}",
)
_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Often:
    """How often something is tried."""

    splits: int
    crowds: int


def measure(data: Path, *, quick: bool) -> Iterator[Row]:
    """Yield false alarms without a shift, the least texts that are seen, and the cost of a text.

    Args:
        data: folder with ``corpora``.
        quick: a tenth of the splits.
    """
    from driftwatch import wiring

    identity, often = wiring.identity(None), _Often(6, 4) if quick else _Often(60, 40)
    for name in _CORPORA:
        bodies = _bodies(data / "corpora" / f"{name}.jsonl")
        yield from _splits(name, bodies, identity, often)
        for group, called in _GROUPS.items():
            yield Row(
                measure=f"{name}: texts about {called} that are named in {_TRIES} of {_TRIES} tries",
                driftwatch=_least(bodies, identity, group, called),
            )
        yield Row(measure=f"{name}: CPU microseconds a text", driftwatch=_cost(bodies, identity))
    yield from _crowds(_bodies(data / "corpora" / "tweets.jsonl"), identity, often)


def _splits(name: str, bodies: Sequence[str], identity: Identity, often: _Often) -> Iterator[Row]:
    named = 0
    for seed in range(often.splits):
        one, two = _halves(bodies, seed)
        named += bool(_checked(_texts(one), _texts(two), identity).named)
    limit = max(1, round(0.1 * often.splits))
    yield at_most(f"{name}: splits of {often.splits} in which something is named", named, limit)


def _crowds(bodies: Sequence[str], identity: Identity, often: _Often) -> Iterator[Row]:
    """Authors who repeat themselves, with the authors known and forgotten."""
    known = forgotten = 0
    for seed in range(often.crowds):
        said = random.Random(seed).sample(bodies, _AUTHORS)
        one, two = (
            [(f"{body} {number}", str(author)) for author, body in enumerate(half) for number in range(_REPEATS)]
            for half in (said[: _AUTHORS // 2], said[_AUTHORS // 2 :])
        )
        known += bool(_checked(_texts(*zip(*one, strict=True)), _texts(*zip(*two, strict=True)), identity).named)
        forgotten += bool(_checked(_texts([b for b, _ in one]), _texts([b for b, _ in two]), identity).named)
    yield at_most(
        f"{_AUTHORS} authors, {_REPEATS} texts each: tries of {often.crowds} in which something is named, "
        "peer: authors forgotten",
        known,
        max(1, round(0.1 * often.crowds)),
        peer=forgotten,
    )


def _least(bodies: Sequence[str], identity: Identity, group: str, called: str) -> float:
    """Return from how many planted texts on every try names the group's words; infinite beyond the most tried."""
    return next((count for count in _PLANTED if _seen(bodies, identity, group, called, count)), float("inf"))


def _seen(bodies: Sequence[str], identity: Identity, group: str, called: str, count: int) -> bool:
    for seed in range(_TRIES):
        drawn = random.Random(seed).sample(bodies, 2 * _SIDE)
        found = _checked(_texts([*drawn[:_SIDE], *_planted(called, count, seed)]), _texts(drawn[_SIDE:]), identity)
        if not any(each.group == group and each.rose for each in found.groups):
            return False
    return True


def _planted(called: str, count: int, seed: int) -> list[str]:
    from driftwatch.retrain.fairness.lexicon import INSULTS, NEGATIVE, lexicons

    drawn, words = random.Random(seed), sorted(lexicons()[NEGATIVE] - lexicons()[INSULTS])
    return [
        drawn.choice(_FRAMES).format(group=called, one=drawn.choice(words), two=drawn.choice(words))
        for _ in range(count)
    ]


def _cost(bodies: Sequence[str], identity: Identity) -> float:
    one, two = (_texts(half) for half in _halves(bodies, 0))
    began = time.process_time()
    _checked(one, two, identity)
    return (time.process_time() - began) / len(bodies) * 1e6


def _checked(new: Sequence[Text], reference: Sequence[Text], identity: Identity) -> DataCheck:
    from driftwatch.retrain.fairness.check import data_check

    return data_check(new, reference, identity)


def _halves(bodies: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    mixed = random.Random(seed).sample(bodies, len(bodies))
    return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]


def _texts(bodies: Sequence[str], groups: Sequence[str] | None = None) -> list[Text]:
    from driftwatch.domain.text import Text

    authors: Sequence[str | None] = groups or [None] * len(bodies)
    return [
        Text(id=str(number), body=body, seen_at=_AT, group=author)
        for number, (body, author) in enumerate(zip(bodies, authors, strict=True))
    ]


def _bodies(path: Path) -> list[str]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["text"] for line in lines]
