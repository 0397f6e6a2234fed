"""The rate by which a budget in time becomes one in texts: one text with a wrong time does not move it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from driftwatch.domain.budget import parse_budget, rate_of_times, rate_of_windows, usual_end

BEGIN = datetime(2026, 5, 3, tzinfo=UTC)
YEAR = timedelta(days=365)


def times(window: int, *, size: int = 200, per_second: float = 2.0) -> list[datetime]:
    return [BEGIN + timedelta(seconds=(window * size + number) / per_second) for number in range(1, size + 1)]


def ends(windows: list[list[datetime]]) -> list[tuple[datetime, int]]:
    return [(max(each), len(each)) for each in windows]


def test_steady_windows_have_their_rate() -> None:
    windows = [times(window) for window in range(20)]
    assert rate_of_windows(ends(windows)) == pytest.approx(2.0)
    assert rate_of_times(windows[0]) == pytest.approx(2.0, rel=0.02)


def test_a_window_alone_has_no_rate_of_ends() -> None:
    assert rate_of_windows(ends([times(0)])) is None


def test_a_text_of_years_ago_leaves_the_budget_as_it_is() -> None:
    windows = [times(window) for window in range(20)]
    for spoilt in (windows[0], windows[7], windows[19]):
        spoilt[100] -= 40 * YEAR
    budget = parse_budget("1 per 365d")
    meant = budget.arl_texts(2.0)
    assert budget.arl_texts(rate_of_windows(ends(windows)) or 0) == pytest.approx(meant)
    assert budget.arl_texts(rate_of_times(windows[0])) == pytest.approx(meant, rel=0.02)


@pytest.mark.parametrize("spoilt", [0, 7, 19])
def test_a_text_of_years_ahead_leaves_the_budget_nearly_as_it_is(spoilt: int) -> None:
    """As where an old log is read: what lies ahead of the clock is taken for now, which is years after the others."""
    windows = [times(window) for window in range(20)]
    windows[spoilt][100] += 6 * YEAR
    *before, newest = windows
    rate = rate_of_windows([*ends(before), (usual_end(newest), len(newest))])
    assert rate == pytest.approx(2.0, rel=0.06)
    assert rate_of_times(windows[spoilt]) == pytest.approx(2.0, rel=0.02)


def test_a_pause_before_the_newest_windows_counts() -> None:
    windows = ends([times(window) for window in range(18)])
    after = [(end + timedelta(hours=10), texts) for end, texts in ends([times(18), times(19)])]
    assert rate_of_windows(windows + after) == pytest.approx(19 * 200 / (19 * 100 + 36_000), rel=0.01)


def test_windows_in_any_order_and_all_at_once() -> None:
    windows = ends([times(window) for window in range(5)])
    assert rate_of_windows(reversed(windows)) == rate_of_windows(windows)
    assert rate_of_windows([(BEGIN, 200), (BEGIN, 300)]) == 300.0, "spans under a second count as one"
