"""The metrics of the daemon itself: its loops, worker, outbox and store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.metrics.family import Family, Kind, Samples, seconds, single

if TYPE_CHECKING:
    from driftwatch.metrics.snapshot import Snapshot


def _build(snapshot: Snapshot) -> Samples:
    return (((snapshot.daemon.version,), 1.0),)


def _heartbeats(snapshot: Snapshot) -> Samples:
    beats = snapshot.daemon.heartbeats
    return [((loop,), 0.0 if at is None else at.timestamp()) for loop, at in beats.items()]


def _patience(snapshot: Snapshot) -> Samples:
    return [((loop,), patience.total_seconds()) for loop, patience in snapshot.daemon.patience.items()]


def _rounds(snapshot: Snapshot) -> Samples:
    return [((loop,), rounds) for loop, rounds in snapshot.daemon.loop_rounds.items()]


def _failures(snapshot: Snapshot) -> Samples:
    return [((loop,), failures) for loop, failures in snapshot.daemon.loop_failures.items()]


def _misses(snapshot: Snapshot) -> Samples:
    return [((loop,), misses) for loop, misses in snapshot.daemon.loop_misses.items()]


def _delays(snapshot: Snapshot) -> Samples:
    return [((loop,), delay.total_seconds()) for loop, delay in snapshot.daemon.loop_delays.items()]


def _loads(snapshot: Snapshot) -> Samples:
    return list(snapshot.daemon.loads.items())


def _deliveries(snapshot: Snapshot) -> Samples:
    return list(snapshot.outbox.deliveries.items())


DAEMON_FAMILIES = (
    Family(
        name="driftwatch_build_info",
        kind=Kind.GAUGE,
        meaning="Always 1; the label says which version runs.",
        labels=("version",),
        samples=_build,
    ),
    single(
        "driftwatch_start_timestamp_seconds",
        "When the daemon started.",
        lambda snapshot: seconds(snapshot.daemon.started_at),
    ),
    single(
        "driftwatch_snapshot_timestamp_seconds",
        "When these figures were read from the store.",
        lambda snapshot: seconds(snapshot.at),
    ),
    single(
        "driftwatch_ready",
        "Whether the daemon takes in and assesses texts (1) or not (0).",
        lambda snapshot: float(snapshot.daemon.ready),
    ),
    single(
        "driftwatch_leader",
        "Whether this daemon assesses, decides and delivers (1), or follows one on the same store that does (0).",
        lambda snapshot: float(snapshot.daemon.leads),
    ),
    single(
        "driftwatch_configuration_agrees",
        "Whether this daemon is configured as the one that leads (1), or otherwise, and so does not take over (0).",
        lambda snapshot: float(snapshot.daemon.agrees),
    ),
    Family(
        name="driftwatch_loop_heartbeat_timestamp_seconds",
        kind=Kind.GAUGE,
        meaning="When the loop last came round; 0 before its first round.",
        labels=("loop",),
        samples=_heartbeats,
    ),
    Family(
        name="driftwatch_loop_patience_seconds",
        kind=Kind.GAUGE,
        meaning="How long the loop may go without coming round.",
        labels=("loop",),
        samples=_patience,
    ),
    Family(
        name="driftwatch_loop_rounds_total",
        kind=Kind.COUNTER,
        meaning="Rounds of the loop that came to an end, failed ones included.",
        labels=("loop",),
        samples=_rounds,
    ),
    Family(
        name="driftwatch_loop_failures_total",
        kind=Kind.COUNTER,
        meaning="Rounds of the loop that ended in an error.",
        labels=("loop",),
        samples=_failures,
    ),
    Family(
        name="driftwatch_loop_misses_total",
        kind=Kind.COUNTER,
        meaning="Rounds of the loop left out since the one before still went on.",
        labels=("loop",),
        samples=_misses,
    ),
    Family(
        name="driftwatch_loop_delay_seconds",
        kind=Kind.GAUGE,
        meaning="How late the newest round of the loop began.",
        labels=("loop",),
        samples=_delays,
    ),
    single(
        "driftwatch_backlog_limit_texts",
        "Texts of a stream waiting to be assessed at which it takes no more over HTTP.",
        lambda snapshot: snapshot.daemon.backlog_limit,
    ),
    single(
        "driftwatch_worker_up",
        "Whether the analysis worker runs (1) or not (0).",
        lambda snapshot: float(snapshot.daemon.worker_up),
    ),
    single(
        "driftwatch_worker_restarts_total",
        "Times the analysis worker had to be started again.",
        lambda snapshot: snapshot.daemon.worker_restarts,
        kind=Kind.COUNTER,
    ),
    single(
        "driftwatch_config_reload_success",
        "Whether the last reload took the configuration and the policies as they are (1) or kept the old ones (0).",
        lambda snapshot: float(snapshot.daemon.reload_ok),
    ),
    single(
        "driftwatch_config_loaded_timestamp_seconds",
        "When the configuration and the policies in force were loaded.",
        lambda snapshot: seconds(snapshot.daemon.reloaded_at),
    ),
    Family(
        name="driftwatch_policy_loads_total",
        kind=Kind.COUNTER,
        meaning="Loads of the policies and recipes by what asked for them and what they came to.",
        labels=("asked", "outcome"),
        samples=_loads,
    ),
    single(
        "driftwatch_policy_load_tried_timestamp_seconds",
        "When the policies were last to be loaded, whatever came of it.",
        lambda snapshot: seconds(snapshot.daemon.load_tried_at),
    ),
    single(
        "driftwatch_policy_watch_up",
        "Whether changes of policy files are noticed at once (1) or only within a minute (0); absent if not watched.",
        lambda snapshot: None if snapshot.daemon.watch is None else float(snapshot.daemon.watch.up),
    ),
    single(
        "driftwatch_policy_watch_timestamp_seconds",
        "When the policy files were last looked at for changes; absent where they are not watched.",
        lambda snapshot: None if snapshot.daemon.watch is None else seconds(snapshot.daemon.watch.looked_at),
    ),
    Family(
        name="driftwatch_outbox_deliveries",
        kind=Kind.GAUGE,
        meaning="Alert deliveries by receiver and state.",
        labels=("receiver", "state"),
        samples=_deliveries,
    ),
    single(
        "driftwatch_outbox_oldest_pending_timestamp_seconds",
        "Since when the oldest pending alert delivery waits; absent where none does.",
        lambda snapshot: seconds(snapshot.outbox.oldest_pending_at),
    ),
    single(
        "driftwatch_store_bytes",
        "Size of the database and its log.",
        lambda snapshot: snapshot.store_bytes,
    ),
)
