"""Texts for collecting, and a collection that is loaded at once."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from corpus import DATA

from driftwatch.domain.text import Text
from driftwatch.retrain.dataset import collect, load_mix

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from driftwatch.domain.run import Recipe
    from driftwatch.retrain.collect.checks import Checks
    from driftwatch.retrain.collect.settings import CollectSettings
    from driftwatch.retrain.dataset import Mix

AT = datetime(2026, 1, 1, tzinfo=UTC)


def text(number: int, body: str, *, group: str | None = None, kind: str = "f") -> Text:
    """Return a text seen as many seconds after midnight as its number says."""
    return Text(id=f"{kind}{number}", body=body, seen_at=AT + timedelta(seconds=number), group=group)


def sentence(number: int) -> str:
    """Return eight made-up words that no other number gives, without a digit in them."""
    chance = random.Random(number)
    return " ".join("".join(chance.choices("bcdfglmnprstvaeiou", k=chance.randint(3, 8))) for _ in range(8))


def some(count: int, *, kind: str = "f", first: int = 0, group: str | None = None) -> list[Text]:
    """Return so many made-up texts; those of kind ``r`` are none of the others."""
    shift = 1_000_000 if kind == "r" else 0
    return [text(n, sentence(n + shift), kind=kind, group=group) for n in range(first, first + count)]


def real(name: str, count: int, *, kind: str = "f", skip: int = 0) -> list[Text]:
    """Return the texts of a corpus, or skip the test where it is missing."""
    file = DATA / "corpora" / f"{name}.jsonl"
    if not file.is_file():
        pytest.skip(f"no real text: {file} is missing")
    with file.open(encoding="utf-8") as lines:
        bodies = [json.loads(line)["text"] for line in lines][skip : skip + count]
    return [text(number, body, kind=kind) for number, body in enumerate(bodies)]


def mixed(
    fresh: Sequence[Text],
    old: Sequence[Text],
    recipe: Recipe,
    into: Path,
    *,
    seed: int = 7,
    settings: CollectSettings | None = None,
    checks: Checks | None = None,
) -> Mix:
    """Collect into the folder and load what is there."""
    collect(lambda: fresh, lambda: old, recipe, into=into, seed=seed, settings=settings, checks=checks)
    return load_mix(into)
