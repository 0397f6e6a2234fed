"""Pauses: for a while, rules do nothing on a person's word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

USUAL_PAUSE = timedelta(hours=24)
LONGEST_PAUSE = timedelta(days=31)
"""Every pause ends by itself: what is to be off for longer is taken out of the policy."""

EVERY_RULE = "*"
"""How a pause of the whole stream is written where a rule's name would stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A stream, or one of its rules, that neither alerts nor retrains; texts are taken in and assessed as ever.

    Args:
        stream: whose.
        rule: which; None for every rule of the stream.
        since: when the pause began, however often it was prolonged.
        at: when this word was given; a prolongation is another word with the same ``since``.
        until: when it ends by itself.
        who: gave it.
        because: why.
        ended_at: when it was ended, prolonged or found to be over; None while none of that has happened.
    """

    stream: str
    rule: str | None
    since: datetime
    at: datetime
    until: datetime
    who: str
    because: str
    ended_at: datetime | None = None

    @property
    def scope(self) -> str:
        """Return the rule's name, or ``*``."""
        return self.rule or EVERY_RULE

    def holds(self, now: datetime) -> bool:
        """Say whether it is in force."""
        return self.at <= now < min(self.until, self.ended_at or self.until)

    def covers(self, rule: str) -> bool:
        """Say whether it is about a rule."""
        return self.rule in (None, rule)
