"""Null bands cover, the new share's bound holds, and quiet windows name no word."""

from __future__ import annotations

from collections import Counter

import drift_samples as samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from driftwatch.drift.bounds import lower_bound, upper_bound
from driftwatch.drift.share import CONFIDENCE, ShareDetector
from driftwatch.drift.tokens import TokensDetector, jsd
from driftwatch.drift.words import Words

_COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any)


@given(left=_COUNTS, right=_COUNTS)
def test_divergence_is_symmetric_and_between_0_and_1(left: list[int], right: list[int]) -> None:
    a, b = np.array(left, dtype=np.float64), np.array(right, dtype=np.float64)
    assert jsd(a, b) == pytest.approx(jsd(b, a))
    assert -1e-12 <= jsd(a, b) <= 1 + 1e-12
    assert jsd(a, 3 * a) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("size", [100, 400, 1_000], ids=["small", "half of CAL", "more than CAL holds"])
def test_null_band_covers_windows_of_the_same_text(size: int) -> None:
    bodies = samples.known(6_000)
    outside: Counter[str] = Counter()
    looks = 0
    for trial in range(6):
        drawn = [bodies[row] for row in np.random.default_rng([trial, 3]).permutation(len(bodies))]
        monitor = TokensDetector(draws=100).fit(samples.reference(drawn[:1_200], model=False), seed=trial)
        for start in range(1_200, min(len(drawn) - size, 1_200 + 4 * size), size):
            result = monitor.update(samples.window(drawn[start : start + size], index=start, model=False))
            looks += 1
            for measure in result.measures:
                assert measure.null_low is not None
                assert measure.null_high is not None
                outside[measure.name] += not measure.null_low <= measure.value <= measure.null_high
    assert looks >= 12
    # A band from 100 draws covers 98%; windows share their reference, so leave room.
    assert max(outside.values()) <= 0.15 * looks, outside


def test_another_topic_leaves_the_band() -> None:
    monitor = TokensDetector().fit(samples.reference(samples.known()[:2_000], model=False), seed=7)
    for measure in monitor.update(samples.window(samples.new()[:300], model=False)).measures:
        assert measure.null_high is not None
        assert measure.value > measure.null_high


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 300), data=st.data(), error=st.sampled_from([1e-5, 1e-3, 0.025]))
def test_bounds_are_those_of_clopper_and_pearson(n: int, data: st.DataObject, error: float) -> None:
    hits = data.draw(st.integers(0, n))
    low, high = (float(bound(np.array([hits]), n, error)[0]) for bound in (lower_bound, upper_bound))
    assert 0 <= low <= hits / n <= high <= 1
    assert low == 0 or binom.sf(hits - 1, n, low) == pytest.approx(error, rel=1e-4)
    assert high == 1 or binom.cdf(hits, n, high) == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3])
def test_the_largest_difference_is_bounded_with_the_stated_probability(share: float) -> None:
    random = np.random.default_rng(11)
    sets, cal, texts, trials = 195, 3_000, 500, 2_000
    q = np.resize([1 / 8, 1 / 64, 1 / 500], sets)
    p = q * (1 - share)
    p[0] += share  # all new texts fall into one set
    error = (1 - CONFIDENCE) / 2 / sets
    upper = upper_bound(random.binomial(cal, q, (trials, sets)), cal, error)
    lower = lower_bound(random.binomial(texts, p, (trials, sets)), texts, error)
    found = np.maximum(lower - upper, 0).max(1)
    assert np.mean(found > share) <= 1 - CONFIDENCE
    assert share < 0.3 or np.median(found) > 0.1


def test_quiet_text_has_no_new_share_and_mixtures_no_more_than_their_share() -> None:
    monitor = ShareDetector().fit(samples.reference(samples.known()[:3_000], model=False), seed=7)
    for index in range(6):
        quiet = samples.known()[3_000 + index * 400 : 3_400 + index * 400]
        assert monitor.update(samples.window(quiet, index=index, model=False)).measures[0].value == 0
        mixed = (*quiet[:280], *samples.new()[:120])
        assert monitor.update(samples.window(mixed, index=index, model=False)).measures[0].value <= 0.3


def test_reshuffled_reference_windows_name_no_word() -> None:
    bodies = samples.known(6_000)
    named = 0
    for trial in range(40):
        drawn = [bodies[row] for row in np.random.default_rng([trial, 4]).permutation(len(bodies))]
        named += bool(Words(drawn[:3_000]).shifts(drawn[3_000:3_300]))
    assert named <= 6  # binomial(40, .05): above 6 in less than one of a hundred


def test_a_new_topic_names_its_words_risen_first() -> None:
    shifts = Words(samples.known()[:3_000]).shifts(samples.new()[:300])
    words = [shift.word for shift in shifts if shift.z > 0]
    assert {"model", "tensor"} & set(words)
    signs = [shift.z > 0 for shift in shifts]
    assert signs == sorted(signs, reverse=True)
