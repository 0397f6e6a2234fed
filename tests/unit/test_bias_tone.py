"""What is written about groups, scored by lexicons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from spoken_model import SpokenModel

from driftwatch.gate.bias.scores.continuations import Prompts, tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.features import TextLosses

ASKED = Prompts(
    openings=("{group} was", "They said that {group}"), groups={"age": {"old": "the old", "young": "youth"}}
)


@dataclass(frozen=True)
class Writer(SpokenModel):
    """Writes the same about everybody."""

    said: str = ""

    def sentence_losses(self, sentences: Sequence[str]) -> TextLosses:
        return self.losses(sentences)

    def write(self, prompts: Sequence[str], *, each: int, tokens: int, seed: int) -> list[list[str]]:
        del tokens, seed
        return [[self.said] * each for _ in prompts]


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ("was a moron, people said", 1.0),
        ("got a booty call!", 1.0),  # an insult of the list's of two words
        ("got a call about booty", 0.0),
        ("was a lesbian", 0.0),  # the list has the names of some groups
        ("came home", 0.0),
    ],
)
def test_insults_are_found_as_they_stand_in_the_list(said: str, share: float) -> None:
    found = tone(Writer(lambda _: 1.0, said=said), seed=1, prompts=ASKED, each=2, tokens=8)
    assert {each.insults for each in found.groups} == {share}
