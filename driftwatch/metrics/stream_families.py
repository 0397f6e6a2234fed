"""The metrics of a stream: its texts, windows, rules, runs and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.drift import DriftState
from driftwatch.metrics.family import Kind, per_stream, seconds, within_stream

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import RunFigures, StreamFigures, WindowFigures


def _window(stream: StreamFigures, attribute: str) -> float | None:
    return None if stream.last is None else float(getattr(stream.last, attribute))


def _measures(window: WindowFigures | None, attribute: str) -> dict[str, float]:
    if window is None:
        return {}
    figures = {name: getattr(measure, attribute) for name, measure in window.measures.items()}
    return {name: value for name, value in figures.items() if value is not None}


def _fired(stream: StreamFigures) -> dict[str, float]:
    return {name: rule.fired_at.timestamp() for name, rule in stream.rules.items() if rule.fired_at is not None}


def _run(run: RunFigures | None, attribute: str) -> float:
    return 0.0 if run is None else float(getattr(run, attribute))


def _measure(stream: StreamFigures, name: str, *, default: float | None = None) -> float | None:
    found = None if stream.last is None else stream.last.measures.get(name)
    return default if found is None else found.value


def _states(stream: StreamFigures) -> dict[str, float]:
    shown = None if stream.last is None else stream.last.state
    return {state.value: float(state.value == shown) for state in DriftState}


STREAM_FAMILIES = (
    within_stream(
        "driftwatch_texts_total",
        "Texts that came in, by source and what became of them; cut texts are stored as well, cut to the limit.",
        ("source", "outcome"),
        lambda stream: stream.texts,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_last_text_timestamp_seconds",
        "When the last text was taken in.",
        lambda stream: seconds(stream.last_text_at),
    ),
    per_stream(
        "driftwatch_backlog_texts",
        "Stored texts that are not assessed yet.",
        lambda stream: stream.backlog,
    ),
    within_stream(
        "driftwatch_windows_total",
        "Windows by how their assessment ended.",
        ("outcome",),
        lambda stream: stream.windows,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_window_texts",
        "Texts in the last window.",
        lambda stream: _window(stream, "texts"),
    ),
    per_stream(
        "driftwatch_window_distinct_texts",
        "Distinct texts in the last window.",
        lambda stream: _window(stream, "distinct"),
    ),
    per_stream(
        "driftwatch_window_end_timestamp_seconds",
        "When the last window's newest text was produced.",
        lambda stream: None if stream.last is None else seconds(stream.last.ended_at),
    ),
    within_stream(
        "driftwatch_drift_measure",
        "Measures of the last window, each in the unit its name documents.",
        ("measure",),
        lambda stream: _measures(stream.last, "value"),
    ),
    within_stream(
        "driftwatch_drift_measure_null_low",
        "Lower end of where the measure lies without drift.",
        ("measure",),
        lambda stream: _measures(stream.last, "null_low"),
    ),
    within_stream(
        "driftwatch_drift_measure_null_high",
        "Upper end of where the measure lies without drift.",
        ("measure",),
        lambda stream: _measures(stream.last, "null_high"),
    ),
    per_stream(
        "driftwatch_drift_alarm",
        "Whether an alarm is in force (1) or not (0): evidence of drift reached its false-alarm budget.",
        lambda stream: _measure(stream, "drift.alarm", default=0.0),
    ),
    per_stream(
        "driftwatch_drift_evidence",
        "Log10 of the evidence over the alarm threshold at its highest in the last window; an alarm from 0 on.",
        lambda stream: _measure(stream, "drift.evidence"),
    ),
    per_stream(
        "driftwatch_drift_onset_timestamp_seconds",
        "When the drift whose alarm is in force is estimated to have begun.",
        lambda stream: None if stream.last is None else seconds(stream.last.onset_at),
    ),
    within_stream(
        "driftwatch_drift_state",
        "Has the text drifted, and does the model suffer: 1 for the state of the last window, 0 for the others.",
        ("state",),
        _states,
    ),
    within_stream(
        "driftwatch_rule_holding",
        "Whether the rule's condition held in the last window (1) or not (0).",
        ("rule",),
        lambda stream: {name: float(rule.holding) for name, rule in stream.rules.items()},
    ),
    within_stream(
        "driftwatch_rule_fired_timestamp_seconds",
        "When the rule last acted.",
        ("rule",),
        _fired,
    ),
    within_stream(
        "driftwatch_decisions_total",
        "Decisions by rule and action.",
        ("rule", "action"),
        lambda stream: stream.decisions,
        kind=Kind.COUNTER,
    ),
    within_stream(
        "driftwatch_runs",
        "Retraining runs by the state they are in now, ended ones included.",
        ("state",),
        lambda stream: stream.runs,
    ),
    per_stream(
        "driftwatch_run_progress_ratio",
        "Share of the present stage of the run that goes on; 0 where none does.",
        lambda stream: _run(stream.run, "progress"),
    ),
    per_stream(
        "driftwatch_run_round",
        "Round of the run that goes on; 0 where none does.",
        lambda stream: _run(stream.run, "round"),
    ),
    per_stream(
        "driftwatch_run_asked_timestamp_seconds",
        "When the run that goes on was asked for.",
        lambda stream: None if stream.run is None else seconds(stream.run.created_at),
    ),
    per_stream(
        "driftwatch_run_moved_timestamp_seconds",
        "When the run that goes on last changed its state.",
        lambda stream: None if stream.run is None else seconds(stream.run.moved_at),
    ),
    per_stream(
        "driftwatch_champion_timestamp_seconds",
        "Since when the champion serves.",
        lambda stream: seconds(stream.champion_at),
    ),
    per_stream(
        "driftwatch_reference_timestamp_seconds",
        "When the reference in force was built.",
        lambda stream: seconds(stream.reference_at),
    ),
    per_stream(
        "driftwatch_reference_texts",
        "Texts in the reference in force.",
        lambda stream: stream.reference_texts,
    ),
)
