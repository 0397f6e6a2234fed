"""The metrics of a stream's drift: measures, evidence, state, and whether the detector keeps its promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.drift import DriftState
from driftwatch.metrics.family import Family, Kind, per_stream, seconds, within_stream

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import StreamFigures, WindowFigures


def _measures(window: WindowFigures | None, attribute: str) -> dict[str, float]:
    if window is None:
        return {}
    figures = {name: getattr(measure, attribute) for name, measure in window.measures.items()}
    return {name: value for name, value in figures.items() if value is not None}


def _measure(stream: StreamFigures, name: str, *, default: float | None = None) -> float | None:
    found = None if stream.last is None else stream.last.measures.get(name)
    return default if found is None else found.value


def _states(stream: StreamFigures) -> dict[str, float]:
    shown = None if stream.last is None else stream.last.state
    return {state.value: float(state.value == shown) for state in DriftState}


def _delays(stream: StreamFigures) -> dict[str, float]:
    return {name: drill.delay_texts for name, drill in stream.drills.items() if drill.delay_texts is not None}


def _detector(name: str, meaning: str, attribute: str) -> Family:
    def values(stream: StreamFigures) -> dict[str, float]:
        read = {} if stream.last is None else stream.last.detectors
        found = {detector: getattr(figures, attribute) for detector, figures in read.items()}
        return {detector: float(value) for detector, value in found.items() if value is not None}

    return within_stream(name, meaning, ("detector",), values)


def _word(name: str, meaning: str, attribute: str) -> Family:
    def values(stream: StreamFigures) -> dict[tuple[str, str], float]:
        words = {} if stream.last is None else stream.last.words
        return {place: float(getattr(figures, attribute)) for place, figures in words.items()}

    return within_stream(name, meaning, ("direction", "rank"), values)


DRIFT_FAMILIES = (
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
    _detector("driftwatch_detector_score", "What the detector measured on the last window, in its own unit.", "score"),
    _detector("driftwatch_detector_limit", "From here on its score says drift; absent without a limit.", "limit"),
    _detector(
        "driftwatch_detector_p_value",
        "Its p-value, valid for one planned look at one window and no alarm threshold.",
        "p_value",
    ),
    within_stream(
        "driftwatch_drift_bank_evidence",
        "Log10 of what the strongest channel of the bank adds to the evidence, in windows with an alarm in force.",
        ("bank",),
        lambda stream: {} if stream.last is None else stream.last.banks,
    ),
    _word("driftwatch_word_share", "Share of the last window's texts that hold the word of this rank.", "share"),
    _word("driftwatch_word_reference_share", "Share of the reference's texts that hold it.", "reference_share"),
    _word("driftwatch_word_z", "Standard score of the difference; the words stand on the window's page.", "z"),
    per_stream(
        "driftwatch_drift_alarm",
        "Whether an alarm is in force (1) or not (0): evidence of drift reached its false-alarm budget.",
        lambda stream: _measure(stream, "drift.alarm", default=0.0),
    ),
    per_stream(
        "driftwatch_drift_alarms_total",
        "Drift alarms that began while the daemon ran.",
        lambda stream: stream.alarms,
        kind=Kind.COUNTER,
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
    per_stream(
        "driftwatch_false_alarm_budget_texts",
        "The false-alarm budget at the present rate: on average at least so many texts lie between two false alarms.",
        lambda stream: None if stream.last is None else stream.last.budget_texts,
    ),
    per_stream(
        "driftwatch_shadow_budget_texts",
        "The shadow stream's own budget: on average at least so many of its texts lie between two alarms.",
        lambda stream: stream.audit.budget_texts,
    ),
    per_stream(
        "driftwatch_shadow_texts_total",
        "Texts of the audit's shadow stream, which cannot drift.",
        lambda stream: stream.audit.texts,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_shadow_alarms_total",
        "Alarms on the audit's shadow stream; every one is false.",
        lambda stream: stream.audit.alarms,
        kind=Kind.COUNTER,
    ),
    per_stream(
        "driftwatch_false_alarms_marked_total",
        "Alarms that a person marked false.",
        lambda stream: stream.audit.marked,
        kind=Kind.COUNTER,
    ),
    within_stream(
        "driftwatch_drill_detection_delay_texts",
        "Texts from the begin of the drill's drift to its alarm, the last time it was detected.",
        ("drill",),
        _delays,
    ),
    within_stream(
        "driftwatch_drill_missed_total",
        "Drills that ended without an alarm.",
        ("drill",),
        lambda stream: {name: drill.missed for name, drill in stream.drills.items()},
        kind=Kind.COUNTER,
    ),
)
