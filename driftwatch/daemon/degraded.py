"""Tells people that the daemon does not do all of its work, when that lasts, and that it does again."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from driftwatch.alert import messages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from driftwatch.domain.protocols import Clock
    from driftwatch.store import Store

PATIENCE = timedelta(minutes=5)
"""A worker that starts again, or a store that is locked for a moment, is nobody's business."""


class Degraded:
    """Watches what is wrong with the daemon.

    Args:
        store: with the outbox.
        receivers: of the alert.
        reasons: what is wrong at the moment; empty while all is well.
        clock: for how long it has been so.
        name: of the daemon; None where it is the only one on its store.
    """

    def __init__(
        self,
        store: Store,
        *,
        receivers: Callable[[], Sequence[str]],
        reasons: Callable[[], Sequence[str]],
        clock: Clock,
        name: str | None = None,
    ) -> None:
        self._store, self._receivers, self._reasons, self._clock = store, receivers, reasons, clock
        self._name = name
        self._since: datetime | None = None
        self._told: str | None = None
        self._begun = False

    def look(self) -> None:
        """Look once: tell what has lasted, and end what is over, that of an earlier daemon included."""
        reasons, now = tuple(self._reasons()), self._clock.now()
        if not self._begun:
            self._end_all(now)
            self._begun = True
        if self._told is not None and not self._store.outbox.open_keys(self._told):
            self._told, self._since = None, now  # this one was taken for gone, and is not: it is told anew
        if not reasons:
            if self._told is not None:
                self._store.outbox.resolve(self._told, at=now)
            self._since = self._told = None
            return
        self._since = self._since or now
        if self._told is None and now - self._since >= PATIENCE:
            alert = messages.daemon_degraded(reasons, since=self._since, patience=PATIENCE, name=self._name)
            self._store.outbox.put((alert,), self._receivers())
            self._told = alert.key

    def _end_all(self, now: datetime) -> None:
        """End what a daemon before this one told: whether it still is so, this one sees for itself."""
        for key in self._store.outbox.open_keys(messages.degraded_keys(self._name)):
            self._store.outbox.resolve(key, at=now)
