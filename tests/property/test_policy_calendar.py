"""Hours and dates by the clocks of any zone, over every change of the clocks: the next moment told is the next."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.policy.calendar import Calendar, Hours, Rest, parse_hours, parse_rest

MINUTE = timedelta(minutes=1)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Beirut", "Asia/Kathmandu"]
MINUTES = st.integers(0, 24 * 60 - 1)
HOURS = st.builds(
    lambda days, begin, lasts, zone: Hours(
        days=frozenset(days), begin=begin, end=(begin + lasts - 1) % (24 * 60) + 1, zone=zone
    ),
    st.sets(st.integers(0, 6), min_size=1),
    MINUTES,
    st.integers(1, 24 * 60 - 1),
    st.sampled_from(ZONES),
)
RESTS = st.builds(
    lambda first, lasts, zone: Rest(first=first, last=first + timedelta(days=lasts), zone=zone),
    st.dates(date(2024, 2, 20), date(2024, 11, 20)),
    st.integers(0, 5),
    st.sampled_from(ZONES),
)
NEAR_CHANGES = st.sampled_from(
    [datetime(2024, 3, 31, tzinfo=UTC), datetime(2024, 10, 27, tzinfo=UTC), datetime(2024, 3, 10, tzinfo=UTC),
     datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 4, 6, tzinfo=UTC), datetime(2024, 12, 31, tzinfo=UTC)]
)  # fmt: skip
MOMENTS = st.builds(lambda day, minutes: day + minutes * MINUTE, NEAR_CHANGES, st.integers(-2_000, 3_000))


@given(st.lists(HOURS, max_size=2), st.lists(RESTS, max_size=2), MOMENTS)
@settings(max_examples=150, deadline=None)
def test_the_next_allowed_moment_is_allowed_and_none_before_it_is(
    hours: list[Hours], rests: list[Rest], at: datetime
) -> None:
    calendar = Calendar(hours=tuple(hours), blackout=tuple(rests))
    found = calendar.next_allowed(at)
    assert found is not None
    assert found >= at
    assert calendar.allows(found)
    before = min(found, at + timedelta(days=9))
    moments = (at + step * 7 * MINUTE for step in range(int((before - at) / (7 * MINUTE))))
    assert not any(calendar.allows(moment) for moment in moments)
    if found > at:
        assert not calendar.allows(max(found - MINUTE, at))


@given(HOURS, MOMENTS)
@settings(max_examples=300, deadline=None)
def test_what_is_written_reads_as_it_was(hours: Hours, at: datetime) -> None:
    assert parse_hours(str(hours)).cover(at) == hours.cover(at)


@pytest.mark.parametrize(
    ("at", "allowed"),
    [
        (datetime(2026, 3, 28, 20, 59, tzinfo=UTC), False),
        (datetime(2026, 3, 28, 21, 0, tzinfo=UTC), True),  # 22:00 by winter time
        (datetime(2026, 3, 29, 3, 59, tzinfo=UTC), True),  # 05:59 by summer time
        (datetime(2026, 3, 29, 4, 0, tzinfo=UTC), False),
        (datetime(2026, 10, 24, 20, 0, tzinfo=UTC), True),  # 22:00 by summer time
        (datetime(2026, 10, 25, 4, 59, tzinfo=UTC), True),  # 05:59 by winter time
        (datetime(2026, 10, 25, 5, 0, tzinfo=UTC), False),
    ],
)
def test_nights_follow_the_clocks_of_the_zone(at: datetime, allowed: bool) -> None:
    assert Calendar(hours=(parse_hours("22:00-06:00 Europe/Berlin"),)).allows(at) is allowed


def test_a_night_belongs_to_the_day_it_begins_on() -> None:
    hours = parse_hours("Fri 22:00-06:00 UTC")
    assert hours.cover(datetime(2026, 11, 28, 5, tzinfo=UTC))  # a Saturday morning
    assert not hours.cover(datetime(2026, 11, 27, 5, tzinfo=UTC))


def test_a_leap_day_is_a_date_like_others() -> None:
    rest = parse_rest("2028-02-29")
    assert rest.cover(datetime(2028, 2, 29, 23, 59, tzinfo=UTC))
    assert not rest.cover(datetime(2028, 3, 1, tzinfo=UTC))


def test_dates_follow_the_calendar_of_their_zone() -> None:
    rest = parse_rest("2026-12-24..2026-12-26 America/New_York")
    assert not rest.cover(datetime(2026, 12, 24, 4, tzinfo=UTC))
    assert rest.cover(datetime(2026, 12, 27, 4, tzinfo=UTC))
    assert rest.cover(datetime(2026, 12, 26, 23, 59, tzinfo=ZoneInfo("America/New_York")))


def test_what_is_never_allowed_is_known_soon() -> None:
    never = Calendar(hours=(parse_hours("22:00-06:00 UTC"),), blackout=(parse_rest("2026-01-01..2099-12-31"),))
    assert never.next_allowed(datetime(2026, 11, 1, tzinfo=UTC)) is None
