"""What Prometheus sees: a snapshot of the store and the daemon, rendered on request."""

from driftwatch.metrics.exposition import FAMILIES, Exposition
from driftwatch.metrics.observations import Observations
from driftwatch.metrics.reading import Expected, ExpectedStream, Memory, snapshot_from
from driftwatch.metrics.snapshot import DaemonFigures, Snapshot, WatchFigures

__all__ = [
    "FAMILIES",
    "DaemonFigures",
    "Expected",
    "ExpectedStream",
    "Exposition",
    "Memory",
    "Observations",
    "Snapshot",
    "WatchFigures",
    "snapshot_from",
]
