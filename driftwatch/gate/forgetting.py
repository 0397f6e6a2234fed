"""Forgetting: the candidate must not lose what the champion knew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.run import Verdict, VerdictOutcome
from driftwatch.gate.slices import read_slices
from driftwatch.gate.verdicts import compare, judged, measure, whole_rise

if TYPE_CHECKING:
    from driftwatch.domain.protocols import GateData, Model
    from driftwatch.gate.bootstrap import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgettingGate:
    """Judges the rise of the loss on reference text that was not replayed.

    Passed when the interval's upper end is within the limit (shown to be harmless), refused when its lower end is
    above the limit (shown to be harmful), else not shown; what is not shown does not promote itself. A slice of these
    texts that is beyond the limit for sure refuses too.

    Args:
        max_loss: greatest rise of the loss, nats per token.
        seed: of the bootstrap.
    """

    max_loss: float
    seed: int

    @property
    def name(self) -> str:
        """Name in verdicts, policies and metrics."""
        return "forgetting"

    def judge(self, candidate: Model, champion: Model, data: GateData, *, round: int) -> Verdict:  # noqa: A002
        """Compare both on the reference's held-out texts, text by text."""
        return judged(self.name, round=round, by=lambda: self._verdict(candidate, champion, data, round))

    def _verdict(self, candidate: Model, champion: Model, data: GateData, round_: int) -> Verdict:
        compared = compare(candidate, champion, data.reference)
        rise = whole_rise(compared, seed=self.seed)
        slices = read_slices(compared, limit=self.max_loss, seed=self.seed)
        outcome = self._outcome(rise)
        said = {
            VerdictOutcome.PASSED: f"within {self.max_loss:g}",
            VerdictOutcome.REFUSED: f"above {self.max_loss:g} for sure",
            VerdictOutcome.NOT_SHOWN: f"neither within {self.max_loss:g} nor above for sure: a person decides",
        }[outcome]
        figures = f"loss {rise.value:+.4f} {compared.unit} [{rise.low:+.4f}, {rise.high:+.4f}]"
        return Verdict(
            gate=self.name,
            round=round_,
            outcome=VerdictOutcome.REFUSED if slices.worse else outcome,
            detail=f"{figures} on {compared.scored} held-out reference texts, {said}{slices.words()}",
            measures=(
                measure("loss", rise, limit=self.max_loss, n=compared.scored, unit=compared.unit),
                *slices.measures,
            ),
        )

    def _outcome(self, rise: Estimate) -> VerdictOutcome:
        if rise.high <= self.max_loss:
            return VerdictOutcome.PASSED
        return VerdictOutcome.REFUSED if rise.low > self.max_loss else VerdictOutcome.NOT_SHOWN
