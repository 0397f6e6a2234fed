"""Durations and sizes in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.domain.units import format_duration, parse_duration, parse_size


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("24h", 86_400),
        ("30d", 2_592_000),
        ("1h 30m", 5_400),
        ("1h30m", 5_400),
        ("1.5h", 5_400),
        ("0s", 0),
        ("250ms", 0.25),
        ("2w", 1_209_600),
    ],
)
def test_durations_are_read(words: str, seconds: float) -> None:
    assert parse_duration(words) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "words", ["", "24", "h", "-1h", "1 day", "1h 1h", "30m 1h", "1h,", "9" * 200 + "s", "999999999999w", "1e3s", "٣h"]
)
def test_what_is_no_duration_says_what_one_looks_like(words: str) -> None:
    with pytest.raises(ValueError, match="duration") as raised:
        parse_duration(words)
    assert len(str(raised.value)) < 250


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("0", 0),
        ("17", 17),
        ("64 KiB", 65_536),
        ("64KiB", 65_536),
        ("2 GiB", 2**31),
        ("500 MB", 500_000_000),
        ("1.5 kB", 1_500),
        ("1_000 B", 1_000),
    ],
)
def test_sizes_are_read(words: str, size: int) -> None:
    assert parse_size(words) == size


@pytest.mark.parametrize("words", ["", "GiB", "-1 MB", "2 GiG", "1 2 MB", "ten MB", "9" * 400])
def test_what_is_no_size_says_what_one_looks_like(words: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(words)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (0.25, "250ms"),
        (59, "59s"),
        (60, "1m"),
        (5_400, "1h 30m"),
        (86_400, "1d"),
        (90_061, "1d 1h"),
        (86_405, "1d"),
        (-90, "-1m 30s"),
    ],
)
def test_durations_are_written(seconds: float, words: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == words


@given(st.integers(0, 10**9))
def test_a_written_duration_reads_back_within_its_second_unit(seconds: int) -> None:
    read = parse_duration(format_duration(timedelta(seconds=seconds)))
    assert 0 <= seconds - read.total_seconds() < (3_600 if seconds >= 86_400 else 60)
