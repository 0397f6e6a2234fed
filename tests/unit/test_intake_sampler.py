from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from driftwatch.domain.text import Text
from driftwatch.intake.sampler import HashSampler, SampleSettings

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = ["7", "13", "19", "24"]
KEPT_WITH_SALT = ["4", "8", "9", "13", "16", "25"]


def test_the_sampler_is_unbiased_and_decides_alike_again() -> None:
    texts = [Text(id=f"id-{number}", body="b", seen_at=NOW) for number in range(20_000)]
    first = [HashSampler(SampleSettings(rate=0.3)).keep(text) for text in texts]
    again = [HashSampler(SampleSettings(rate=0.3)).keep(text) for text in texts]
    other = [HashSampler(SampleSettings(rate=0.3, salt="x")).keep(text) for text in texts]
    assert first == again
    assert first != other
    assert sum(first) / len(first) == pytest.approx(0.3, abs=0.015)


def test_the_budget_lowers_the_rate() -> None:
    sampler = HashSampler(SampleSettings(per_second=10))
    sampler.observe(0, NOW)
    for minute in range(1, 6):
        sampler.observe(60 * 100, NOW.replace(minute=minute))
    assert sampler.rate == pytest.approx(0.1)


@pytest.mark.parametrize("settings", [{"rate": 0.0}, {"rate": 1.5}, {"per_second": 0.0}])
def test_bad_sampling_is_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        SampleSettings(**settings)  # type: ignore[arg-type]


def test_a_lower_rate_keeps_a_part_of_what_a_higher_one_keeps() -> None:
    texts = [Text(id=f"id-{number}", body="b", seen_at=NOW) for number in range(2_000)]
    few, many = (HashSampler(SampleSettings(rate=rate)) for rate in (0.2, 0.5))
    assert {text.id for text in texts if few.keep(text)} < {text.id for text in texts if many.keep(text)}


def test_a_first_burst_is_no_flood() -> None:
    sampler = HashSampler(SampleSettings(per_second=100))
    sampler.observe(50, NOW)
    sampler.observe(50, NOW + timedelta(milliseconds=1))
    assert sampler.rate == 1.0


def test_a_clock_that_stands_or_goes_back_changes_nothing() -> None:
    sampler = HashSampler(SampleSettings(per_second=1))
    for moment in (NOW, NOW, NOW - timedelta(hours=1)):
        sampler.observe(1_000, moment)
    assert sampler.rate == 1.0


def test_after_a_flood_the_share_rises_again() -> None:
    sampler = HashSampler(SampleSettings(per_second=10, rate=0.5))
    for second in range(300):
        sampler.observe(1_000 if second < 60 else 10, NOW + timedelta(seconds=second))
        if second == 59:
            assert sampler.rate == pytest.approx(0.01)
    assert 0.1 < sampler.rate <= 0.5


def test_every_host_and_version_keeps_the_same() -> None:
    texts = [Text(id=name, body="b", seen_at=NOW) for name in [*map(str, range(30)), "é", "\ud800", "x" * 500]]
    kept = {
        salt: [text.id for text in HashSampler(SampleSettings(rate=0.2, salt=salt)).kept(texts)] for salt in ("", "x")
    }
    assert kept == {"": KEPT, "x": KEPT_WITH_SALT}


@pytest.mark.parametrize("named", ["{}", "{:08d}", "user-{}-2026", "{:032x}"])
def test_ids_that_follow_one_another_are_kept_as_if_drawn(named: str) -> None:
    texts = [Text(id=named.format(number), body="b", seen_at=NOW) for number in range(20_000)]
    kept = [HashSampler(SampleSettings(rate=0.1)).keep(text) for text in texts]
    for part in (kept, kept[:5_000], kept[::10], kept[7::16]):
        assert abs(sum(part) - 0.1 * len(part)) < 5 * (0.09 * len(part)) ** 0.5
    both = sum(one and other for one, other in itertools.pairwise(kept))
    assert abs(both - 0.01 * len(kept)) < 5 * (0.01 * len(kept)) ** 0.5
