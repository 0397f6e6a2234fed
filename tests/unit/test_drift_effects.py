"""Effect sizes of a window: their intervals and null bands hold on quiet prose, and new prose lies outside."""

from __future__ import annotations

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import Measure, Reference, Window
from driftwatch.domain.protocols import Detector
from driftwatch.drift.classifier import ClassifierDetector
from driftwatch.drift.length import LengthDetector
from driftwatch.drift.looks import LooksDetector
from driftwatch.drift.mmd import MmdDetector
from driftwatch.drift.tokens import TokensDetector, hellinger, psi

SEED = 7
SIZE = 200
QUIET = 40
KNOWN = 1_200


@pytest.fixture(scope="module")
def shuffled() -> Reference:
    """Return a reference drawn by chance."""
    return samples.reference(drawn(0, KNOWN))


@pytest.fixture(scope="module")
def alike() -> list[Window]:
    """Return windows of other texts of the same draw, drawn as the reference's were."""
    return [samples.window(others(SIZE, seed=number), index=number) for number in range(QUIET)]


def drawn(start: int, stop: int) -> list[str]:
    order = np.random.default_rng(1).permutation(len(samples.known()))[start:stop]
    return [samples.known()[row] for row in order]


def others(count: int, *, seed: int) -> list[str]:
    rest = drawn(KNOWN, len(samples.known()))
    return [rest[row] for row in np.random.default_rng(seed).permutation(len(rest))[:count]]


def mixed(share: float, *, index: int = 0) -> Window:
    count = round(share * SIZE)
    fresh = [samples.new()[row] for row in np.random.default_rng(index).permutation(len(samples.new()))[:count]]
    return samples.window((*others(SIZE - count, seed=index), *fresh), index=index)


def measured(detector: Detector, reference: Reference, windows: list[Window], name: str) -> list[Measure]:
    monitor = detector.fit(reference, seed=SEED)
    return [m for window in windows for m in monitor.update(window).measures if m.name == name]


BANDS: list[tuple[Detector, str]] = [
    (ClassifierDetector(), "embedding.auc"),
    (TokensDetector(), "tokens.psi"),
    (TokensDetector(), "tokens.hellinger"),
    (LengthDetector(), "text.length"),
    (MmdDetector(), "embedding.mmd2"),
]


@pytest.mark.parametrize(("detector", "name"), BANDS, ids=[name for _, name in BANDS])
def test_quiet_windows_stay_within_the_null_band(
    detector: Detector, name: str, shuffled: Reference, alike: list[Window]
) -> None:
    found = measured(detector, shuffled, alike, name)
    outside = sum(not (m.null_low or 0.0) <= m.value <= (m.null_high or 0.0) for m in found)
    assert len(found) == QUIET
    assert outside <= 5  # 1% each; the windows overlap and share one reference


@pytest.mark.parametrize("name", [name for _, name in BANDS if name != "text.length"])
def test_new_prose_lies_above_the_band(name: str, shuffled: Reference) -> None:
    detector = next(each for each, measure in BANDS if measure == name)
    (found,) = measured(detector, shuffled, [mixed(1.0)], name)
    assert found.null_high is not None
    assert found.value > found.null_high


def test_the_interval_of_the_area_clears_a_half_on_new_prose_only(shuffled: Reference, alike: list[Window]) -> None:
    (new,) = measured(ClassifierDetector(), shuffled, [mixed(1.0)], "embedding.auc")
    assert 0.5 < (new.low or 0.0) < new.value < (new.high or 0.0) <= 1.0
    quiet = measured(ClassifierDetector(), shuffled, alike, "embedding.auc")
    assert sum((m.low or 0.0) <= 0.5 <= (m.high or 0.0) for m in quiet) >= 0.85 * QUIET


def test_median_lengths_carry_their_interval(shuffled: Reference, alike: list[Window]) -> None:
    """All texts' median is covered by the windows' 95% intervals about as often as they say."""
    truth = float(np.median([len(body.split()) for body in samples.known()]))
    found = measured(LengthDetector(), shuffled, alike, "text.length")
    covered = sum((m.low or 0.0) <= truth <= (m.high or 0.0) for m in found)
    assert covered >= 0.85 * QUIET


def test_windows_of_about_one_size_share_the_tokens_null_band(shuffled: Reference) -> None:
    monitor = TokensDetector(draws=20).fit(shuffled, seed=SEED)
    bands = set()
    for size in range(240, 256):
        (found,) = (
            measure
            for measure in monitor.update(samples.window(samples.new()[:size])).measures
            if measure.name == "tokens.psi"
        )
        bands.add((found.null_low, found.null_high))
    assert len(bands) <= 2


def test_texts_twice_as_long_lie_above_the_band(shuffled: Reference) -> None:
    doubled = [
        first + " " + second for first, second in zip(samples.known()[:200], samples.known()[200:400], strict=True)
    ]
    (found,) = measured(LengthDetector(), shuffled, [samples.window(doubled)], "text.length")
    assert found.null_high is not None
    assert (found.low or 0.0) > found.null_high


def test_a_planned_look_errs_as_often_as_it_says(shuffled: Reference, alike: list[Window]) -> None:
    found = measured(LooksDetector(), shuffled, alike, "drift.look_p")
    p = np.array([m.value for m in found])
    assert (p <= 0.05).sum() <= 6  # 2 expected of 40; 6 or fewer with 99% if they were independent
    assert (p <= 0.5).sum() >= 8  # and it is no p-value that never speaks


def test_a_planned_look_sees_more_than_the_discrepancy_alone(shuffled: Reference) -> None:
    windows = [mixed(0.5, index=index) for index in range(3)]
    look = [m.value for m in measured(LooksDetector(), shuffled, windows, "drift.look_p")]
    alone = [m.value for m in measured(MmdDetector(), shuffled, windows, "embedding.mmd_p")]
    assert max(look) <= 0.1  # a thousandth for all three by chance
    assert sum(alone) > 5 * sum(look)


def test_groups_are_permuted_whole() -> None:
    """Five copies of a thought in different words are one group: without it they look like drift."""
    bodies = [f"{body} {number} {body}" for body in others(60, seed=3) for number in range(5)]
    names = [f"s{number // 5}" for number in range(300)]
    known = samples.reference([f"{body} {row % 5} {body}" for row, body in enumerate(drawn(0, 1_000))])
    alone = LooksDetector().fit(known, seed=SEED).update(samples.window(bodies))
    together = LooksDetector().fit(known, seed=SEED).update(samples.window(bodies, groups=names))
    assert alone.measures[0].value < 0.05
    assert together.measures[0].value > 0.05


def test_distances_of_counts() -> None:
    left, right = np.array([10.0, 0.0, 5.0]), np.array([10.0, 0.0, 5.0])
    assert hellinger(left, right) == pytest.approx(0.0, abs=1e-7)
    assert psi(left, right) == pytest.approx(0.0)
    assert psi(np.array([90.0, 10.0]), np.array([10.0, 90.0])) == pytest.approx(
        2 * (90.5 - 10.5) / 101.5 * np.log(90.5 / 10.5)
    )
