"""How often a lexicon's words stand near a group's names: log odds with an informative Dirichlet prior.

A text about a group carries such a word near the name or it does not. How many carry one by chance follows from how
frequent the lexicon's words are elsewhere in the same texts and how many words stand near the name: a rougher domain,
or longer texts, carry more. The log odds of carriers less those expected is the association. New against reference, its
change has a standard error, for which texts of one author are not independent (see
:mod:`~driftwatch.retrain.fairness.rates`).

The prior holds what both sides show together, as if ``PRIOR`` more texts had been read: few texts move nothing.

Source: Monroe, Colaresi and Quinn 2008, Fightin' Words: Lexical feature selection and evaluation for identifying the
content of political conflict; the common odds ratio is Mantel and Haenszel's (1959).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, log, sqrt
from typing import TYPE_CHECKING

from driftwatch.retrain.fairness.rates import ByAuthor, Effective, Z, effective

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

PRIOR = 5.0
"""Texts that the prior counts for; more where carriers are rare …"""

_HALF = 0.5
"""… for it holds half a carrier at least, and half a text that is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side's texts about a group.

    Args:
        near: texts about it, and those of them that carry a word of the lexicon near its names.
        windows: int64 [texts], words near its names in each, at least 1.
        elsewhere: words that are not near its names, and those of them in the lexicon.
    """

    near: ByAuthor
    windows: npt.NDArray[np.int64]
    elsewhere: ByAuthor


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Of an association, in log odds.

    Args:
        new: in the new texts.
        reference: what it is held against.
        error: standard error of the difference.
    """

    new: float
    reference: float
    error: float

    @property
    def value(self) -> float:
        """New less reference."""
        return self.new - self.reference

    @property
    def interval(self) -> tuple[float, float]:
        """Ends of its 95% interval."""
        return self.value - Z * self.error, self.value + Z * self.error

    @property
    def p(self) -> float:
        """Two-sided p-value of "there is no change"."""
        return erfc(abs(self.value) / self.error / sqrt(2))


def change(new: Side, reference: Side) -> Change:
    """Return by how much the association rose from the reference to the new texts."""
    return _change([new, reference])


def alone(side: Side) -> Change:
    """Return the association in one side, held against none at all."""
    return _change([side])


def _change(sides: Sequence[Side]) -> Change:
    near, elsewhere = (
        effective([side.near for side in sides]),
        effective([side.elsewhere for side in sides]),
    )
    expected = [_expected(side.windows, words) for side, words in zip(sides, elsewhere, strict=True)]
    return compared(near, expected, prior=PRIOR)


def _expected(windows: npt.NDArray[np.int64], elsewhere: Effective) -> Effective:
    """Return how many texts carry a word by chance, as sure as its rate elsewhere is."""
    rate = (elsewhere.hits + 0.5) / (elsewhere.of + 1)
    share = float((1 - (1 - rate) ** windows).mean()) if len(windows) else rate
    hits = max(elsewhere.hits, 0.5)
    return Effective(hits=hits, of=hits / share)


def compared(near: Sequence[Effective], elsewhere: Sequence[Effective], *, prior: float) -> Change:
    """Return the change of an association whose counts are worth what they say.

    Args:
        near: counts near the names, of the new texts and, unless they are held against no association at all, of the
            reference.
        elsewhere: what is held against these, likewise.
        prior: units that the prior counts for.
    """
    common = _common(near, elsewhere) if len(near) > 1 else 1.0
    found = [_association(close, far, common, prior) for close, far in zip(near, elsewhere, strict=True)]
    return Change(
        new=found[0][0],
        reference=found[1][0] if len(found) > 1 else 0.0,
        error=sqrt(sum(spread for _, spread in found)),
    )


def _common(near: Sequence[Effective], elsewhere: Sequence[Effective]) -> float:
    """Return the odds ratio that both sides show together."""
    above = below = 0.5
    for close, far in zip(near, elsewhere, strict=True):
        total = close.of + far.of
        if total:
            above += close.hits * (far.of - far.hits) / total
            below += (close.of - close.hits) * far.hits / total
    return above / below


def _association(near: Effective, elsewhere: Effective, common: float, prior: float) -> tuple[float, float]:
    """Return log odds near less log odds elsewhere, and the variance."""
    hits, others = elsewhere.hits + 0.5, elsewhere.of - elsewhere.hits + 0.5
    odds = hits / others * common
    share = odds / (1 + odds)
    prior = max(prior, _HALF / share, _HALF / (1 - share))
    expected = prior * share
    here, not_here = near.hits + expected, near.of - near.hits + prior - expected
    value = log(here / not_here) - log(hits / others)
    return value, 1 / here + 1 / not_here + 1 / hits + 1 / others
