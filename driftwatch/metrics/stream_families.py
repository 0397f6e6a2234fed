"""The metrics of a stream: its texts, windows, drift, rules, runs and models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.pause import EVERY_RULE
from driftwatch.metrics.bias_families import BIAS_FAMILIES
from driftwatch.metrics.drift_families import DRIFT_FAMILIES
from driftwatch.metrics.family import Kind, per_stream, seconds, within_stream

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import RunFigures, StreamFigures


def _window(stream: StreamFigures, attribute: str) -> float | None:
    return None if stream.last is None else float(getattr(stream.last, attribute))


def _measured(stream: StreamFigures, name: str) -> float | None:
    found = None if stream.last is None else stream.last.measures.get(name)
    return None if found is None else found.value


def _fired(stream: StreamFigures) -> dict[str, float]:
    return {name: rule.fired_at.timestamp() for name, rule in stream.rules.items() if rule.fired_at is not None}


def _increase(stream: StreamFigures, end: str) -> float | None:
    found = None if stream.run is None else stream.run.increase
    return None if found is None else float(getattr(found, end))


def _run(run: RunFigures | None, attribute: str) -> float:
    return 0.0 if run is None else float(getattr(run, attribute))


STREAM_FAMILIES = (
    within_stream(
        "driftwatch_texts_total",
        "Texts that came in, by source and what became of them; redacted and cut texts are stored as well.",
        ("source", "outcome"),
        lambda stream: stream.texts,
        kind=Kind.COUNTER,
    ),
    within_stream(
        "driftwatch_feedback_total",
        "Feedback that came in, by what it says; unknown counts again what is of texts that were not there yet.",
        ("outcome",),
        lambda stream: stream.feedback,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_feedback_accuracy_ratio",
        "Share of right answers in the last window, of the texts with feedback by then; ratings count as shares.",
        lambda stream: _measured(stream, "feedback.accuracy"),
    ),
    per_stream(
        "driftwatch_feedback_texts",
        "Texts of the last window with feedback by then.",
        lambda stream: _measured(stream, "feedback.n") or 0.0,
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
    *DRIFT_FAMILIES,
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
        "driftwatch_paused",
        "Whether a person paused the rule (1) or not (0); rule * is the whole stream.",
        ("rule",),
        lambda stream: {rule: float(rule in stream.pauses) for rule in (EVERY_RULE, *stream.rules)},
    ),
    within_stream(
        "driftwatch_paused_since_timestamp_seconds",
        "Since when the rule is paused, however often that was prolonged; absent while it is not.",
        ("rule",),
        lambda stream: {rule: pause.since.timestamp() for rule, pause in stream.pauses.items()},
    ),
    within_stream(
        "driftwatch_paused_until_timestamp_seconds",
        "Until when the rule is paused; absent while it is not.",
        ("rule",),
        lambda stream: {rule: pause.until.timestamp() for rule, pause in stream.pauses.items()},
    ),
    within_stream(
        "driftwatch_policy_unjudged_total",
        "Windows in which the rule's condition was neither true nor false: not measured, or an error.",
        ("rule",),
        lambda stream: {name: float(rule.unjudged) for name, rule in stream.rules.items()},
        kind=Kind.COUNTER,
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
        "driftwatch_training_seconds_total",
        "Time that the stream's runs have trained, their probes included.",
        lambda stream: stream.training_seconds,
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
    *BIAS_FAMILIES,
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
