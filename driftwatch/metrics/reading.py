"""Reads a snapshot off the store."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING

from driftwatch.domain.alert import DeliveryState
from driftwatch.domain.decision import Action
from driftwatch.domain.drift import Outcome
from driftwatch.domain.pause import EVERY_RULE
from driftwatch.metrics.alarms import AlarmTally
from driftwatch.metrics.audit import apart, audit, drills
from driftwatch.metrics.detectors import detectors
from driftwatch.metrics.ledger import RunLedger, runs_figures
from driftwatch.metrics.snapshot import (
    DaemonFigures,
    DecisionsFigures,
    MeasureFigures,
    OutboxFigures,
    PauseFigures,
    RuleFigures,
    RunsFigures,
    Snapshot,
    StreamFigures,
    WindowFigures,
    WordFigures,
)
from driftwatch.metrics.tally import StepTally
from driftwatch.store import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from driftwatch.domain.decision import RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.domain.pause import Pause
    from driftwatch.metrics.observations import Observations
    from driftwatch.store import Store

TEXT_OUTCOMES = (
    "stored",
    "duplicate",
    "sampled-out",
    "dropped-full",
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
_SET_ASIDE = "quarantined"
ASSESSMENT = "assessment"
"""Stands for a source where texts are set aside; nothing else becomes of texts there."""

MOST_WORDS = 5
"""Of the words that rose most, and of those that fell most, so many ranks are exported."""

MOST_MEASURES = 40
"""Our own detectors have fewer; of those of plugins more are left out, so the label stays bounded."""

BANKS = ("directions", "twins", "tokens", "witness", "loss", "length")
"""What evidence is gathered from; channels of other banks are left out, so the label stays bounded."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What is remembered from one snapshot to the next: what was counted, runs that ended, what the daemon saw.

    Args:
        steps: counts windows and decisions.
        alarms: counts the alarms that begin.
        ledger: remembers ended runs.
        observed: since the daemon started; None where nobody watches.
    """

    steps: StepTally = field(default_factory=StepTally)
    alarms: AlarmTally = field(default_factory=AlarmTally)
    ledger: RunLedger = field(default_factory=RunLedger)
    observed: Observations | None = None


def snapshot_from(
    store: Store, expected: Expected, daemon: DaemonFigures, *, at: datetime, memory: Memory | None = None
) -> Snapshot:
    """Read everything that is exported.

    Args:
        store: to read.
        expected: streams, sources, rules and receivers; what is no longer configured is left out.
        daemon: what the daemon knows of itself.
        at: the present moment.
        memory: of the snapshots before; without it nothing is counted from one to the next.

    Raises:
        StoreError: the store cannot be read.
    """
    memory = memory or Memory()
    positions = store.windows.positions()
    counts = _Counts(
        texts=store.counts.intake(),
        last_text_at=store.counts.last_text_at(),
        windows=memory.steps.windows(store, positions),
        decisions=memory.steps.decisions(store),
        positions=positions,
        pauses=_pauses(store, at=at),
        feedback=store.feedback.counts(),
        runs=memory.ledger.read(store),
    )
    return Snapshot(
        at=at,
        daemon=daemon,
        streams=tuple(
            replace(_stream(store, counts, memory, name, wanted), in_order=name not in daemon.troubled)
            for name, wanted in expected.streams.items()
        ),
        outbox=_outbox(store, expected.receivers),
        store_bytes=store.size(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    texts: Mapping[tuple[str, str, str], int]
    last_text_at: Mapping[str, datetime]
    windows: Mapping[tuple[str, str], int]
    decisions: Mapping[tuple[str, str, str], DecisionsFigures]
    positions: Mapping[str, Position]
    pauses: Mapping[str, tuple[Pause, ...]]
    feedback: Mapping[tuple[str, str], int]
    runs: Mapping[str, RunsFigures]


def _stream(store: Store, counts: _Counts, memory: Memory, name: str, wanted: ExpectedStream) -> StreamFigures:
    champion, reference = store.registry.champion(name), store.registry.reference(name)
    position = counts.positions.get(name, Position())
    newest = memory.steps.newest(store, name, position)
    return StreamFigures(
        name=name,
        texts=_texts(counts.texts, name, wanted.sources),
        last_text_at=counts.last_text_at.get(name),
        feedback={outcome: counts.feedback.get((name, outcome), 0) for outcome in FEEDBACK_OUTCOMES},
        backlog=store.texts.backlog(name, after_seq=position.after_seq),
        windows={outcome.value: counts.windows.get((name, outcome.value), 0) for outcome in Outcome},
        last=_window(newest),
        alarms=memory.alarms.count(store, newest, stream=name),
        audit=audit(newest, marked=store.marks.false(name)),
        drills=drills(newest, expected=wanted.drills),
        rules=_rules(store.decisions.rule_states(name), wanted.rules),
        pauses=_paused(counts.pauses.get(name, ()), wanted.rules),
        decisions={
            (rule, action.value): counts.decisions.get((name, rule, action.value), DecisionsFigures())
            for rule, action in product(wanted.rules, Action)
        },
        runs=counts.runs.get(name) or runs_figures(()),
        observed=memory.observed.of(name) if memory.observed is not None else None,
        champion_at=champion.at if champion else None,
        reference_at=reference.created_at if reference else None,
        reference_texts=reference.texts if reference else 0,
    )


def _texts(
    counts: Mapping[tuple[str, str, str], int], stream: str, sources: Iterable[str]
) -> dict[tuple[str, str], int]:
    texts = {
        (source, outcome): 0
        for source in sources
        for outcome in ((_SET_ASIDE,) if source == ASSESSMENT else (*TEXT_OUTCOMES, OTHER))
    }
    for (owner, source, outcome), count in counts.items():
        known = (source, outcome if outcome in TEXT_OUTCOMES else OTHER)
        if owner == stream and known in texts:
            texts[known] += count
    return texts


def _window(window: WindowResult | None) -> WindowFigures | None:
    if window is None:
        return None
    measures = {
        measure.name: MeasureFigures(value=measure.value, null_low=measure.null_low, null_high=measure.null_high)
        for measure in [each for each in window.measures if not apart(each.name)][:MOST_MEASURES]
    }
    return WindowFigures(
        index=window.index,
        texts=window.texts,
        distinct=window.distinct,
        ended_at=window.last_seen_at,
        measures=measures,
        detectors=detectors(measures),
        banks=_banks(window),
        words=_words(window),
        state=window.state.value if window.state is not None else None,
        onset_at=window.onset.seen_at if window.onset is not None else None,
        budget_texts=window.arl_texts,
    )


def _banks(window: WindowResult) -> dict[str, float]:
    """Return the evidence of each bank's strongest channel."""
    found: dict[str, float] = {}
    for channel in window.channels:
        if channel.bank in BANKS:
            found[channel.bank] = max(channel.log10_e, found.get(channel.bank, channel.log10_e))
    return found


def _words(window: WindowResult) -> dict[tuple[str, str], WordFigures]:
    """Return how words moved by direction and rank, in the order of the window's page and without the words.

    They are text of the stream, and no label.
    """
    risen = [word for word in window.words if word.z > 0][:MOST_WORDS]
    fallen = [word for word in window.words if word.z < 0][:MOST_WORDS]
    return {
        (direction, str(rank)): WordFigures(share=word.share, reference_share=word.reference_share, z=word.z)
        for direction, words in (("risen", risen), ("fallen", fallen))
        for rank, word in enumerate(words, 1)
    }


def _rules(states: Mapping[str, RuleState], rules: Iterable[str]) -> dict[str, RuleFigures]:
    return {
        rule: RuleFigures(holding=state.since_window is not None, fired_at=state.fired_at, unjudged=state.unjudged)
        if (state := states.get(rule))
        else RuleFigures()
        for rule in rules
    }


def _pauses(store: Store, *, at: datetime) -> dict[str, tuple[Pause, ...]]:
    """Return the pauses in force by stream."""
    found: dict[str, tuple[Pause, ...]] = {}
    for pause in store.pauses.in_force(at):
        found[pause.stream] = (*found.get(pause.stream, ()), pause)
    return found


def _paused(pauses: Iterable[Pause], rules: Iterable[str]) -> dict[str, PauseFigures]:
    """Return what is paused; of rules that are no more, nothing, so that the label stays bounded."""
    known = {EVERY_RULE, *rules}
    return {pause.scope: PauseFigures(since=pause.since, until=pause.until) for pause in pauses if pause.scope in known}


def _outbox(store: Store, receivers: Iterable[str]) -> OutboxFigures:
    counts = store.outbox.counts()
    return OutboxFigures(
        deliveries={
            (receiver, state.value): counts.get((receiver, state.value), 0)
            for receiver, state in product(receivers, DeliveryState)
        },
        oldest_pending_at=store.outbox.oldest_pending(),
    )
