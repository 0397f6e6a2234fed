"""The false-alarm budget: from the operator's words to a number of texts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

_WORDS = re.compile(r"(\d+) per (\d+)\s*(d|w|h)")
_HOURS = {"h": 1, "d": 24, "w": 168}
LEAST_TEXTS = 1_000.0
"""No budget is read as fewer texts between two false alarms."""
MOST_TEXTS = 1e12
_FEW = 20
"""One in so many times of a window may be wrong."""

_ENDS_TO_COMPARE = 4
"""Windows from which on one end can be told from the others."""


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


def rate_of_windows(ends: Iterable[tuple[datetime, int]]) -> float | None:
    """Return the texts a second from the earliest window's end to the latest one's; None of fewer than two windows.

    Of ends alone, since a single text with a time of years ago would lower a rate from a window's begin to nothing,
    and the budget in texts with it. Such a time is never the latest of its window. A time ahead is, and where an old
    log is read even one of today: an end that lies farther from the others than they lie apart doesn't count.

    Args:
        ends: of each window the latest time of its texts, and how many they are.
    """
    ordered = sorted(ends)
    if len(ordered) < 2:  # noqa: PLR2004 - a begin and an end
        return None
    first, last = ordered[0][0], ordered[-1][0]
    if len(ordered) >= _ENDS_TO_COMPARE and last - (before := ordered[-2][0]) > before - first:
        last = before
    return texts_per_second(sum(texts for _, texts in ordered[1:]), last - first)


def usual_end(times: Iterable[datetime]) -> datetime:
    """Return the latest time of a window but for the latest twentieth, some of which may be wrong."""
    ordered = sorted(times)
    return ordered[-1 - len(ordered) // _FEW]


def rate_of_times(times: Iterable[datetime]) -> float:
    """Return the texts a second of a window alone, by all of its times but the earliest and latest twentieth."""
    ordered = sorted(times)
    few = len(ordered) // _FEW
    kept = ordered[few : len(ordered) - few]
    return texts_per_second(len(kept), kept[-1] - kept[0])


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
