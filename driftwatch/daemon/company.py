"""The other daemons on the store: whether this one is configured as they are, and so may take over from them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.hosts import Presence

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from driftwatch.domain.control import Identity
    from driftwatch.domain.hosts import Agreement, Difference
    from driftwatch.domain.protocols import Clock
    from driftwatch.store import HostBook

log = structlog.get_logger()

GONE_AFTER = timedelta(hours=1)
"""A daemon that has not said for so long that it is there counts as gone."""
_SAID_EVERY = timedelta(seconds=10)
_MOST_SAID = 5


class Company:
    """A daemon among others.

    What the leader is configured with is the agreement. A daemon that differs from it takes texts in and does not take
    over the lead while one that agrees is there, or may come back: whoever led next would decide otherwise than the
    one before, on the same texts. Once none is, because each has been stopped, started with another configuration, or
    was not seen for ``GONE_AFTER``, a change of configuration has come through, and the others lead by it.

    Args:
        book: where daemons write themselves down.
        name: of this one.
        identity: of its start.
        own: what it has, at the moment, of all that must be alike.
        clock: of what it writes down.
    """

    def __init__(
        self, book: HostBook, *, name: str, identity: Identity, own: Callable[[], Agreement], clock: Clock
    ) -> None:
        self._book, self._name, self._identity, self._own, self._clock = book, name, identity, own, clock
        self._said: tuple[datetime, Agreement] | None = None
        self._agreed: Agreement | None = None
        self._differences: tuple[Difference, ...] = ()
        self._others: tuple[Presence, ...] = ()
        self._strange: dict[str, tuple[Difference, ...]] = {}

    @property
    def trouble(self) -> str | None:
        """Why this daemon does not take over the lead, or None."""
        if not self._differences:
            return None
        words = [str(each) for each in self._differences[:_MOST_SAID]]
        more = len(self._differences) - len(words)
        return (
            f"the configuration of {self._name} is not that of the daemon that leads, so it takes texts in and does "
            f"not take over: {'; '.join(words)}{f'; and {more} more' if more else ''} (give all hosts the same "
            "configuration and policies, and restart this one or reload its rules)"
        )

    def may_take(self) -> bool:
        """Write down that this daemon is there, and return whether it may take the lead.

        Raises:
            StoreError: the store does not answer.
        """
        now, own = self._clock.now(), self._own()
        if self._said is None or self._said[1] != own or not self._said[0] <= now < self._said[0] + _SAID_EVERY:
            self._say(now, own)
        self._others, self._agreed = self._book.seen()
        agreed = self._agreed
        return agreed is None or agreed.says == own.says or not self._kept_by_another(agreed, now)

    def follows(self) -> None:
        """Hold this daemon's configuration against what is agreed."""
        self._compare(self._own())

    def leads(self) -> None:
        """Make this daemon's configuration the one that the others are held against.

        Raises:
            StoreError: the store does not answer.
        """
        own = self._own()
        if self._agreed is None or self._agreed.says != own.says:
            self._book.agree(own, who=self._name, at=self._clock.now())
            self._agreed = own
        self._compare(own)
        self._compare_others(own)

    def leave(self) -> None:
        """Write down that this daemon ends.

        Raises:
            StoreError: the store does not answer.
        """
        self._book.leave(self._name, instance=self._identity.instance, at=self._clock.now())

    def _say(self, now: datetime, own: Agreement) -> None:
        self._book.note(
            Presence(
                name=self._name,
                instance=self._identity.instance,
                started_at=self._identity.started_at,
                seen_at=now,
                stopped=False,
                agreement=own,
            )
        )
        self._said = now, own

    def _kept_by_another(self, agreed: Agreement, now: datetime) -> bool:
        """Whether another daemon has what is agreed, and is there or may come back."""
        return any(
            each.name != self._name
            and not each.stopped
            and now - each.seen_at < GONE_AFTER
            and each.agreement.says == agreed.says
            for each in self._others
        )

    def _compare(self, own: Agreement) -> None:
        found = own.differences(self._agreed) if self._agreed is not None else ()
        if found != self._differences:
            if found:
                log.warning("host_differs", name=self._name, differences=[str(each) for each in found])
            else:
                log.info("host_agrees", name=self._name)
        self._differences = found

    def _compare_others(self, own: Agreement) -> None:
        """Say in the log of the one that leads which of the others differs, once each time that changes."""
        found = {
            each.name: each.agreement.differences(own)
            for each in self._others
            if each.name != self._name and not each.stopped and each.agreement.says != own.says
        }
        for name, differences in found.items():
            if self._strange.get(name) != differences:
                log.warning("other_host_differs", name=name, differences=[str(each) for each in differences])
        self._strange = found
