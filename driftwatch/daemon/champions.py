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
"""After an export that failed, or a serving stack that refused; each further pause is twice as long."""
LONGEST_PAUSE = timedelta(hours=6)
LONGEST_REFUSAL = timedelta(minutes=10)


class Tending:
    """The round that concludes probations and mends what a crash left; one stream's trouble stops no other.

    Args:
        config: as loaded.
        store: the ledger.
        clock: for when models move, and the pauses between two attempts at a serving stack that refuses.
    """

    def __init__(self, config: Config, store: Store, *, clock: Clock) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._pauses = Pauses(clock, first=FIRST_PAUSE, longest=LONGEST_REFUSAL)

    def tend_all(self) -> None:
        """Look at every stream.

        Raises:
            DriftwatchError: the first trouble, once every stream had its turn, so that the loop's failures show it.
        """
        troubles: list[DriftwatchError] = []
        for stream in self._config.streams:
            try:
                wiring.conclude(self._config, self._store, stream, clock=self._clock)
                self._mend(stream)
            except DriftwatchError as error:
                log.error("serving_model_in_trouble", stream=stream, error=str(error))  # noqa: TRY400 - its cause is told
                troubles.append(error)
        if troubles:
            raise troubles[0]

    def _mend(self, stream: str) -> None:
        if not self._pauses.over(stream):
            return
        if wiring.reconcile(self._config, self._store, streams=(stream,)):
            self._pauses.lengthen(stream)
        else:
            self._pauses.forget(stream)


class Pauses:
    """Growing pauses between attempts that fail, by stream.

    Args:
        clock: tells when one is over.
        first: the first pause; each further one is twice as long.
        longest: no pause is longer.
    """

    def __init__(self, clock: Clock, *, first: timedelta, longest: timedelta) -> None:
        self._clock = clock
        self._first = first
        self._longest = longest
        self._until: dict[str, tuple[datetime, timedelta]] = {}

    def over(self, stream: str) -> bool:
        """Whether the stream may be tried."""
        return stream not in self._until or self._clock.now() >= self._until[stream][0]

    def lengthen(self, stream: str) -> None:
        """Begin a pause after a failure."""
        pause = min(2 * self._until[stream][1], self._longest) if stream in self._until else self._first
        self._until[stream] = self._clock.now() + pause, pause

    def forget(self, stream: str) -> None:
        """Begin anew after a success."""
        self._until.pop(stream, None)


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
        self._send = send
        self._pauses = Pauses(clock, first=FIRST_PAUSE, longest=LONGEST_PAUSE)

    def export_all(self) -> None:
        """Export what is due."""
        for stream in self._config.streams:
            if not self._pauses.over(stream) or not wiring.export_due(self._config, self._store, stream):
                continue
            if self._send(self._config, stream):
                self._pauses.forget(stream)
            else:
                self._pauses.lengthen(stream)


def pruning(config: Config, store: Store) -> Callable[[], None]:
    """Return the round that deletes old model versions."""

    def prune_all() -> None:
        for stream in config.streams:
            wiring.prune_models(config, store, stream)

    return prune_all
