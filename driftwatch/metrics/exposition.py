"""Renders the newest snapshot in the format the scraper asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from driftwatch.metrics.daemon_families import DAEMON_FAMILIES
from driftwatch.metrics.stream_families import STREAM_FAMILIES
from driftwatch.metrics.writing import Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.metrics.snapshot import Snapshot

FAMILIES = (*DAEMON_FAMILIES, *STREAM_FAMILIES)
"""Every metric of our own; ``process_*`` comes from the client library where ``/proc`` shows it."""

OF_THE_STORE = (
    "driftwatch_outbox_deliveries",
    "driftwatch_outbox_oldest_pending_timestamp_seconds",
    "driftwatch_store_bytes",
)
OF_THE_HOST = ("driftwatch_text_length_characters",)
FOLLOWERS = (
    *(family for family in DAEMON_FAMILIES if family.name not in OF_THE_STORE),
    *(family for family in STREAM_FAMILIES if family.name in OF_THE_HOST),
)
"""What a daemon that follows shows: what is its own. The rest is the store's, and shown once, by the leader."""

_OPENMETRICS = "application/openmetrics-text"


class Exposition:
    """Answers scrapes.

    Args:
        newest: returns the newest snapshot, at once: it is called on every scrape.
        process: whether to add the process's own CPU, memory and file descriptors.
    """

    def __init__(self, newest: Callable[[], Snapshot], *, process: bool = True) -> None:
        self._newest = newest
        self._writers = {True: Writer(FAMILIES), False: Writer(FOLLOWERS)}
        self._registry = CollectorRegistry(auto_describe=False)
        if process:
            self._registry.register(ProcessCollector(registry=None))

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return the body and its content type.

        Args:
            accept: the request's ``Accept`` header; OpenMetrics where it asks for that, else the text format.
        """
        encode, content_type = choose_encoder(accept)
        newest = self._newest()
        own = self._writers[newest.daemon.leads].write(newest, openmetrics=content_type.startswith(_OPENMETRICS))
        return own.encode() + encode(self._registry), content_type
