"""Renders the newest snapshot in the format the scraper asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from driftwatch.metrics.daemon_families import DAEMON_FAMILIES
from driftwatch.metrics.stream_families import STREAM_FAMILIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from driftwatch.metrics.snapshot import Snapshot

FAMILIES = (*DAEMON_FAMILIES, *STREAM_FAMILIES)
"""Every metric of our own; ``process_*`` comes from the client library where ``/proc`` shows it."""


class _SnapshotCollector(Collector):
    def __init__(self, newest: Callable[[], Snapshot]) -> None:
        self._newest = newest

    def collect(self) -> Iterator[Metric]:
        snapshot = self._newest()
        return (family.collect(snapshot) for family in FAMILIES)


class Exposition:
    """Answers scrapes.

    Args:
        newest: returns the newest snapshot, at once: it is called on every scrape.
        process: whether to add the process's own CPU, memory and file descriptors.
    """

    def __init__(self, newest: Callable[[], Snapshot], *, process: bool = True) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_SnapshotCollector(newest))
        if process:
            self._registry.register(ProcessCollector(registry=None))

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the body and its content type.

        Args:
            accept: the request's ``Accept`` header; OpenMetrics where it asks for that, else the text format.
        """
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
