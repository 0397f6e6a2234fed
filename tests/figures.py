"""A snapshot with a value in every metric, as a busy daemon would give it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from driftwatch.domain.alert import DeliveryState
from driftwatch.domain.decision import Action
from driftwatch.domain.drift import Outcome
from driftwatch.domain.run import RunState
from driftwatch.metrics.reading import FEEDBACK_OUTCOMES, OTHER, TEXT_OUTCOMES
from driftwatch.metrics.snapshot import (
    AssociationFigures,
    AuditFigures,
    BiasFigures,
    DaemonFigures,
    DrillFigures,
    IncreaseFigures,
    MeasureFigures,
    OutboxFigures,
    PauseFigures,
    RuleFigures,
    RunFigures,
    Snapshot,
    StreamFigures,
    WatchFigures,
    WindowFigures,
)

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
SOURCES = ("file", "http")
RULES = ("topic-shift", "loss-rise")
LOOPS = ("analysis", "delivery", "intake", "snapshot")
RECEIVERS = ("alertmanager", "webhook")
MEASURES = (
    "drift.new_share",
    "embedding.mmd2",
    "embedding.mmd_p",
    "loss.increase",
    "loss.nats",
    "loss.perplexity_ratio",
    "tokens.jsd",
    "tokens.unknown_share",
    "window.known_share",
)
DRILLS = ("new-topic", "slow")


def stream_figures(name: str = "support", *, at: datetime = NOON, scale: int = 1) -> StreamFigures:
    """Return a stream with every figure set."""
    return StreamFigures(
        name=name,
        texts={(source, outcome): scale * 100 for source in SOURCES for outcome in (*TEXT_OUTCOMES, OTHER)},
        last_text_at=at - timedelta(seconds=3),
        feedback=dict.fromkeys(FEEDBACK_OUTCOMES, scale * 10),
        backlog=120,
        windows={Outcome.ASSESSED.value: 12 * scale, Outcome.TOO_LITTLE_DATA.value: 1},
        last=WindowFigures(
            texts=500,
            distinct=480,
            ended_at=at - timedelta(seconds=30),
            measures={
                **{measure: MeasureFigures(value=0.25, null_low=-0.01, null_high=0.04) for measure in MEASURES},
                "drift.alarm": MeasureFigures(value=1.0),
                "feedback.accuracy": MeasureFigures(value=0.9),
                "feedback.n": MeasureFigures(value=60.0),
                "drift.evidence": MeasureFigures(value=0.5),
                "drift.new_share": MeasureFigures(value=0.1),
            },
            state="harmful-drift",
            onset_at=at - timedelta(hours=2),
            budget_texts=3e7,
        ),
        alarms=2 * scale,
        audit=AuditFigures(texts=1_000.0 * scale, alarms=float(scale), marked=1.0, budget_texts=2_000.0),
        drills={drill: DrillFigures(missed=float(scale), delay_texts=140.0) for drill in DRILLS},
        rules={rule: RuleFigures(holding=True, fired_at=at - timedelta(hours=1)) for rule in RULES},
        pauses={"topic-shift": PauseFigures(since=at - timedelta(hours=5), until=at + timedelta(hours=1))},
        decisions={(rule, action.value): 5 * scale for rule in RULES for action in Action},
        runs={state.value: 1 for state in RunState},
        run=RunFigures(
            created_at=at - timedelta(hours=1),
            moved_at=at - timedelta(minutes=9),
            round=1,
            progress=0.5,
            increase=IncreaseFigures(value=0.02, low=-0.01, high=0.05),
        ),
        training_seconds=5_400.0 * scale,
        bias={"gender": BiasFigures(change=0.03, low=-0.01, high=0.07, limit=0.05)},
        associations={("women", "negative"): AssociationFigures(change=0.7, low=0.2, high=1.2)},
        spoken_ill=1,
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
