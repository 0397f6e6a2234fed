"""What a probe found and foretells, kept with the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.features import LossUnit
from driftwatch.retrain.records import read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path


STEPS = 12
"""Optimiser steps that a probe's training should have; with fewer, less is known of how the gain goes on."""

RECORD = "prediction.json"
"""Name of the prediction's file in the probe's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbePoint:
    """The small training.

    Args:
        tokens: trained on.
        gain: fall of the loss on held-out fresh text at first order.
        low: lower end of its interval.
        high: upper end.
    """

    tokens: int
    gain: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What the whole run is expected to gain.

    Args:
        gain: expected fall of the loss on fresh text.
        low: lower end of its 90% interval.
        high: upper end.
        worth: least gain that the rule asks for.
        trained: the small training; None where there was none.
        full_tokens: that the whole run would train on.
        texts: held-out texts measured by.
        cost: of the probe over the run's training, 0 to 1; measuring included.
        note: why nothing could be foretold; empty where it could.
        unit: of the gains and the worth.
    """

    gain: float
    low: float
    high: float
    worth: float
    trained: ProbePoint | None
    full_tokens: float
    texts: int
    cost: float
    note: str = ""
    unit: LossUnit = LossUnit.TOKEN

    @property
    def worthless(self) -> bool:
        """Whether even the upper end of what is expected is below what the rule asks for."""
        return not self.note and self.high < self.worth

    def words(self) -> str:
        """Return the figures as a sentence."""
        if self.note:
            return f"the probe foretells nothing ({self.note}), so the run goes on without one"
        figures = f"expected gain {self.gain:+.4f} {self.unit} [{self.low:+.4f}, {self.high:+.4f}]"
        seen = f"a probe at {self.cost:.1%} of the run's cost, {self.texts} held-out texts"
        if self.worthless:
            return f"not worth it: {figures}, all of it below {self.worth:g} ({seen})"
        if self.low >= self.worth:
            return f"worth it: {figures}, at least {self.worth:g} ({seen})"
        return f"may be worth it: {figures}, which does not rule out {self.worth:g} ({seen})"


def save_prediction(prediction: Prediction, file: Path) -> None:
    """Write the prediction as JSON, whole or not at all."""
    write_record(prediction, file)


def load_prediction(file: Path) -> Prediction | None:
    """Read a prediction; None where none was written.

    Raises:
        RunError: it cannot be read.
    """
    return read_record(file, Prediction, name="the probe's record")
