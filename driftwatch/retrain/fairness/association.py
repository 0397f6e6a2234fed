"""How much a lexicon's words cling to a group's names: log odds with an informative Dirichlet prior.

Near a group's names, words are of the lexicon or not; elsewhere in the same texts likewise. The log odds near less
those elsewhere is the association: that a whole domain speaks more roughly moves both. New against reference, its
change has a standard error, for which words of one author are not independent (see
:mod:`~driftwatch.retrain.fairness.rates`).

The prior holds what both sides show together, as if ``PRIOR`` more words had been read: few words move nothing.

Source: Monroe, Colaresi and Quinn 2008, Fightin' Words: Lexical feature selection and evaluation for identifying the
content of political conflict; the common odds ratio is Mantel and Haenszel's (1959).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, exp, log, sqrt
from typing import TYPE_CHECKING

from driftwatch.retrain.fairness.rates import ByAuthor, Effective, Z, effective

if TYPE_CHECKING:
    from collections.abc import Sequence

PRIOR = 100.0
"""Words that the prior counts for: those near the names in some five texts."""


@dataclass(frozen=True, slots=True)
class Side:
    """One side's words near a group's names and elsewhere."""

    near: ByAuthor
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
    near, elsewhere = effective([new.near, reference.near]), effective([new.elsewhere, reference.elsewhere])
    return compared(near, elsewhere, prior=PRIOR)


def alone(side: Side) -> Change:
    """Return the association in one side, held against none at all."""
    return compared(effective([side.near]), effective([side.elsewhere]), prior=PRIOR)


def compared(near: Sequence[Effective], elsewhere: Sequence[Effective], *, prior: float) -> Change:
    """Return the change of an association whose counts are worth what they say.

    Args:
        near: counts near the names, of the new texts and, unless they are held against no association at all, of the
            reference.
        elsewhere: likewise.
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
    expected = prior * odds / (1 + odds)
    here, not_here = near.hits + expected, near.of - near.hits + prior - expected
    value = log(here / not_here) - log(hits / others)
    return value, 1 / here + 1 / not_here + 1 / hits + 1 / others


def keep(near: ByAuthor, carriers: ByAuthor, rise: float) -> float:
    """Return which share of the carriers, if only that stayed, would undo a rise of the log odds.

    Args:
        near: words near the names, text by text.
        carriers: of those, the texts with a word of the lexicon.
        rise: of the log odds.
    """
    hits = float(carriers.hits.sum())
    plain, beside = float(near.of.sum() - carriers.of.sum()), float(carriers.of.sum()) - hits
    wanted = hits / max(plain + beside, 1.0) * exp(-max(rise, 0.0))
    spare = hits - wanted * beside
    return min(max(wanted * plain / spare, 0.0), 1.0) if spare > 0 else 1.0
