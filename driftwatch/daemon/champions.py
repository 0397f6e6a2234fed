"""The daemon's rounds over serving models: conclude probations, mend crashes, export kept models, delete old ones."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch import wiring
from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.config import Config
    from driftwatch.domain.protocols import Clock
    from driftwatch.store import Store

log = structlog.get_logger()

FIRST_PAUSE = timedelta(minutes=1)
"""After an export that failed; each further pause is twice as long."""
LONGEST_PAUSE = timedelta(hours=6)


def tending(config: Config, store: Store) -> Callable[[], None]:
    """Return the round that concludes probations and mends what a crash left; one stream's trouble stops no other.

    The first trouble is raised once every stream had its turn, so that the loop's failures show it.
    """

    def tend_all() -> None:
        troubles: list[DriftwatchError] = []
        for stream in config.streams:
            try:
                wiring.conclude(config, store, stream)
                wiring.reconcile(config, store, streams=(stream,))
            except DriftwatchError as error:
                log.error("serving_model_in_trouble", stream=stream, error=str(error))  # noqa: TRY400 - its cause is told
                troubles.append(error)
        if troubles:
            raise troubles[0]

    return tend_all


def patience(config: Config) -> timedelta:
    """Return how long such a round may take: every stream's serving stack told twice, there and back."""
    return sum((2 * stream.reload.longest for stream in config.streams.values()), timedelta(minutes=5))


class Exporting:
    """The round that registers kept models elsewhere, each stream again after a growing pause while it fails.

    Args:
        config: as loaded.
        store: the ledger.
        clock: for the pauses.
        send: exports a stream's model and returns whether that went well.
    """

    def __init__(
        self, config: Config, store: Store, *, clock: Clock, send: Callable[[Config, str], bool] = wiring.export_apart
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._send = send
        self._pauses: dict[str, tuple[datetime, timedelta]] = {}

    def export_all(self) -> None:
        """Export what is due."""
        for stream in self._config.streams:
            not_before, pause = self._pauses.get(stream, (self._clock.now(), FIRST_PAUSE))
            if self._clock.now() < not_before or not wiring.export_due(self._config, self._store, stream):
                continue
            if self._send(self._config, stream):
                self._pauses.pop(stream, None)
            else:
                self._pauses[stream] = self._clock.now() + pause, min(2 * pause, LONGEST_PAUSE)


def pruning(config: Config, store: Store) -> Callable[[], None]:
    """Return the round that deletes old model versions."""

    def prune_all() -> None:
        for stream in config.streams:
            wiring.prune_models(config, store, stream)

    return prune_all
