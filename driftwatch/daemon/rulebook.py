"""The rules in force: loaded whole or not at all, exchanged between two decisions, never within one."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import TYPE_CHECKING, Protocol

import structlog

from driftwatch.domain.errors import DriftwatchError, PolicyError
from driftwatch.policy.changes import same

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from driftwatch.domain.protocols import Clock
    from driftwatch.policy.ruleset import Policy

log = structlog.get_logger()


class Asked(StrEnum):
    """How a load was asked for."""

    START = "start"
    SIGNAL = "signal"
    HTTP = "http"
    FILES = "files"


class Outcome(StrEnum):
    """What a load came to: other rules, the same ones, or the old ones on a mistake."""

    LOADED = "loaded"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The last time that rules were to be loaded.

    Args:
        at: when.
        asked: how.
        who: by whom.
        outcome: what came of it.
        error: why it was refused.
    """

    at: datetime
    asked: Asked
    who: str
    outcome: Outcome
    error: str | None = None


class Record(Protocol):
    """Keeps what became of the rules."""

    def loaded(self, policy: Policy, *, asked: str, who: str) -> None:
        """Note that rules come into force."""
        ...

    def refused(self, error: str, *, asked: str, who: str) -> None:
        """Note that the rules in force stay, and why."""
        ...

    def mended(self, *, asked: str, who: str) -> None:
        """Note that the files say again what is in force."""
        ...


class Rulebook:
    """Holds the policy in force.

    Args:
        load: reads the policy files; raises when any of them cannot be used.
        record: keeps every change; rules that cannot be recorded do not come into force.
        clock: for when they were loaded.

    Raises:
        PolicyError: the files cannot be used at the start.
        StoreError: what is in force cannot be recorded.
    """

    def __init__(self, load: Callable[[], Policy], *, record: Record, clock: Clock) -> None:
        self._load = load
        self._record = record
        self._clock = clock
        self._reloading = threading.Lock()
        self._counts = dict.fromkeys(product(Asked, Outcome), 0)
        policy = load()
        record.loaded(policy, asked=Asked.START, who=Asked.START)
        self._policy = policy
        self.loaded_at: datetime = clock.now()
        self.last = self._noted(Asked.START, Asked.START, Outcome.LOADED)

    def current(self) -> Policy:
        """Return the policy in force: one value for rules and recipes, so that nobody sees half of an exchange."""
        return self._policy

    @property
    def last_ok(self) -> bool:
        """Whether the files could be used when they were last read."""
        return self.last.outcome is not Outcome.REFUSED

    def counts(self) -> dict[tuple[str, str], int]:
        """Return loads by (how asked, outcome)."""
        return {(asked.value, outcome.value): count for (asked, outcome), count in self._counts.items()}

    def reload(self, asked: Asked, who: str) -> tuple[str, ...]:
        """Take the files as they are now; on any error the old rules stay, and the errors are returned.

        Args:
            asked: how.
            who: asks, for the record.
        """
        with self._reloading:
            try:
                outcome = self._exchange(asked, who)
            except DriftwatchError as error:
                return self._refuse(asked, who, str(error))
            self.last = self._noted(asked, who, outcome)
            log.info("reloaded", policy=self._policy.hash, outcome=outcome, asked=asked, who=who)
            return ()

    def _exchange(self, asked: Asked, who: str) -> Outcome:
        policy, before = self._load(), self._policy
        if asked is Asked.FILES and before.files and not policy.files:
            raise PolicyError(
                "no policy file is left", cure="put one back; if no rules are meant, driftwatch reload takes that"
            )
        if same(before, policy):
            if not self.last_ok:
                self._record.mended(asked=asked, who=who)
            outcome = Outcome.UNCHANGED
        else:
            self._record.loaded(policy, asked=asked, who=who)
            outcome = Outcome.LOADED
        self._policy, self.loaded_at = policy, self._clock.now()
        return outcome

    def _refuse(self, asked: Asked, who: str, error: str) -> tuple[str, ...]:
        log.warning("reload_refused", error=error, kept=self._policy.hash, asked=asked, who=who)
        self.last = self._noted(asked, who, Outcome.REFUSED, error)
        try:
            self._record.refused(error, asked=asked, who=who)
        except DriftwatchError as unkept:
            log.warning("refusal_not_recorded", error=str(unkept))
        return (error,)

    def _noted(self, asked: Asked, who: str, outcome: Outcome, error: str | None = None) -> Load:
        self._counts[asked, outcome] += 1
        return Load(at=self._clock.now(), asked=asked, who=who, outcome=outcome, error=error)
