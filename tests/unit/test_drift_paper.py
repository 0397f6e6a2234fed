from __future__ import annotations

from datetime import timedelta

import pytest

from driftwatch.paper.frame import lasting, percent, safe, times_ten


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (timedelta(seconds=-5), "less than a minute"),
        (timedelta(seconds=59), "less than a minute"),
        (timedelta(minutes=60), "1 h"),
        (timedelta(minutes=61), "1 h 1 min"),
        (timedelta(days=2, hours=3, minutes=9), "2 d 3 h"),
        (timedelta(days=400), "400 d"),
    ],
)
def test_durations(length: timedelta, said: str) -> None:
    assert lasting(length) == said


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0.0, "0%"),
        (0.0004, "&lt; 0.1%"),
        (0.0012, "0.1%"),
        (0.034, "3.4%"),
        (0.0996, "10.0%"),
        (0.41, "41%"),
        (1, "100%"),
    ],
)
def test_shares(share: float, said: str) -> None:
    assert percent(share) == said


def test_small_words() -> None:
    assert times_ten(-2.5) == "10<sup>\u22122.5</sup>"
    assert safe("\ud800<") == "?&lt;"
