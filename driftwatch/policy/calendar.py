"""When a rule may act by the calendar: hours of the day in a time zone, days of the week, dates on which it rests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from driftwatch.policy.mistakes import nearest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import tzinfo

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MIDNIGHT = 24 * 60
_DAY = timedelta(days=1)
_FAR = timedelta(days=366)
_STRIDE = 8
"""Days looked ahead at once: a week, so that every day of it comes, and the day whose night reaches into the first."""
_HOURS = re.compile(
    r"(?:(?P<days>[A-Za-z,-]+)\s+)?(?P<begin>\d\d?:\d\d)-(?P<end>\d\d?:\d\d)(?:\s+(?P<zone>\S+))?", re.ASCII
)
_REST = re.compile(r"(?P<first>\d{4}-\d\d-\d\d)(?:\.\.(?P<last>\d{4}-\d\d-\d\d))?(?:\s+(?P<zone>\S+))?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Hours of some days of the week, by the clocks of a time zone.

    Args:
        days: on which they begin, Monday is 0.
        begin: minutes after midnight.
        end: minutes after midnight, itself left out; not after ``begin``: of the next day.
        zone: name of the time zone.
    """

    days: frozenset[int]
    begin: int
    end: int
    zone: str = "UTC"

    def __str__(self) -> str:
        """Return them as written in a policy."""
        days = "" if len(self.days) == len(_DAYS) else ",".join(_DAYS[day] for day in sorted(self.days)) + " "
        return f"{days}{_clock(self.begin)}-{_clock(self.end)} {self.zone}"

    def cover(self, at: datetime) -> bool:
        """Say whether the clocks of the zone show one of these hours."""
        local = at.astimezone(zone_of(self.zone))
        minute, day = local.hour * 60 + local.minute, local.weekday()
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or ((day - 1) % 7 in self.days and minute < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Dates on which nothing is done, both included, by the calendar of a time zone."""

    first: date
    last: date
    zone: str = "UTC"

    def __str__(self) -> str:
        """Return them as written in a policy."""
        return (f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}") + f" {self.zone}"

    def cover(self, at: datetime) -> bool:
        """Say whether it is one of these dates."""
        return self.first <= at.astimezone(zone_of(self.zone)).date() <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """When a rule may act: within any of the hours, if any are given, and on none of the dates.

    Args:
        hours: any of which will do; empty for always.
        blackout: dates that none of it may be on.
    """

    hours: tuple[Hours, ...] = ()
    blackout: tuple[Rest, ...] = ()

    def open(self, at: datetime) -> bool:
        """Say whether the hours allow a moment."""
        return not self.hours or any(hours.cover(at) for hours in self.hours)

    def resting(self, at: datetime) -> Rest | None:
        """Return the dates that forbid a moment."""
        return next((rest for rest in self.blackout if rest.cover(at)), None)

    def allows(self, at: datetime) -> bool:
        """Say whether both allow a moment."""
        return self.open(at) and self.resting(at) is None

    def next_allowed(self, at: datetime) -> datetime | None:
        """Return the first moment from then on that is allowed; None where none is within a year."""
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        found = _next_allowed(self, hour)  # the same for most of what is asked within the hour
        return found if found is None or found >= at else _first_allowed(self, at)

    def changes(self, at: datetime) -> list[datetime]:
        """Return when it may become allowed within the next days, in order: hours begin, clocks change, dates end."""
        found = {moment for hours in self.hours for moment in _begins(hours, at)}
        found |= {moment for hours in self.hours for moment in _clock_changes(hours.zone, at)}
        found |= {_midnight(rest.last + _DAY, rest.zone) for rest in self.blackout}
        return sorted(moment for moment in found if at < moment <= at + _STRIDE * _DAY)


def _first_allowed(calendar: Calendar, at: datetime) -> datetime | None:
    start, far = at, at + _FAR
    while start < far:
        if calendar.allows(start):
            return start
        rest = calendar.resting(start)
        if rest is not None:
            start = _after(rest, start)
            continue
        found = next((moment for moment in calendar.changes(start) if calendar.allows(moment)), None)
        start = found if found is not None else start + _STRIDE * _DAY
    return None


_next_allowed = lru_cache(maxsize=4_096)(_first_allowed)


def parse_hours(text: str) -> Hours:
    """Read hours: ``22:00-06:00 UTC``, ``Mon-Fri 09:00-17:00 Europe/Berlin``.

    Raises:
        ValueError: they are none, with what some look like.
    """
    match = _HOURS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'"{text[:80]}" are no hours; write "22:00-06:00 UTC" or "Mon-Fri 09:00-17:00 Europe/Berlin"')
    begin, end = _minutes(match["begin"]), _minutes(match["end"])
    if begin in {end, _MIDNIGHT}:
        raise ValueError(f'"{text[:80]}" holds no hours; the whole day is 00:00-24:00')
    return Hours(
        days=_days(match["days"]), begin=begin, end=end % _MIDNIGHT if end <= begin else end, zone=_zone(match)
    )


def parse_rest(value: object) -> Rest:
    """Read dates: ``2026-12-24`` or ``2026-12-24..2027-01-02``, with a time zone if not UTC.

    Raises:
        ValueError: they are none, with what some look like.
    """
    if isinstance(value, date) and not isinstance(value, datetime):
        return Rest(first=value, last=value)
    match = _REST.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError('write a date or two, "2026-12-24" or "2026-12-24..2027-01-02", and a time zone if not UTC')
    try:
        first = date.fromisoformat(match["first"])
        last = date.fromisoformat(match["last"] or match["first"])
    except ValueError:
        raise ValueError(f'"{match[0]}" is in no calendar') from None
    if last < first:
        raise ValueError(f"{last} is before {first}")
    if not date(1970, 1, 1) <= first <= last <= date(9000, 1, 1):
        raise ValueError("dates are from 1970 to 9000")
    return Rest(first=first, last=last, zone=_zone(match))


@cache
def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def _zone(match: re.Match[str]) -> str:
    name = match["zone"] or "UTC"
    try:
        zone_of(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(name, available_timezones())
        meant = f'did you mean "{near}"?' if near else 'write one such as "Europe/Berlin"'
        raise ValueError(f'no time zone is called "{name[:80]}"; {meant}') from None
    return name


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    found: set[int] = set()
    for piece in text.split(","):
        first, dash, last = piece.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        found |= {(begin + step) % 7 for step in range((end - begin) % 7 + 1)}
    return frozenset(found)


def _day(name: str) -> int:
    short = name.strip().capitalize()
    if short not in _DAYS:
        near = nearest(short, _DAYS)
        meant = f'did you mean "{near}"?' if near else f"days are {', '.join(_DAYS)}"
        raise ValueError(f'no day is called "{name[:80]}"; {meant}')
    return _DAYS.index(short)


def _minutes(clock: str) -> int:
    hour, minute = (int(part) for part in clock.split(":"))
    minutes = hour * 60 + minute
    if minute > 59 or minutes > _MIDNIGHT:  # noqa: PLR2004 - of a clock
        raise ValueError(f'"{clock}" is on no clock; they go from 00:00 to 24:00')
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _begins(hours: Hours, at: datetime) -> Iterator[datetime]:
    """Return when the hours begin on the next days; twice where the clocks are set back over their begin."""
    zone = zone_of(hours.zone)
    today = at.astimezone(zone).date()
    clock = time(hours.begin // 60, hours.begin % 60)
    for day in (today + step * _DAY for step in range(_STRIDE + 1)):
        if day.weekday() in hours.days:
            local = datetime.combine(day, clock, tzinfo=zone)
            yield local.astimezone(UTC)
            yield local.replace(fold=1).astimezone(UTC)


def _clock_changes(name: str, at: datetime) -> Iterator[datetime]:
    """Return when the clocks of a zone are set on or back within the next days."""
    zone = zone_of(name)
    for step in range(_STRIDE):
        low, high = at + step * _DAY, at + (step + 1) * _DAY
        before, after = low.astimezone(zone).utcoffset(), high.astimezone(zone).utcoffset()
        if before == after:
            continue
        first = int(low.timestamp()) // 60
        last = int(high.timestamp()) // 60 + 1
        while last - first > 1:  # the clocks are set at a whole minute
            middle = (first + last) // 2
            same = datetime.fromtimestamp(middle * 60, zone).utcoffset() == before
            first, last = (middle, last) if same else (first, middle)
        yield datetime.fromtimestamp(last * 60, UTC)


def _midnight(day: date, name: str) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone_of(name)).astimezone(UTC)


def _after(rest: Rest, at: datetime) -> datetime:
    """Return the first moment after the dates that is not one of them any more, later than a given one."""
    moment = _midnight(rest.last + _DAY, rest.zone)
    while rest.cover(moment) or moment <= at:  # where midnight is skipped or comes twice
        moment = max(moment, at) + timedelta(minutes=1)
    return moment
