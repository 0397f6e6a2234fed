"""What a rule came to over many windows."""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_CONDITION = frozenset({"when", "window"})
_LASTING = "for"
_ONCE = "streak"
"""A streak that was alerted already is not kept back by anything: once is what is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """One action: when, and on which window."""

    window: int
    at: datetime


@dataclass(slots=True, kw_only=True)
class Tally:
    """What one rule of a stream came to.

    Args:
        stream: whose rule.
        rule: its name.
        windows: looked at.
        true: windows in which its condition was true.
        waited: true windows in which it had not lasted long enough.
        blocked: true windows, long enough, that each reason kept back, by the reason's subject.
        acted: its actions, in order, of the kind ``action``.
        action: what it does; hold where it never did anything.
        kept_back: the moments, seconds since 1970, at which it would have acted but for ``blocked``.
        hours: of training that its runs took.
        unpriced: runs of which no hours are known.
    """

    stream: str
    rule: str
    windows: int = 0
    true: int = 0
    waited: int = 0
    blocked: Counter[str] = field(default_factory=Counter)
    acted: list[Acted] = field(default_factory=list)
    action: Action = Action.HOLD
    kept_back: array[float] = field(default_factory=lambda: array("d"))
    hours: float = 0.0
    unpriced: int = 0

    def note(self, action: Action, unmet: Sequence[str], *, window: int, at: datetime) -> None:
        """Count one decision.

        Args:
            action: taken.
            unmet: subjects of the reasons against acting.
            window: decided on.
            at: when.
        """
        self.windows += 1
        if action is not Action.HOLD:
            self.true += 1
            self.action = action
            self.acted.append(Acted(window=window, at=at))
            return
        if not _CONDITION.isdisjoint(unmet):
            return
        self.true += 1
        if _LASTING in unmet:
            self.waited += 1
        elif _ONCE not in unmet:
            self.blocked.update(unmet)
            self.kept_back.append(at.timestamp())

    def pay(self, hours: float | None) -> None:
        """Count what one of its runs cost."""
        if hours is None:
            self.unpriced += 1
        else:
            self.hours += hours

    @property
    def runs(self) -> int:
        """Runs it asked for."""
        return len(self.acted) if self.action is Action.RETRAIN else 0
