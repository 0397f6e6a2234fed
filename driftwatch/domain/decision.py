"""Decisions and why they were taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Action(StrEnum):
    """What a decision does."""

    HOLD = "hold"
    ALERT = "alert"
    REPORT = "report"
    RETRAIN = "retrain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that was looked at.

    Args:
        subject: ``when``, ``for``, ``need.fresh_texts``, ``limits.cooldown``, ``running`` …
        met: whether it speaks for acting.
        detail: a sentence with the figures and the limit.
    """

    subject: str
    met: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one rule decided on one window, with every reason; kept for ever.

    Args:
        stream: whose window.
        window: index of the window.
        rule: name of the rule.
        action: what is done.
        reasons: everything looked at, in order.
        at: when it was taken.
        policy: hash of the rules in force.
        by: the person who asked by hand; None where the rule decided by itself.
    """

    stream: str
    window: int
    rule: str
    action: Action
    reasons: tuple[Reason, ...]
    at: datetime
    policy: str
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFact:
    """What limits need to know of a run.

    Args:
        rule: that asked for it.
        began_at: when it was asked for.
        ended_at: when it ended; None while it has not.
        training_hours: so far, over all rounds, the probe's included; of a run that trains, those of the moment too.
    """

    rule: str
    began_at: datetime
    ended_at: datetime | None
    training_hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """What a rule remembers from window to window.

    Args:
        rule: its name.
        fingerprint: of the rule's text; a changed rule starts anew.
        since_window: first window of the present streak of true conditions; None while false.
        since_at: time of that window's last text.
        fired_at: when it last acted (for its cooldown); None if never.
        acted: whether it already acted in the present streak (alerts and reports act once a streak).
        in_force: whether the present streak has lasted as long as the rule asks for.
        quiet_window: first window since which the condition is false in a streak that is not over yet.
        quiet_at: time of that window's last text.
        unjudged: windows in which the condition was neither true nor false, since the rule is known.
    """

    rule: str
    fingerprint: str
    since_window: int | None = None
    since_at: datetime | None = None
    fired_at: datetime | None = None
    acted: bool = False
    in_force: bool = False
    quiet_window: int | None = None
    quiet_at: datetime | None = None
    unjudged: int = 0
