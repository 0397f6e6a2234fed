"""What only one of several daemons on a store does: assess, decide, deliver, tend runs and models, prune."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.store import Lead

log = structlog.get_logger()


class Leadership:
    """Takes the lead where nobody has it, and keeps rounds from being done by two daemons.

    Args:
        lead: the daemon's part in the choice.
    """

    def __init__(self, lead: Lead) -> None:
        self._lead = lead
        self._led = False
        self.trouble: str | None = None

    @property
    def leads(self) -> bool:
        """Whether this daemon leads."""
        return self._lead.leads

    @property
    def alone(self) -> bool:
        """Whether there can be no other daemon on the store."""
        return self._lead.alone

    def tend(self) -> None:
        """Look once, and say what has changed.

        Raises:
            StoreError: the store does not answer; this daemon leads no more.
        """
        try:
            self._lead.look()
        except StoreError as error:
            self.trouble = str(error)
            raise
        else:
            self.trouble = None
        finally:
            self._told()

    def only(self, work: Callable[[], None]) -> Callable[[], None]:
        """Return a round that is done while this daemon leads."""

        def work_of_the_leader() -> None:
            if self._lead.leads:
                work()

        return work_of_the_leader

    def give_up(self) -> None:
        """Let another take over at once."""
        self._lead.give_up()

    def _told(self) -> None:
        leads = self._lead.leads
        if leads != self._led and not self._lead.alone:
            event = "daemon_leads" if leads else "daemon_follows"
            log.info(event, name=self._lead.name, leader=self._lead.hosts.leader)
        self._led = leads
