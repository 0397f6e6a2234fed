"""Accuracy: how often a classifier gives the right class, beside its loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.domain.run import GateMeasure
from driftwatch.gate.bootstrap import weighted_mean
from driftwatch.gate.verdicts import CannotJudgeError, measure

if TYPE_CHECKING:
    from driftwatch.gate.bootstrap import Estimate
    from driftwatch.gate.verdicts import Comparison

_UNIT = "share of labelled texts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How often both models are right on the same texts.

    Args:
        candidate: its share of right answers.
        champion: its share of right answers.
        change: the candidate's share less the champion's, paired text by text.
        texts: of a known class.
    """

    candidate: Estimate
    champion: Estimate
    change: Estimate
    texts: int

    @property
    def fell(self) -> bool:
        """Whether the candidate is right less often for sure."""
        return self.change.high < 0

    def words(self) -> str:
        """Return what a verdict adds about it."""
        said = ", which is less for sure" if self.fell else ""
        change = f"{self.change.value:+.1%} [{self.change.low:+.1%}, {self.change.high:+.1%}]"
        return f"; right in {self.candidate.value:.1%}, the champion in {self.champion.value:.1%} ({change}){said}"

    def measures(self) -> tuple[GateMeasure, ...]:
        """Return the candidate's accuracy against the champion's, and the change against none."""
        share = GateMeasure(
            name="accuracy",
            value=self.candidate.value,
            low=max(self.candidate.low, 0.0),
            high=min(self.candidate.high, 1.0),
            limit=self.champion.value,
            unit=_UNIT,
            n=self.texts,
        )
        return share, measure("accuracy.change", self.change, limit=0.0, n=self.texts, unit=_UNIT)


def accuracy(compared: Comparison, *, seed: int) -> Accuracy | None:
    """Return how often both models are right; None for models that give no class.

    Raises:
        CannotJudgeError: all texts are of one group, so that nothing is known of its spread.
    """
    correct, labelled = compared.losses.correct, compared.losses.tokens
    if correct is None:
        return None
    new, old = (np.where(labelled > 0, correct[:, column], 0.0) for column in (0, 1))
    try:
        candidate, champion, change = (
            weighted_mean(values, labelled, clusters=compared.groups(), seed=seed) for values in (new, old, new - old)
        )
    except ValueError as error:
        raise CannotJudgeError(str(error)) from error
    return Accuracy(candidate=candidate, champion=champion, change=change, texts=compared.scored)
