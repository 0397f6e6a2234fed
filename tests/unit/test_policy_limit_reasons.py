"""Limits: each says its figures, refuses what is too much, and tells when it allows the next time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from driftwatch.domain.decision import Reason, RunFact
from driftwatch.policy.calendar import Calendar, parse_hours, parse_rest
from driftwatch.policy.limits import Allowance, Limits, of_action, of_run
from driftwatch.policy.variables import Facts

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MONTH = Allowance(amount=4, period=30 * DAY)


def run(days: float, hours: float = 2.0, lasted: float | None = 0.5) -> RunFact:
    """Return a run that began so many days ago."""
    began = NOW - days * DAY
    ended = None if lasted is None else began + lasted * DAY
    return RunFact(rule="r", began_at=began, ended_at=ended, training_hours=hours)


def said(limits: Limits, *runs: RunFact, elsewhere: int = 0, most: float | None = None) -> Reason:
    facts = Facts(fresh_texts=lambda _: 0, runs=runs, elsewhere=elsewhere)
    (reason,) = of_run(limits, facts, NOW, most_hours=most)
    return reason


def test_runs_within_the_period_count_whoever_asked() -> None:
    limits = Limits(runs=MONTH)
    few = said(limits, run(31), run(20), run(10), run(1))
    assert (few.met, few.detail) == (True, "3 runs of the stream begun within 30d, 4 per 30d allowed")
    many = said(limits, run(29), run(20), run(10), run(1))
    assert not many.met
    assert many.detail.endswith("4 per 30d allowed; next allowed 2026-11-21 12:00:00 UTC")


def test_a_run_begun_by_a_clock_that_was_ahead_still_counts() -> None:
    assert not said(Limits(runs=Allowance(amount=1, period=DAY)), run(-400)).met


def test_hours_used_and_those_that_the_run_may_take_count() -> None:
    limits = Limits(gpu_hours=Allowance(amount=10, period=30 * DAY))
    assert said(limits, run(40, hours=100), run(20, hours=6), most=4.0).met
    over = said(limits, run(40, hours=100), run(20, hours=6.5), most=4.0)
    assert not over.met
    assert over.detail == (
        "6.5 h of training in runs within 30d, 4 h more at most, 10 per 30d allowed; "
        "next allowed 2026-12-01 00:00:00 UTC"
    )


def test_hours_of_the_run_under_way_and_of_one_that_reaches_into_the_period_count() -> None:
    limits = Limits(gpu_hours=Allowance(amount=10, period=30 * DAY))
    assert not said(limits, run(31, hours=10, lasted=2)).met
    under_way = said(limits, run(90, hours=12, lasted=None))
    assert not under_way.met
    assert under_way.detail.endswith("next allowed 30d after the end of the run under way")


def test_a_run_without_a_limit_of_its_own_gets_what_is_left() -> None:
    limits = Limits(gpu_hours=Allowance(amount=10, period=30 * DAY))
    facts = Facts(fresh_texts=lambda _: 0, runs=(run(20, hours=6.5),))
    assert said(limits, run(20, hours=6.5)).met
    assert limits.hours_left(facts, NOW) == pytest.approx(3.5)
    assert Limits().hours_left(facts, NOW) is None


def test_a_run_longer_than_all_hours_is_never_allowed() -> None:
    reason = said(Limits(gpu_hours=Allowance(amount=3, period=DAY)), most=4.0)
    assert not reason.met
    assert reason.detail.endswith("never allowed: one run may take more than that")


@pytest.mark.parametrize(
    ("elsewhere", "own", "met"), [(0, (), True), (1, (), True), (2, (), False), (1, (None,), False)]
)
def test_concurrency_counts_the_runs_of_all_streams(elsewhere: int, own: tuple[None, ...], met: bool) -> None:
    reason = said(Limits(concurrency=2), *(run(1, lasted=lasted) for lasted in own), elsewhere=elsewhere)
    assert reason.met is met


def test_the_cooldown_says_when_it_is_over() -> None:
    limits = Limits(cooldown=timedelta(hours=6))
    assert of_action(limits, NOW, None, None)[0].detail == "never acted before"
    (reason,) = of_action(limits, NOW, NOW - timedelta(hours=2), None)
    assert (reason.met, reason.detail) == (
        False, "last acted 2h ago, cooldown 6h; next allowed 2026-11-20 16:00:00 UTC",
    )  # fmt: skip
    assert of_action(limits, NOW, NOW - timedelta(hours=6))[0].met


def test_a_clock_set_back_lengthens_a_cooldown_and_never_shortens_it() -> None:
    limits = Limits(cooldown=timedelta(hours=6))
    assert not of_action(limits, NOW, NOW + timedelta(days=2))[0].met


def test_hours_and_blackout_say_when_they_allow_the_next_time() -> None:
    calendar = Calendar(
        hours=(parse_hours("22:00-06:00 Europe/Berlin"),), blackout=(parse_rest("2026-11-20..2026-11-21"),)
    )
    hours, blackout = of_action(Limits(calendar=calendar), NOW)
    assert (hours.subject, hours.met) == ("limits.hours", False)
    assert hours.detail == (
        "it is Fri 13:00 there, outside of 22:00-06:00 Europe/Berlin; next allowed 2026-11-22 00:00:00 UTC"
    )
    assert blackout.detail == "nothing is done on 2026-11-20..2026-11-21 UTC; next allowed 2026-11-22 00:00:00 UTC"
    night = datetime(2026, 11, 23, 4, 59, tzinfo=UTC)
    assert [reason.met for reason in of_action(Limits(calendar=calendar), night)] == [True, True]
