"""The burn-in: it sees bursts, takes drift for no dependence, and finds nothing where there is nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from driftwatch.drift.evidence.dependence import LENGTHS, judge, measure

DIMS = 24


Values = npt.NDArray[np.float32]


def topics(random: np.random.Generator, count: int = 40) -> Values:
    return random.normal(size=(count, DIMS)).astype(np.float32)


def stream(
    random: np.random.Generator, of: npt.NDArray[np.int64], centres: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    values = centres[of] + random.normal(size=(len(of), DIMS)).astype(np.float32)
    return np.asarray(values / np.linalg.norm(values, axis=1, keepdims=True), dtype=np.float32)


def test_independent_texts_need_the_shortest_blocks() -> None:
    random = np.random.default_rng(1)
    found = [measure(stream(random, random.integers(40, size=1_000), topics(random)), settled=True) for _ in range(20)]
    assert sum(each.length == LENGTHS[0] and each.confirmed for each in found) >= 18
    assert not any(each.beyond for each in found)


@pytest.mark.parametrize(("burst", "shortest", "longest"), [(4, 8, 16), (20, 16, 64)])
def test_bursts_are_seen_as_long_as_they_are(burst: int, shortest: int, longest: int) -> None:
    random = np.random.default_rng(2)
    of = np.repeat(random.integers(40, size=1_000 // burst), burst)
    found = measure(stream(random, of, topics(random)), settled=True)
    assert shortest <= found.length <= longest


@pytest.mark.parametrize("change", [300, 500, 750])
def test_a_change_of_topics_is_no_dependence(change: int) -> None:
    random = np.random.default_rng(3)
    of = np.concatenate([random.integers(20, size=change), random.integers(20, 40, size=1_000 - change)])
    assert measure(stream(random, of, topics(random)), settled=True).length <= 2 * LENGTHS[0]


@pytest.mark.parametrize("burst", [100, 200])
def test_a_burst_longer_than_can_be_measured_is_said(burst: int) -> None:
    random = np.random.default_rng(4)
    of = np.repeat(random.integers(40, size=1_000 // burst + 1), burst)[:1_000]
    found = measure(stream(random, of, topics(random)), settled=True)
    assert found.beyond
    assert not found.confirmed
    assert found.length > LENGTHS[-1]
    assert "32 apart and farther" in found.sentence
    assert "longer burn_in" in found.sentence


def test_a_longer_burn_in_measures_farther() -> None:
    random = np.random.default_rng(5)
    of = np.repeat(random.integers(40, size=82), 50)
    found = measure(stream(random, of, topics(random)), settled=True)
    assert found.length == 64
    assert not found.beyond


@pytest.mark.parametrize(("burst", "right"), [(1, {8}), (8, {8}), (16, {16}), (32, {32}), (64, {256}), (256, {256})])
def test_bursts_between_what_blocks_hold_and_what_can_be_measured_do_not_go_unseen(burst: int, right: set[int]) -> None:
    """With four bursts of 64 in a stretch the stretch's own mean takes up all correlation half a burst apart."""
    found = []
    for seed in range(20):
        random = np.random.default_rng([6, seed])
        first = int(random.integers(burst))
        of = np.repeat(random.integers(40, size=4_000 // burst + 2), burst)[first : first + 4_000]
        values = stream(random, of, topics(random))
        judged = (judge(values[:texts], burn_in=1_000) for texts in range(1_000, 4_001, 250))
        found.append(next(each.length for each in judged if each.settled))
    assert sum(length in right for length in found) >= 19, found


@pytest.mark.parametrize(("burst", "over"), [(1, True), (8, True), (40, True), (400, False)])
def test_bursts_as_long_as_a_part_of_the_burn_in_make_it_longer(burst: int, over: bool) -> None:
    found = []
    for seed in range(10):
        random = np.random.default_rng([6, seed])
        first = int(random.integers(burst))
        of = np.repeat(random.integers(40, size=4_000 // burst + 2), burst)[first : first + 4_000]
        values = stream(random, of, topics(random))
        early, late = judge(values[:1_000], burn_in=1_000), judge(values, burn_in=1_000)
        found.append(early.settled)
        assert not judge(values[:999], burn_in=1_000).settled
        assert late.settled
        if not over:
            assert late.length >= LENGTHS[-1]
            assert early.settled or "the burn-in goes on" in early.sentence
    assert found.count(over) >= 9


def test_few_texts_say_nothing() -> None:
    found = measure(np.eye(DIMS, dtype=np.float32), settled=False)
    assert (found.length, found.bands, found.confirmed) == (LENGTHS[0], (), False)
