"""The rules in force: loaded whole or not at all, exchanged between two decisions, never within one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from driftwatch.domain.errors import DriftwatchError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from driftwatch.domain.protocols import Clock
    from driftwatch.policy.ruleset import Policy

log = structlog.get_logger()


class Rulebook:
    """Holds the policy in force.

    Args:
        load: reads the policy files; raises when any of them cannot be used.
        clock: for when they were loaded.

    Raises:
        PolicyError: the files cannot be used at the start.
    """

    def __init__(self, load: Callable[[], Policy], *, clock: Clock) -> None:
        self._load = load
        self._clock = clock
        self._reloading = threading.Lock()
        self._policy = load()
        self.loaded_at: datetime = clock.now()
        self.last_ok = True

    def current(self) -> Policy:
        """Return the policy in force."""
        return self._policy

    def reload(self) -> tuple[str, ...]:
        """Take the files as they are now; on any error the old rules stay, and the errors are returned."""
        with self._reloading:
            try:
                policy = self._load()
            except DriftwatchError as error:
                self.last_ok = False
                log.warning("reload_refused", error=str(error))
                return (str(error),)
            before = self._policy
            changed = (policy.hash, policy.recipes) != (before.hash, before.recipes)
            self._policy, self.loaded_at, self.last_ok = policy, self._clock.now(), True
            log.info("reloaded", policy=policy.hash, changed=changed)
            return ()
