"""Quality: the candidate must be shown to predict the new text better than the champion."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.domain.run import Verdict, VerdictOutcome
from driftwatch.gate.accuracy import accuracy
from driftwatch.gate.slices import read_slices
from driftwatch.gate.verdicts import compare, judged, measure, whole_rise

if TYPE_CHECKING:
    from driftwatch.domain.features import LossUnit
    from driftwatch.domain.protocols import GateData, Model
    from driftwatch.gate.bootstrap import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityGate:
    """Passes only when the whole interval of the gain on fresh held-out text lies at or above the limit.

    A slice of these texts whose loss rises beyond its own limit for sure refuses, whatever the whole gains; so does a
    classifier that is right less often for sure.

    Args:
        min_gain: least fall of the loss, nats per token.
        seed: of the bootstrap.
        max_slice_loss: greatest rise of a slice's loss, nats per token.
    """

    min_gain: float
    seed: int
    max_slice_loss: float

    @property
    def name(self) -> str:
        """Name in verdicts, policies and metrics."""
        return "quality"

    def judge(self, candidate: Model, champion: Model, data: GateData, *, round: int) -> Verdict:  # noqa: A002
        """Compare both on the fresh texts, text by text."""
        return judged(self.name, round=round, by=lambda: self._verdict(candidate, champion, data, round))

    def _verdict(self, candidate: Model, champion: Model, data: GateData, round_: int) -> Verdict:
        compared = compare(candidate, champion, data.fresh)
        gain = _negated(whole_rise(compared, seed=self.seed))
        slices = read_slices(compared, limit=self.max_slice_loss, seed=self.seed)
        answers = accuracy(compared, seed=self.seed)
        fell = answers is not None and answers.fell
        passed = gain.low >= self.min_gain and not slices.worse and not fell
        return Verdict(
            gate=self.name,
            round=round_,
            outcome=VerdictOutcome.PASSED if passed else VerdictOutcome.REFUSED,
            detail=f"{self._said(gain, compared.unit)} on {compared.scored} held-out fresh texts{slices.words()}"
            f"{answers.words() if answers is not None else ''}",
            measures=(
                measure("gain", gain, limit=self.min_gain, n=compared.scored, unit=compared.unit),
                *(answers.measures() if answers is not None else ()),
                *slices.measures,
            ),
        )

    def _said(self, gain: Estimate, unit: LossUnit) -> str:
        figures = f"{gain.value:+.4f} {unit} [{gain.low:+.4f}, {gain.high:+.4f}]"
        if gain.low >= self.min_gain:
            return f"gain {figures}, at least {self.min_gain:g} is shown"
        if gain.high < self.min_gain:
            return f"gain {figures}, less than the {self.min_gain:g} wanted"
        return f"gain {figures}, which does not show the {self.min_gain:g} wanted"


def _negated(change: Estimate) -> Estimate:
    return replace(change, value=-change.value, low=-change.high, high=-change.low)
