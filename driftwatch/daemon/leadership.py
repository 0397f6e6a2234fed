"""What only one of several daemons on a store does: assess, decide, deliver, tend runs and models, prune."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from driftwatch.daemon.company import Company
    from driftwatch.store import Lead

log = structlog.get_logger()


class Leadership:
    """Takes the lead where nobody has it, and keeps rounds from being done by two daemons.

    Args:
        lead: the daemon's part in the choice.
        company: the other daemons, of which there are none where this one is alone on its store.
    """

    def __init__(self, lead: Lead, company: Company) -> None:
        self._lead, self._company = lead, company
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

    @property
    def differs(self) -> str | None:
        """In what this daemon is configured otherwise than the one that leads, in words."""
        return self._company.trouble

    def tend(self) -> None:
        """Look once, and say what has changed.

        Raises:
            StoreError: the store does not answer; this daemon leads no more.
        """
        if self._lead.alone:
            return
        try:
            self._look()
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
        if not self._lead.alone:
            with suppress(StoreError):  # which does not answer: the others notice by themselves
                self._company.leave()
        self._lead.give_up()

    def _look(self) -> None:
        try:
            may_take = self._company.may_take()
        except StoreError:
            self._lead.look(may_take=False)  # whose own connection may have ended as well, and the lead with it
            raise
        if self._lead.look(may_take=may_take):
            self._company.leads()
        else:
            self._company.follows()

    def _told(self) -> None:
        leads = self._lead.leads
        if leads != self._led:
            event = "daemon_leads" if leads else "daemon_follows"
            log.info(event, name=self._lead.name, leader=self._lead.hosts.leader)
        self._led = leads
