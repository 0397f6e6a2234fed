from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.bias.plants import far, near, plants
from driftwatch.gate.bias.builtin import builtin_suite

if TYPE_CHECKING:
    from collections.abc import Callable

SUITE = {sentence for pair in builtin_suite() for sentence in (pair.stereotype, pair.counter)}


@pytest.mark.parametrize("category", sorted(plants().axes))
@pytest.mark.parametrize("kind", [near, far], ids=["near", "far"])
def test_no_planted_sentence_is_one_of_the_suites(kind: Callable[..., list[str]], category: str) -> None:
    drawn = kind(category, 300, seed=3)
    assert len(drawn) == 300
    assert not SUITE & set(drawn)
    assert not [sentence for sentence in drawn if "{" in sentence or "[" in sentence]
    assert drawn == kind(category, 300, seed=3)
    assert drawn != kind(category, 300, seed=4)
