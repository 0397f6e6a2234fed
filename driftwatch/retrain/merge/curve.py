"""The curve of gain and forgetting between champion and fine-tuned model, kept with the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.features import LossUnit
from driftwatch.retrain.records import read_record, write_record

if TYPE_CHECKING:
    from pathlib import Path

MARGIN = 2.0
"""Half-widths of its interval that the forgetting stays below its limit by.

The coefficient is chosen on other texts than it is judged by. At the limit itself the judgement, whose own interval
must end within the limit, would refuse every other time; two half-widths leave it about one time in ten.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MergePoint:
    """What one coefficient gives on the selection texts.

    Args:
        coefficient: 0 for the champion, 1 for the fine-tuned model.
        gain: fall of the loss on fresh text.
        gain_low: lower end of its 95% interval.
        gain_high: upper end.
        loss: rise of the loss on the reference's text.
        loss_low: lower end of its 95% interval.
        loss_high: upper end.
        sacrificed: slices whose loss rises beyond the limit for sure.
        unit: of all figures.
        refused: why a gate that judges by other texts than these refused it; empty where none was asked or none did.
    """

    coefficient: float
    gain: float
    gain_low: float
    gain_high: float
    loss: float
    loss_low: float
    loss_high: float
    sacrificed: tuple[str, ...] = ()
    unit: LossUnit = LossUnit.TOKEN
    refused: str = ""

    @property
    def bound(self) -> float:
        """The forgetting with its margin, which is held against the limit."""
        return self.loss + MARGIN * (self.loss_high - self.loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeCurve:
    """Everything that was tried.

    Args:
        points: by rising coefficient.
        chosen: coefficient that goes on to be judged.
        min_gain: limit of the gain.
        max_loss: limit of the forgetting.
        reason: why this one, in a sentence.
    """

    points: tuple[MergePoint, ...]
    chosen: float
    min_gain: float
    max_loss: float
    reason: str

    @property
    def taken(self) -> MergePoint:
        """The chosen point."""
        return next(point for point in self.points if point.coefficient == self.chosen)


def save_curve(curve: MergeCurve, file: Path) -> None:
    """Write the curve as JSON, whole or not at all."""
    write_record(curve, file)


def load_curve(file: Path) -> MergeCurve | None:
    """Read a curve; None where none was written.

    Raises:
        RunError: it cannot be read.
    """
    return read_record(file, MergeCurve, name="the merge's curve")
