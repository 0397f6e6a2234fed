"""Runs as the store knows them, with what they leave in their folders: one that waits, one that was not worth it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from driftwatch.domain.run import (
    GateLimits,
    GateMeasure,
    Recipe,
    Run,
    RunId,
    RunSpec,
    RunState,
    Transition,
    Verdict,
    VerdictOutcome,
)
from driftwatch.retrain.merge import MergeCurve, MergePoint
from driftwatch.retrain.probe.record import Prediction, ProbePoint
from driftwatch.retrain.report import Trail, TrainedStep

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ODD = '<b>&"odd"\''
"""What anybody may write into a label, a reason or a name."""


def run_spec(run: str = "support-w0000012", **change: object) -> RunSpec:
    """Return what a run is asked to do: the least there is to say, but for what a test changes."""
    spec = RunSpec(
        id=RunId(run),
        stream="support",
        rule="topic-shift",
        window=12,
        first_seq=1,
        last_seq=2_000,
        reference="r1",
        champion="m1",
        recipe=Recipe(name="small"),
        limits=GateLimits(),
    )
    return replace(spec, **change)  # type: ignore[arg-type]


SPEC = run_spec(champion="m0123456789ab", worth=0.02, max_hours=6, approve=True)


def measure(name: str, value: float, limit: float, unit: str = "nats/token") -> GateMeasure:
    return GateMeasure(name=name, value=value, low=value - 0.02, high=value + 0.03, limit=limit, unit=unit, n=240)


VERDICTS = (
    Verdict(
        gate="cost",
        round=1,
        outcome=VerdictOutcome.PASSED,
        detail="1.5 h of training",
        measures=(GateMeasure(name="hours", value=1.5, low=1.5, high=1.5, limit=6, unit="h", n=1),),
    ),
    Verdict(
        gate="bias",
        round=1,
        outcome=VerdictOutcome.NOT_SHOWN,
        detail="a rise is neither shown nor ruled out in gender",
        measures=(measure("bias.gender", 0.09, 0.1, "nats/pair"),),
    ),
    Verdict(
        gate="quality",
        round=1,
        outcome=VerdictOutcome.PASSED,
        detail=f"gain +0.3; a rise of over 0.05 is not ruled out in {ODD}",
        measures=(
            measure("gain", 0.3, 0.01),
            measure(f"slice.{ODD}", 0.04, 0.05),
            measure("slice.lang=fr", -0.2, 0.05),
        ),
    ),
    Verdict(
        gate="forgetting", round=1, outcome=VerdictOutcome.REFUSED, detail="could not run, which refuses: no texts"
    ),
)


def prediction(gain: float, spread: float) -> Prediction:
    return Prediction(
        gain=gain,
        low=gain - spread,
        high=gain + spread,
        worth=0.02,
        trained=ProbePoint(tokens=45_000, gain=0.4 * gain, low=0.4 * gain - 0.01, high=0.4 * gain + 0.01),
        full_tokens=1e6,
        texts=120,
        cost=0.0987,
    )


def curve() -> MergeCurve:
    points = tuple(
        MergePoint(
            coefficient=x,
            gain=0.35 * x * (2 - x),
            gain_low=0.35 * x * (2 - x) - 0.02,
            gain_high=0.35 * x * (2 - x) + 0.02,
            loss=0.09 * x**2,
            loss_low=0.09 * x**2 - 0.01,
            loss_high=0.09 * x**2 + 0.01,
            sacrificed=(ODD,) if x == 1 else (),
        )
        for x in (0.25, 0.5, 0.58, 0.75, 1.0)
    )
    return MergeCurve(
        points=points, chosen=0.58, min_gain=0.01, max_loss=0.05, reason="58.0% of the way: the best gain"
    )


def waiting() -> tuple[Run, Trail]:
    """A run that went all the way to a person."""
    states = (
        (RunState.QUEUED, "rule topic-shift asked"),
        (RunState.COLLECTING, "texts numbered 1 to 4000 in the store, 2,000 of them this stream's"),
        (RunState.PROBING, "1,500 fresh texts"),
        (RunState.TRAINING, prediction(0.3, 0.1).words()),
        (RunState.JUDGING, "round 1 is trained"),
        (RunState.AWAITING_APPROVAL, f"not shown to be safe: {ODD}"),
    )
    moves = tuple(
        Transition(state=state, at=AT + timedelta(minutes=23 * number), reason=reason)
        for number, (state, reason) in enumerate(states)
    )
    run = Run(
        spec=SPEC,
        state=RunState.AWAITING_APPROVAL,
        round=1,
        created_at=AT,
        updated_at=moves[-1].at,
        transitions=moves,
        verdicts=VERDICTS,
        candidate="mba9876543210",
    )
    steps = tuple(TrainedStep(step=step, loss=3.2 + 2.0 / (1 + step / 40) + 0.1 * (step % 3)) for step in range(1, 301))
    return run, Trail(
        prediction=prediction(0.3, 0.1), losses={1: steps}, curves={1: curve()}, card="<section>card</section>"
    )


def declined() -> tuple[Run, Trail]:
    """A run that its probe declined."""
    whole, _ = waiting()
    found = prediction(0.005, 0.01)
    last = Transition(state=RunState.DECLINED, at=AT + timedelta(hours=1), reason=found.words())
    run = replace(
        whole,
        state=RunState.DECLINED,
        round=0,
        transitions=(*whole.transitions[:3], last),
        verdicts=(),
        candidate=None,
    )
    return run, Trail(prediction=found)
