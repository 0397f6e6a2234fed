"""What Prometheus sees: a snapshot of the store and the daemon, rendered on request."""

from driftwatch.metrics.exposition import FAMILIES, Exposition
from driftwatch.metrics.reading import Expected, ExpectedStream, snapshot_from
from driftwatch.metrics.snapshot import DaemonFigures, Snapshot

__all__ = ["FAMILIES", "DaemonFigures", "Expected", "ExpectedStream", "Exposition", "Snapshot", "snapshot_from"]
