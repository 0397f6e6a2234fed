"""The metrics of a stream: its texts, windows, rules and models, and those of drift, runs and bias among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.pause import EVERY_RULE
from driftwatch.metrics.bias_families import BIAS_FAMILIES
from driftwatch.metrics.drift_families import DRIFT_FAMILIES
from driftwatch.metrics.family import Kind, per_stream, seconds, stream_histogram, within_stream
from driftwatch.metrics.histogram import Exemplar
from driftwatch.metrics.run_families import RUN_FAMILIES

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import StreamFigures

_BESIDES = (
    *("redacted", "cut", "quarantined", "clock-ahead"),
    *("unreadable-file", "unpacks-too-much", "row-group-too-large", "no-column"),
)
"""Outcomes of texts that are counted as stored too, and those that are no texts but files."""


def _window(stream: StreamFigures, attribute: str) -> float | None:
    return None if stream.last is None else float(getattr(stream.last, attribute))


def _measured(stream: StreamFigures, name: str) -> float | None:
    found = None if stream.last is None else stream.last.measures.get(name)
    return None if found is None else found.value


def _fired(stream: StreamFigures) -> dict[str, float]:
    return {name: rule.fired_at.timestamp() for name, rule in stream.rules.items() if rule.fired_at is not None}


def _decided(stream: StreamFigures) -> dict[tuple[str, ...], Exemplar]:
    return {
        key: Exemplar(label="decision", id=str(each.newest), value=1.0)
        for key, each in stream.decisions.items()
        if each.newest is not None
    }


def _seen(stream: StreamFigures) -> dict[str, float]:
    """Return all texts that came in, by source: what is counted besides does not come in once more."""
    seen: dict[str, float] = {}
    for (source, outcome), count in stream.texts.items():
        if outcome not in _BESIDES:
            seen[source] = seen.get(source, 0.0) + count
    return seen


STREAM_FAMILIES = (
    within_stream(
        "driftwatch_texts_total",
        "Texts that came in, by source and what became of them; redacted and cut texts are stored as well.",
        ("source", "outcome"),
        lambda stream: stream.texts,
        kind=Kind.COUNTER,
    ),
    within_stream(
        "driftwatch_texts_seen_total",
        "Texts that came in, by source, whatever became of them: each counts once.",
        ("source",),
        _seen,
        kind=Kind.COUNTER,
    ),
    stream_histogram(
        "driftwatch_text_length_characters",
        "Lengths of the texts taken in since the daemon started, redacted and cut.",
        lambda stream: None if stream.observed is None else stream.observed.lengths,
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
    per_stream(
        "driftwatch_assessment_ready",
        "Whether the stream's windows can be assessed (1) or not (0); /-/ready says why not.",
        lambda stream: float(stream.in_order),
    ),
    within_stream(
        "driftwatch_assessments_total",
        "Attempts to assess a window since the daemon started, by how they ended.",
        ("outcome",),
        lambda stream: {} if stream.observed is None else stream.observed.results,
        kind=Kind.COUNTER,
    ),
    stream_histogram(
        "driftwatch_assessment_duration_seconds",
        "How long these attempts took.",
        lambda stream: None if stream.observed is None else stream.observed.durations,
    ),
    within_stream(
        "driftwatch_windows_total",
        "Windows by how their assessment ended.",
        ("outcome",),
        lambda stream: stream.windows,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_window_index",
        "Number of the last window: its pages are /streams/STREAM/windows/NUMBER and /streams/STREAM/incidents/NUMBER.",
        lambda stream: _window(stream, "index"),
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
        lambda stream: {key: float(each.count) for key, each in stream.decisions.items()},
        kind=Kind.COUNTER,
        exemplars=_decided,
    ),
    *RUN_FAMILIES,
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
