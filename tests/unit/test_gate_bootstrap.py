from __future__ import annotations

import numpy as np
import pytest

from driftwatch.gate.bootstrap import holm, weighted_mean


def test_the_mean_is_weighted_by_tokens() -> None:
    estimate = weighted_mean(np.array([10.0, 0.0]), np.array([5.0, 15.0]), seed=1)
    assert estimate.value == 0.5


def test_the_same_seed_gives_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=50)
    one, two, other = (weighted_mean(values, np.ones(50), seed=seed) for seed in (1, 1, 2))
    assert one == two != other


def test_no_spread_gives_a_point() -> None:
    estimate = weighted_mean(np.full(30, 0.25), np.ones(30), seed=1)
    assert (estimate.low, estimate.high, estimate.error) == (0.25, 0.25, 0.0)
    assert estimate.p_above(0.2) == 0.0
    assert estimate.p_above(0.25) == 1.0


@pytest.mark.parametrize("count", [5, 12, 100])
def test_the_interval_covers_the_truth_as_often_as_it_says(count: int) -> None:
    generator = np.random.default_rng(count)
    hits = 0
    for seed in range(400):
        weights = generator.integers(5, 60, size=count).astype(float)
        sums = generator.normal(0.1, 1.0, size=count) * np.sqrt(weights) + 0.0
        estimate = weighted_mean(sums - 0.1 * np.sqrt(weights) + 0.3 * weights, weights, seed=seed, resamples=500)
        hits += estimate.low <= 0.3 <= estimate.high
    assert 0.92 <= hits / 400 <= 0.985


def test_the_p_value_errs_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    small = sum(
        weighted_mean(generator.normal(0.2, 1.0, 15), np.ones(15), seed=seed, resamples=300).p_above(0.2) <= 0.05
        for seed in range(600)
    )
    assert 0.03 <= small / 600 <= 0.075


def test_clusters_widen_the_interval_of_what_belongs_together() -> None:
    generator = np.random.default_rng(1)
    shared = np.repeat(generator.normal(size=20), 10)
    names = [f"t{place // 10}" for place in range(200)]
    alone = weighted_mean(shared, np.ones(200), seed=1)
    together = weighted_mean(shared, np.ones(200), clusters=names, seed=1)
    assert together.value == pytest.approx(alone.value)
    assert together.clusters == 20
    assert together.high - together.low > 2.5 * (alone.high - alone.low)


def test_many_texts_are_drawn_in_parts_that_fit_in_memory() -> None:
    estimate = weighted_mean(np.arange(30_000, dtype=float), np.ones(30_000), seed=1, resamples=400)
    assert estimate.low < 14_999.5 < estimate.high


def test_a_true_change_of_the_detectable_size_is_detected_in_four_of_five() -> None:
    generator = np.random.default_rng(9)
    size = weighted_mean(generator.normal(0, 1, 40), np.ones(40), seed=0).detectable()
    found = sum(
        weighted_mean(generator.normal(size, 1, 40), np.ones(40), seed=seed, resamples=300).p_above(0) <= 0.05
        for seed in range(300)
    )
    assert 0.65 <= found / 300 <= 0.95


@pytest.mark.parametrize("count", [0, 1])
def test_one_text_has_no_interval(count: int) -> None:
    with pytest.raises(ValueError, match="at least two"):
        weighted_mean(np.ones(count), np.ones(count), seed=1)


def test_no_tokens_have_no_mean() -> None:
    with pytest.raises(ValueError, match="with tokens"):
        weighted_mean(np.ones(3), np.zeros(3), seed=1)


def test_holm_is_monotone_and_at_most_one() -> None:
    assert holm([0.5, 0.01, 0.9, 0.02]) == [1.0, 0.04, 1.0, 0.06]
    assert holm([]) == []
