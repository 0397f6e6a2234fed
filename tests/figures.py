"""A snapshot with a value in every metric, as a busy daemon would give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from driftwatch.domain.alert import DeliveryState
from driftwatch.domain.decision import Action
from driftwatch.domain.drift import Outcome
from driftwatch.domain.run import GateMeasure, RunState
from driftwatch.metrics.detectors import detectors
from driftwatch.metrics.gates import GATES
from driftwatch.metrics.histogram import Exemplar, HistogramFigures
from driftwatch.metrics.observations import DURATIONS, LENGTHS, RESULTS
from driftwatch.metrics.reading import BANKS, FEEDBACK_OUTCOMES, MOST_WORDS, OTHER, TEXT_OUTCOMES
from driftwatch.metrics.snapshot import (
    ArrivalFigures,
    AssociationFigures,
    AuditFigures,
    BiasFigures,
    DaemonFigures,
    DecisionsFigures,
    DrillFigures,
    GateFigures,
    IncreaseFigures,
    MeasureFigures,
    ObservedFigures,
    OutboxFigures,
    PauseFigures,
    RuleFigures,
    RunFigures,
    RunsFigures,
    Snapshot,
    StreamFigures,
    WatchFigures,
    WindowFigures,
    WordFigures,
)

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SOURCES = ("file", "http")
RULES = ("topic-shift", "loss-rise")
LOOPS = ("analysis", "delivery", "intake", "snapshot")
RECEIVERS = ("alertmanager", "webhook")
MEASURES = (
    "drift.look_p",
    "drift.new_share",
    "embedding.auc",
    "embedding.mmd2",
    "embedding.mmd_p",
    "loss.increase",
    "loss.nats",
    "loss.perplexity_ratio",
    "loss.where_new",
    "text.length",
    "tokens.hellinger",
    "tokens.jsd",
    "tokens.psi",
    "tokens.unknown_share",
    "window.duplicate_share",
    "window.known_share",
)
DRILLS = ("new-topic", "slow")


CATEGORIES = ("gender", "religion")


def window_figures(*, at: datetime = NOON, scale: int = 1) -> WindowFigures:
    """Return a window in which an alarm is in force."""
    measures = {
        **{measure: MeasureFigures(value=0.25, null_low=-0.01, null_high=0.04) for measure in MEASURES},
        "drift.alarm": MeasureFigures(value=1.0),
        "feedback.accuracy": MeasureFigures(value=0.9),
        "feedback.n": MeasureFigures(value=60.0),
        "drift.evidence": MeasureFigures(value=0.5),
        "drift.new_share": MeasureFigures(value=0.1),
    }
    return WindowFigures(
        index=12 * scale,
        texts=500,
        distinct=480,
        ended_at=at - timedelta(seconds=30),
        measures=measures,
        detectors=detectors(measures),
        banks=dict.fromkeys(BANKS, 2.5),
        words={
            (direction, str(rank)): WordFigures(share=0.2 / rank, reference_share=0.1, z=sign * 9.0 / rank)
            for direction, sign in (("risen", 1), ("fallen", -1))
            for rank in range(1, MOST_WORDS + 1)
        },
        state="harmful-drift",
        onset_at=at - timedelta(hours=2),
        budget_texts=3e7,
    )


def runs_figures(*, at: datetime = NOON, scale: int = 1) -> RunsFigures:
    """Return runs of every state, the newest in probation."""
    measured = {"probe": "gain", "quality": "gain", "forgetting": "loss"}
    gain = GateMeasure(name="gain", value=0.08, low=0.05, high=0.11, limit=0.01, unit="nats/token", n=400)
    return RunsFigures(
        states={state.value: 1 for state in RunState},
        arrivals={
            state.value: ArrivalFigures(count=3 * scale, at=at - timedelta(minutes=9), run="support-w0000012")
            for state in RunState
        },
        run=RunFigures(
            created_at=at - timedelta(hours=1),
            moved_at=at - timedelta(minutes=9),
            round=1,
            progress=0.5,
            increase=IncreaseFigures(value=0.02, low=-0.01, high=0.05),
        ),
        ended_after=2_400.0,
        training_seconds=5_400.0 * scale,
        device_seconds=10_800.0 * scale,
        bias={category: BiasFigures(change=0.03, low=-0.01, high=0.07, limit=0.05) for category in CATEGORIES},
        associations={("women", "negative"): AssociationFigures(change=0.7, low=0.2, high=1.2)},
        spoken_ill=1,
        gates={
            gate: GateFigures(outcome="passed", measures={measured[gate]: gain} if gate in measured else {})
            for gate in GATES
        },
    )


def observed_figures(*, at: datetime = NOON, scale: int = 1) -> ObservedFigures:
    """Return lengths and durations in every class, the second with exemplars."""
    return ObservedFigures(
        results=dict.fromkeys(RESULTS, 4 * scale),
        lengths=HistogramFigures(bounds=LENGTHS, counts=(scale,) * (len(LENGTHS) + 1), total=9_000.0 * scale),
        durations=HistogramFigures(
            bounds=DURATIONS,
            counts=(scale,) * (len(DURATIONS) + 1),
            total=40.5 * scale,
            exemplars=(
                *(Exemplar(label="window", id="12", value=bound, at=at.timestamp()) for bound in DURATIONS),
                None,
            ),
        ),
    )


def stream_figures(name: str = "support", *, at: datetime = NOON, scale: int = 1) -> StreamFigures:
    """Return a stream with every figure set."""
    return StreamFigures(
        name=name,
        texts={(source, outcome): scale * 100 for source in SOURCES for outcome in (*TEXT_OUTCOMES, OTHER)},
        last_text_at=at - timedelta(seconds=3),
        feedback=dict.fromkeys(FEEDBACK_OUTCOMES, scale * 10),
        backlog=120,
        windows={Outcome.ASSESSED.value: 12 * scale, Outcome.TOO_LITTLE_DATA.value: 1},
        last=window_figures(at=at, scale=scale),
        alarms=2 * scale,
        audit=AuditFigures(texts=1_000.0 * scale, alarms=float(scale), marked=1.0, budget_texts=2_000.0),
        drills={drill: DrillFigures(missed=float(scale), delay_texts=140.0) for drill in DRILLS},
        rules={rule: RuleFigures(holding=True, fired_at=at - timedelta(hours=1)) for rule in RULES},
        pauses={"topic-shift": PauseFigures(since=at - timedelta(hours=5), until=at + timedelta(hours=1))},
        decisions={
            (rule, action.value): DecisionsFigures(count=5 * scale, newest=7) for rule in RULES for action in Action
        },
        runs=runs_figures(at=at, scale=scale),
        observed=observed_figures(at=at, scale=scale),
        champion_at=at - timedelta(days=3),
        reference_at=at - timedelta(days=3),
        reference_texts=20_000,
    )


def busy_snapshot(*streams: str, at: datetime = NOON, scale: int = 1) -> Snapshot:
    """Return a snapshot with every metric set for the named streams (``support`` where none is named)."""
    return Snapshot(
        at=at,
        daemon=DaemonFigures(
            version="0.1.0",
            started_at=at - timedelta(days=1),
            ready=True,
            heartbeats=dict.fromkeys(LOOPS, at),
            patience=dict.fromkeys(LOOPS, timedelta(minutes=5)),
            loop_failures=dict.fromkeys(LOOPS, scale),
            loop_rounds=dict.fromkeys(LOOPS, 30 * scale),
            loop_misses=dict.fromkeys(LOOPS, scale),
            loop_delays=dict.fromkeys(LOOPS, timedelta(milliseconds=20)),
            backlog_limit=1_000_000,
            worker_up=True,
            worker_restarts=scale,
            reload_ok=True,
            reloaded_at=at - timedelta(days=1),
            loads={("files", "loaded"): 3, ("http", "refused"): 1},
            load_tried_at=at - timedelta(hours=1),
            watch=WatchFigures(up=True, looked_at=at - timedelta(seconds=2)),
        ),
        streams=tuple(stream_figures(name, at=at, scale=scale) for name in streams or ("support",)),
        outbox=OutboxFigures(
            deliveries={(receiver, state.value): 1 for receiver in RECEIVERS for state in DeliveryState},
            oldest_pending_at=at - timedelta(seconds=20),
        ),
        store_bytes=4_000_000,
    )
