"""Clears away what is left of daemons that never came back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from driftwatch.alert import messages
from driftwatch.daemon.company import GONE_AFTER

if TYPE_CHECKING:
    from datetime import datetime

    from driftwatch.domain.protocols import Clock
    from driftwatch.store import Store

log = structlog.get_logger()


class Gone:
    """Ends the alerts of daemons that are gone, for whoever leads: nobody else ever would.

    Args:
        store: with the book of daemons and the outbox.
        clock: for how long one was not seen.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def look(self) -> None:
        """Look once."""
        now = self._clock.now()
        seen = {each.name: each.seen_at for each in self._store.host_book.all()}
        gone = {name: at for name, at in seen.items() if now - at >= GONE_AFTER}
        for key in self._store.outbox.open_keys(messages.degraded_keys(None)):
            name = messages.degraded_name(key)
            if name is not None and (name in gone or name not in seen):
                self._end(key, name, seen.get(name), now)
        for name, at in gone.items():
            self._store.host_book.forget(name, seen_at=at)
            log.info("host_gone", name=name, seen_at=at.isoformat())

    def _end(self, key: str, name: str, seen_at: datetime | None, now: datetime) -> None:
        self._store.outbox.resolve(key, at=now)
        log.info("alert_of_gone_host_ended", name=name, seen_at=None if seen_at is None else seen_at.isoformat())
