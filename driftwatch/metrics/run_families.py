"""The metrics of a stream's retraining runs and of their gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.run import VerdictOutcome
from driftwatch.metrics.family import Family, Kind, per_stream, seconds, within_stream
from driftwatch.metrics.histogram import Exemplar

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import RunFigures, StreamFigures


def _increase(stream: StreamFigures, end: str) -> float | None:
    run = stream.runs.run
    found = None if run is None else run.increase
    return None if found is None else float(getattr(found, end))


def _run(run: RunFigures | None, attribute: str) -> float:
    return 0.0 if run is None else float(getattr(run, attribute))


def _arrived(stream: StreamFigures) -> dict[tuple[str, ...], Exemplar]:
    return {
        (state,): Exemplar(label="run", id=each.run, value=1.0, at=seconds(each.at))
        for state, each in stream.runs.arrivals.items()
        if each.run is not None
    }


def _last(stream: StreamFigures) -> dict[str, float]:
    return {state: each.at.timestamp() for state, each in stream.runs.arrivals.items() if each.at is not None}


def _said(stream: StreamFigures) -> dict[tuple[str, str], float]:
    return {
        (gate, outcome.value): float(figures.outcome == outcome.value)
        for gate, figures in stream.runs.gates.items()
        for outcome in VerdictOutcome
    }


def _gate_family(name: str, meaning: str, attribute: str) -> Family:
    def values(stream: StreamFigures) -> dict[tuple[str, str], float]:
        return {
            (gate, measure): float(getattr(figure, attribute))
            for gate, figures in stream.runs.gates.items()
            for measure, figure in figures.measures.items()
        }

    return within_stream(name, meaning, ("gate", "measure"), values)


RUN_FAMILIES = (
    within_stream(
        "driftwatch_runs",
        "Retraining runs by the state they are in now, ended ones included.",
        ("state",),
        lambda stream: stream.runs.states,
    ),
    within_stream(
        "driftwatch_run_arrivals_total",
        "Times that a run of the stream came into the state; kept, declined, rejected … are how runs end.",
        ("state",),
        lambda stream: {state: float(each.count) for state, each in stream.runs.arrivals.items()},
        kind=Kind.COUNTER,
        exemplars=_arrived,
    ),
    within_stream(
        "driftwatch_run_last_arrival_timestamp_seconds",
        "When a run of the stream last came into the state; of kept, the last success.",
        ("state",),
        _last,
    ),
    per_stream(
        "driftwatch_run_progress_ratio",
        "Share of the present stage of the run that goes on; 0 where none does.",
        lambda stream: _run(stream.runs.run, "progress"),
    ),
    per_stream(
        "driftwatch_run_round",
        "Round of the run that goes on; 0 where none does.",
        lambda stream: _run(stream.runs.run, "round"),
    ),
    per_stream(
        "driftwatch_run_asked_timestamp_seconds",
        "When the run that goes on was asked for.",
        lambda stream: None if stream.runs.run is None else seconds(stream.runs.run.created_at),
    ),
    per_stream(
        "driftwatch_run_moved_timestamp_seconds",
        "When the run that goes on last changed its state.",
        lambda stream: None if stream.runs.run is None else seconds(stream.runs.run.moved_at),
    ),
    per_stream(
        "driftwatch_run_duration_seconds",
        "From its asking to its end, of the run that ended last.",
        lambda stream: stream.runs.ended_after,
    ),
    per_stream(
        "driftwatch_training_seconds_total",
        "Time that the stream's runs have trained, their probes included.",
        lambda stream: stream.runs.training_seconds,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_training_device_seconds_total",
        "The same times the devices that each run trained on: GPU seconds where there are GPUs.",
        lambda stream: stream.runs.device_seconds,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_probation_loss_increase",
        "Loss of the model in probation over its predecessor's on the same texts; absent outside a probation.",
        lambda stream: _increase(stream, "value"),
    ),
    per_stream(
        "driftwatch_probation_loss_increase_low",
        "Lower end of its interval; beyond the rule's max_increase the model is rolled back.",
        lambda stream: _increase(stream, "low"),
    ),
    per_stream(
        "driftwatch_probation_loss_increase_high",
        "Upper end of its interval.",
        lambda stream: _increase(stream, "high"),
    ),
    within_stream(
        "driftwatch_gate_outcome",
        "What the gate last said of a candidate: 1 for its word, 0 for the others.",
        ("gate", "outcome"),
        _said,
    ),
    _gate_family("driftwatch_gate_measure", "What the gate measured then, in the unit that its page names.", "value"),
    _gate_family("driftwatch_gate_measure_low", "Lower end of its interval.", "low"),
    _gate_family("driftwatch_gate_measure_high", "Upper end of its interval.", "high"),
    _gate_family("driftwatch_gate_limit", "What the gate holds it against.", "limit"),
)
