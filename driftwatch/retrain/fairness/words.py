"""Words that rose near a group's names more than elsewhere: what a shift is made of.

Source: Monroe, Colaresi and Quinn 2008, Fightin' Words; the prior of each side is what that side says everywhere.
"""

from __future__ import annotations

from math import log, sqrt
from typing import TYPE_CHECKING

from driftwatch.retrain.fairness.result import RisenWord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.retrain.fairness.tally import Tally

_PRIOR = 20.0
"""Authors that the prior counts for."""

_LEAST_Z, _LEAST_AUTHORS, _MOST = 3.0, 5, 6


def risen_words(new: Tally, reference: Tally, group: int) -> tuple[RisenWord, ...]:
    """Return the words that stand near a group's names in the new texts more than in the reference's, strongest first.

    Every author counts once. A word that rose everywhere alike is none of them. No author's own word is: a word needs
    five authors.
    """
    found = [each for each in _scored(new, reference, group) if each.z >= _LEAST_Z]
    return tuple(sorted(found, key=lambda each: (-each.z, each.word))[:_MOST])


def _scored(new: Tally, reference: Tally, group: int) -> Iterator[RisenWord]:
    for word, count in new.near[group].items():
        if count < _LEAST_AUTHORS:
            continue
        one, one_spread = _log_odds(new, group, word)
        two, two_spread = _log_odds(reference, group, word)
        yield RisenWord(
            word=word,
            new=count,
            reference=reference.near[group][word],
            z=(one - two) / sqrt(one_spread + two_spread),
        )


def _log_odds(side: Tally, group: int, word: str) -> tuple[float, float]:
    """Return a word's log odds near the names less those everywhere, and its variance."""
    everywhere = (side.words[word] + 0.5) / (side.texts + 1)
    prior = _PRIOR * everywhere
    there, not_there = side.near[group][word] + prior, side.firsts[group] - side.near[group][word] + _PRIOR - prior
    return log(there / not_there) - log(everywhere / (1 - everywhere)), 1 / there + 1 / not_there
