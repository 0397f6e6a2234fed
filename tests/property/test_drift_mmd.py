"""The permutation p-value keeps its promise on real text, and equals a slow direct count."""

from __future__ import annotations

import drift_samples as samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.drift.mmd import MmdDetector, mmd2, permuted, rbf


def direct(kernel: np.ndarray, second: np.ndarray) -> float:
    a, b = np.flatnonzero(~second), np.flatnonzero(second)
    within = sum(kernel[i, j] / (len(side) * (len(side) - 1)) for side in (a, b) for i in side for j in side if i != j)
    return float(within - 2 * sum(kernel[i, j] for i in a for j in b) / (len(a) * len(b)))


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(3, 25), n=st.integers(3, 15), size=st.integers(1, 3))
def test_one_matrix_product_equals_a_direct_count(seed: int, m: int, n: int, size: int) -> None:
    random = np.random.default_rng(seed)
    kernel = rbf(random.normal(size=(m + n, 4)).astype(np.float32), 1.0)
    labels = [f"r{row // size}" for row in range(m)] + [f"g{row // size}" for row in range(n)]
    fast = permuted(kernel, labels, n, 10, np.random.default_rng(seed))
    again = np.random.default_rng(seed)
    _, units = np.unique(labels, return_inverse=True)
    weights = np.bincount(units)
    for found in fast:
        order = again.permutation(len(weights))
        chosen = np.cumsum(weights[order]) <= n
        if weights[order[chosen]].sum() < 2:
            chosen[:2] = True
        second = np.isin(units, order[chosen])
        for unit in range(len(weights)):
            assert len(set(second[units == unit])) == 1
        assert found == pytest.approx(direct(kernel, second), abs=1e-5)
    observed = mmd2(kernel, np.repeat([1.0, 0.0], [m, n])[:, None])[0]
    assert observed == pytest.approx(direct(kernel, np.arange(m + n) >= m), abs=1e-5)


def test_p_is_super_uniform_on_reshuffled_real_text() -> None:
    bodies = samples.known(4_000)
    p = []
    for trial in range(6):
        drawn = [bodies[row] for row in np.random.default_rng([trial, 1]).permutation(len(bodies))]
        monitor = MmdDetector(permutations=199).fit(samples.reference(drawn[:1_000], model=False), seed=trial)
        p += [_p(monitor, drawn[start : start + 150], start) for start in range(1_000, 2_500, 150)]
    assert min(p) >= 1 / 200
    for level in (0.01, 0.05, 0.2, 0.5):
        # 60 looks, ten of each reference: three standard errors, doubled in variance for the shared reference.
        assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(2 * level * (1 - level) / len(p))


def test_sessions_raise_no_false_alarm_where_the_reference_has_none() -> None:
    bodies = samples.known(4_000)
    endings = ("again", "please", "now", "thanks", "so")
    lone = [f"{body} {endings[row % 5]}" for row, body in enumerate(bodies[:1_000])]
    monitor = MmdDetector(permutations=199).fit(samples.reference(lone, model=False), seed=7)
    alarms = 0
    for trial in range(40):
        random = np.random.default_rng([trial, 2])
        seeds = random.permutation(np.arange(1_000, len(bodies)))[:40]
        # A session says nearly the same thing five times.
        drawn = [f"{bodies[row]} {word}" for row in seeds for word in endings]
        groups = [f"s{place // 5}" for place in range(len(drawn))]
        found = monitor.update(samples.window(drawn, index=trial, groups=groups, model=False))
        alarms += next(m.value for m in found.measures if m.name == "embedding.mmd_p") <= 0.05
    assert alarms <= 7  # binomial(40, .05): above 7 in less than one of a thousand


def test_too_few_sessions_say_nothing() -> None:
    monitor = MmdDetector(permutations=99).fit(samples.reference(samples.known()[:600], model=False), seed=7)
    bodies = samples.known()[3_000:3_100]
    groups = [f"s{row % 4}" for row in range(100)]
    assert monitor.update(samples.window(bodies, groups=groups, model=False)).measures == ()


def test_another_topic_is_seen() -> None:
    monitor = MmdDetector(permutations=999).fit(samples.reference(samples.known()[:2_000], model=False), seed=7)
    assert _p(monitor, samples.new()[:300], 0) == pytest.approx(1 / 1_000)


def _p(monitor: object, bodies: object, index: int) -> float:
    result = monitor.update(samples.window(bodies, index=index, model=False))  # type: ignore[attr-defined,arg-type]
    return float(next(m.value for m in result.measures if m.name == "embedding.mmd_p"))
