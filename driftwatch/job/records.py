"""What a job writes down beside the gates' verdicts: hours, the probe's prediction, the losses of a training."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec

from driftwatch.domain.run import COST, DATA, PROBE, SPOKEN_ILL, GateMeasure, Verdict, VerdictOutcome
from driftwatch.domain.units import format_duration
from driftwatch.retrain.fairness.page import summary
from driftwatch.retrain.report import TrainedStep

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.job.meter import Meter
    from driftwatch.retrain.fairness.result import DataCheck
    from driftwatch.retrain.probe.record import Prediction


class Losses:
    """The loss of each optimiser step, a line each; steps done again after a kill stand there again.

    Args:
        file: where they are added; None to keep none.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def add(self, step: int, loss: float) -> None:
        """Add a step's loss."""
        if self._file is not None:
            with self._file.open("ab") as lines:
                lines.write(msgspec.json.encode(TrainedStep(step=step, loss=loss)) + b"\n")


def cost_verdict(meter: Meter, round: int, *, limit: float | None) -> Verdict:  # noqa: A002 - the word of the house
    """Return a round's hours of training, held against what is allowed over all rounds; without a limit, themselves."""
    hours = meter.of_round(round)
    spent, so_far = (format_duration(timedelta(hours=each)) for each in (hours, meter.hours))
    allowed = f"of {limit:g} h allowed over all rounds" if limit is not None else "no limit is set"
    return Verdict(
        gate=COST,
        round=round,
        outcome=VerdictOutcome.PASSED if limit is None or meter.hours <= limit else VerdictOutcome.REFUSED,
        detail=f"{spent} of training, {so_far} so far; {allowed}",
        measures=(
            GateMeasure(
                name="hours",
                value=hours,
                low=hours,
                high=hours,
                limit=limit if limit is not None else hours,
                unit="h",
                n=1,
            ),
        ),
    )


def probe_verdict(prediction: Prediction, round: int) -> Verdict:  # noqa: A002
    """Return a probe's prediction as a verdict."""
    outcome = VerdictOutcome.NOT_SHOWN
    if prediction.worthless:
        outcome = VerdictOutcome.REFUSED
    elif not prediction.note and prediction.low >= prediction.worth:
        outcome = VerdictOutcome.PASSED
    measure = GateMeasure(
        name="gain",
        value=prediction.gain,
        low=prediction.low,
        high=prediction.high,
        limit=prediction.worth,
        unit=prediction.unit,
        n=prediction.texts,
    )
    return Verdict(
        gate=PROBE,
        round=round,
        outcome=outcome,
        detail=prediction.words(),
        measures=() if prediction.note else (measure,),
    )


def data_verdict(found: DataCheck, round: int) -> Verdict:  # noqa: A002
    """Return how the new texts speak of identity groups as a verdict: passed, or left to whoever reads it."""
    ill = sum(bool(each.rose) for each in found.groups)
    return Verdict(
        gate=DATA,
        round=round,
        outcome=VerdictOutcome.NOT_SHOWN if ill or not found.tests else VerdictOutcome.PASSED,
        detail=summary(found),
        measures=(
            GateMeasure(name=SPOKEN_ILL, value=ill, low=ill, high=ill, limit=0.0, unit="groups", n=found.texts),
            *(
                GateMeasure(
                    name=f"{DATA}.{group.group}.{each.lexicon}",
                    value=each.shift.change,
                    low=each.shift.low,
                    high=each.shift.high,
                    limit=0.0,
                    unit="log odds",
                    n=group.texts,
                )
                for group in sorted(found.groups, key=lambda each: (not each.rose, each.group))
                for each in group.associations
            ),
        ),
    )
