"""Texts drawn lot by lot are those that a look at all of them draws."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.domain.text import Text
from driftwatch.drift.choice import earlier
from driftwatch.drift.drawing import Draw, packed, unpacked
from driftwatch.drift.evidence.seen import keys

AT = datetime(2026, 1, 1, tzinfo=UTC)
MOST = 5


def text(body: int, minute: int) -> Text:
    return Text(id=f"{body}-{minute}", body=f"body {body}", seen_at=AT + timedelta(minutes=minute))


def number_of(body: int) -> int:
    """Few numbers, so that many bodies are level, as those of a group are."""
    return body * 7919 % 6


@given(st.lists(st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3)), max_size=12), max_size=8))
def test_lots_give_what_the_whole_gives(lots: list[list[tuple[int, int]]]) -> None:
    draw = Draw(MOST, unpacked)
    for lot in lots:
        texts = [text(*each) for each in lot]
        numbers = np.array([number_of(body) for body, _ in lot], dtype=np.uint64)
        sent = packed(numbers, keys(each.body for each in texts), texts)
        draw.add(*sent.below(draw.below))
    best: dict[str, tuple[int, Text]] = {}
    for body, minute in (each for lot in lots for each in lot):
        made = text(body, minute)
        known = best.get(made.body)
        best[made.body] = (number_of(body), made if known is None else earlier(made, known[1]))
    wanted = sorted(best.values(), key=lambda each: (each[0], each[1].body))[:MOST]
    assert draw.texts() == [each for _, each in wanted]
