"""Reads a snapshot off the store."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from driftwatch.domain.alert import DeliveryState
from driftwatch.domain.decision import Action
from driftwatch.domain.drift import Outcome
from driftwatch.domain.pause import EVERY_RULE
from driftwatch.domain.run import PROBATION, RunState
from driftwatch.metrics.alarms import AlarmTally
from driftwatch.metrics.audit import apart, audit, drills
from driftwatch.metrics.bias import associations, bias
from driftwatch.metrics.snapshot import (
    DaemonFigures,
    IncreaseFigures,
    MeasureFigures,
    OutboxFigures,
    PauseFigures,
    RuleFigures,
    RunFigures,
    Snapshot,
    StreamFigures,
    WindowFigures,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from driftwatch.domain.decision import RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.run import Run
    from driftwatch.store import Store

TEXT_OUTCOMES = (
    "stored",
    "duplicate",
    "sampled-out",
    "redacted",
    "quarantined",
    "cut",
    "not-json",
    "not-utf8",
    "no-body",
    "body-not-text",
    "empty",
    "bad-time",
    "bad-turns",
    "not-an-object",
    "no-id",
    "bad-id",
    "clock-ahead",
    "line-too-long",
    "too-long",
    "unreadable-file",
    "unpacks-too-much",
    "row-group-too-large",
    "no-column",
    "no-genai",
    "not-matched",
    "other-operation",
    "deleted",
)
"""What becomes of a text that comes in; anything else is exported as ``other``, so the label stays bounded."""

FEEDBACK_OUTCOMES = ("correct", "incorrect", "rated", "class", "repeated", "unknown")
"""What becomes of feedback: by what it says, that it says again what is known, that its text is not there."""

OTHER = "other"
_MOST_RUNS = 1_000
_HOUR = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedStream:
    """Label values a stream is known to have, exported as 0 until something happens."""

    sources: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    drills: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What the configuration and the policies in force promise: streams and receivers by name."""

    streams: Mapping[str, ExpectedStream]
    receivers: tuple[str, ...] = ()


def snapshot_from(
    store: Store, expected: Expected, daemon: DaemonFigures, *, at: datetime, alarms: AlarmTally | None = None
) -> Snapshot:
    """Read everything that is exported.

    Args:
        store: to read.
        expected: streams, sources, rules and receivers; what is no longer configured is left out.
        daemon: what the daemon knows of itself.
        at: the present moment.
        alarms: counts the alarms that begin from one snapshot to the next; without it they are not counted.

    Raises:
        StoreError: the store cannot be read.
    """
    counts = _Counts(
        texts=store.counts.intake(),
        last_text_at=store.counts.last_text_at(),
        windows=store.windows.count(),
        decisions=store.decisions.count(),
        feedback=store.feedback.counts(),
    )
    tally = alarms or AlarmTally()
    return Snapshot(
        at=at,
        daemon=daemon,
        streams=tuple(_stream(store, counts, tally, name, wanted, at=at) for name, wanted in expected.streams.items()),
        outbox=_outbox(store, expected.receivers),
        store_bytes=store.size(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    texts: Mapping[tuple[str, str, str], int]
    last_text_at: Mapping[str, datetime]
    windows: Mapping[tuple[str, str], int]
    decisions: Mapping[tuple[str, str, str], int]
    feedback: Mapping[tuple[str, str], int]


def _stream(
    store: Store, counts: _Counts, tally: AlarmTally, name: str, wanted: ExpectedStream, *, at: datetime
) -> StreamFigures:
    runs = store.runs.list(stream=name, limit=_MOST_RUNS)
    champion, reference = store.registry.champion(name), store.registry.reference(name)
    newest = next(iter(store.windows.recent(name, limit=1)), None)
    return StreamFigures(
        name=name,
        texts=_texts(counts.texts, name, wanted.sources),
        last_text_at=counts.last_text_at.get(name),
        feedback={outcome: counts.feedback.get((name, outcome), 0) for outcome in FEEDBACK_OUTCOMES},
        backlog=store.texts.backlog(name, after_seq=store.windows.position(name).after_seq),
        windows={outcome.value: counts.windows.get((name, outcome.value), 0) for outcome in Outcome},
        last=_window(newest),
        alarms=tally.count(store, newest, stream=name),
        audit=audit(newest, marked=store.marks.false(name)),
        drills=drills(newest, expected=wanted.drills),
        rules=_rules(store.decisions.rule_states(name), wanted.rules),
        pauses=_pauses(store, name, wanted.rules, at=at),
        decisions={
            (rule, action.value): counts.decisions.get((name, rule, action.value), 0)
            for rule, action in product(wanted.rules, Action)
        },
        runs={state.value: sum(run.state is state for run in runs) for state in RunState},
        run=_run(runs),
        training_seconds=sum(run.training_hours for run in runs) * _HOUR,
        bias=bias(runs),
        associations=associations(runs),
        spoken_ill=next((run.spoken_ill for run in runs if run.spoken_ill is not None), None),
        champion_at=champion.at if champion else None,
        reference_at=reference.created_at if reference else None,
        reference_texts=reference.texts if reference else 0,
    )


def _texts(
    counts: Mapping[tuple[str, str, str], int], stream: str, sources: Iterable[str]
) -> dict[tuple[str, str], int]:
    texts = dict.fromkeys(product(sources, (*TEXT_OUTCOMES, OTHER)), 0)
    for (owner, source, outcome), count in counts.items():
        known = (source, outcome if outcome in TEXT_OUTCOMES else OTHER)
        if owner == stream and known in texts:
            texts[known] += count
    return texts


def _window(window: WindowResult | None) -> WindowFigures | None:
    if window is None:
        return None
    return WindowFigures(
        texts=window.texts,
        distinct=window.distinct,
        ended_at=window.last_seen_at,
        measures={
            measure.name: MeasureFigures(value=measure.value, null_low=measure.null_low, null_high=measure.null_high)
            for measure in window.measures
            if not apart(measure.name)
        },
        state=window.state.value if window.state is not None else None,
        onset_at=window.onset.seen_at if window.onset is not None else None,
        budget_texts=window.arl_texts,
    )


def _rules(states: Mapping[str, RuleState], rules: Iterable[str]) -> dict[str, RuleFigures]:
    return {
        rule: RuleFigures(holding=state.since_window is not None, fired_at=state.fired_at, unjudged=state.unjudged)
        if (state := states.get(rule))
        else RuleFigures()
        for rule in rules
    }


def _pauses(store: Store, stream: str, rules: Iterable[str], *, at: datetime) -> dict[str, PauseFigures]:
    """Return the pauses in force; of rules that are no more, none, so that the label stays bounded."""
    known = {EVERY_RULE, *rules}
    return {
        pause.scope: PauseFigures(since=pause.since, until=pause.until)
        for pause in store.pauses.in_force(at, stream=stream)
        if pause.scope in known
    }


def _run(runs: Iterable[Run]) -> RunFigures | None:
    run = next((run for run in runs if not run.state.final), None)
    if run is None:
        return None
    progress = run.progress
    return RunFigures(
        created_at=run.created_at,
        moved_at=run.transitions[-1].at if run.transitions else run.created_at,
        round=run.round,
        progress=progress.done / progress.total if progress and progress.total else 0.0,
        increase=_increase(run) if run.state is RunState.PROBATION else None,
    )


def _increase(run: Run) -> IncreaseFigures | None:
    """Return what the newest window of a probation measured."""
    found = [each for verdict in run.verdicts if verdict.gate == PROBATION for each in verdict.measures]
    return IncreaseFigures(value=found[-1].value, low=found[-1].low, high=found[-1].high) if found else None


def _outbox(store: Store, receivers: Iterable[str]) -> OutboxFigures:
    counts = store.outbox.counts()
    return OutboxFigures(
        deliveries={
            (receiver, state.value): counts.get((receiver, state.value), 0)
            for receiver, state in product(receivers, DeliveryState)
        },
        oldest_pending_at=store.outbox.oldest_pending(),
    )
