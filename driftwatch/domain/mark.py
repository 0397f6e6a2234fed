"""What a person said of an alarm."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A person's verdict on an alarm.

    Args:
        stream: whose alarm.
        window: in which it began.
        false: whether nothing had drifted.
        note: why, in the person's words.
        who: the person, by the name of the system's user.
        at: when it was said.
    """

    stream: str
    window: int
    false: bool
    note: str
    who: str
    at: datetime

    @property
    def word(self) -> str:
        """Return ``false`` or ``true``."""
        return "false" if self.false else "true"
