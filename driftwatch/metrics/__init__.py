"""What Prometheus sees: a snapshot of the store and the daemon, rendered on request."""

from driftwatch.metrics.alarms import AlarmTally
from driftwatch.metrics.exposition import FAMILIES, Exposition
from driftwatch.metrics.reading import Expected, ExpectedStream, snapshot_from
from driftwatch.metrics.snapshot import DaemonFigures, Snapshot, WatchFigures

__all__ = [
    "FAMILIES",
    "AlarmTally",
    "DaemonFigures",
    "Expected",
    "ExpectedStream",
    "Exposition",
    "Snapshot",
    "WatchFigures",
    "snapshot_from",
]
