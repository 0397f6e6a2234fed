"""The false-alarm budget: from the operator's words to a number of texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

_WORDS = re.compile(r"(\d+) per (\d+)\s*(d|w|h)")
_HOURS = {"h": 1, "d": 24, "w": 168}
LEAST_TEXTS = 1_000.0
"""No budget is read as fewer texts between two false alarms."""
MOST_TEXTS = 1e12


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """At most so many false alarms in so long a time, on average.

    Args:
        alarms: at least 1.
        period: in which they are allowed.
    """

    alarms: int
    period: timedelta

    @property
    def interval(self) -> timedelta:
        """Least average time between two false alarms."""
        return self.period / self.alarms

    def arl_texts(self, per_second: float) -> float:
        """Return the least average number of texts between two false alarms (ARL) at a rate of texts."""
        return min(max(self.interval.total_seconds() * per_second, LEAST_TEXTS), MOST_TEXTS)


def texts_per_second(texts: int, span: timedelta) -> float:
    """Return the rate of texts seen within a span; spans under a second count as one."""
    return texts / max(span.total_seconds(), 1.0)


def parse_budget(words: str) -> Budget:
    """Return the budget that ``1 per 365d`` and the like say.

    Raises:
        ValueError: it is written differently, or allows nothing.

    Examples:
        >>> parse_budget("2 per 4w").interval.days
        14
    """
    match = _WORDS.fullmatch(words.strip())
    if match is None:
        raise ValueError(f'false_alarms is written like "1 per 365d", not "{words}"')
    alarms, period = int(match[1]), timedelta(hours=int(match[2]) * _HOURS[match[3]])
    if not alarms or not period:
        raise ValueError(f'false_alarms must allow at least one in some time, unlike "{words}"; write "1 per 365d"')
    return Budget(alarms=alarms, period=period)
