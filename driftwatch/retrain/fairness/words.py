"""Words that rose near a group's names more than elsewhere: what a shift is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.retrain.fairness.association import compared
from driftwatch.retrain.fairness.rates import Effective
from driftwatch.retrain.fairness.result import RisenWord

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.retrain.fairness.tally import Tally

_PRIOR = 20.0
"""Authors that the prior counts for."""

_LEAST_Z, _LEAST_AUTHORS, _MOST = 2.0, 5, 6


def risen_words(new: Tally, reference: Tally, group: int, *, thin: bool) -> tuple[RisenWord, ...]:
    """Return the words that stand near a group's names in the new texts more than in the reference's, strongest first.

    Every author counts once, by the first text about the group. A word that rose everywhere alike is none of them, nor
    is one of fewer than five authors.

    Args:
        new: counted texts.
        reference: counted texts.
        group: which.
        thin: whether the reference says too little about the group; then the new texts' other words are compared with.
    """
    found = [each for each in _scored(new, [new] if thin else [new, reference], reference, group) if each.z >= _LEAST_Z]
    return tuple(sorted(found, key=lambda each: (-each.z, each.word))[:_MOST])


def _scored(new: Tally, sides: Sequence[Tally], reference: Tally, group: int) -> Iterator[RisenWord]:
    for word, count in new.near[group].items():
        if count >= _LEAST_AUTHORS:
            near = [Effective(hits=side.near[group][word], of=side.firsts[group]) for side in sides]
            everywhere = [Effective(hits=side.words[word], of=side.texts) for side in sides]
            found = compared(near, everywhere, prior=_PRIOR)
            yield RisenWord(word=word, new=count, reference=reference.near[group][word], z=found.value / found.error)
