"""What every detector promises."""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING

import drift_samples as samples
import pytest

from driftwatch.drift.assess import DETECTORS
from driftwatch.policy.variables import VARIABLES

if TYPE_CHECKING:
    from driftwatch.domain.drift import DriftResult, Reference, Window
    from driftwatch.domain.protocols import Detector


@pytest.fixture(scope="module")
def reference() -> Reference:
    return samples.reference(samples.known()[:2_000], heldout=samples.known()[2_000:2_200])


@pytest.fixture(scope="module")
def windows() -> list[Window]:
    quiet = [samples.window(samples.known()[start : start + 200], index=start // 200) for start in (3_000, 3_200)]
    return [*quiet, samples.window(samples.new()[:200], index=2)]


@pytest.fixture(params=list(DETECTORS.values()), ids=list(DETECTORS))
def detector(request: pytest.FixtureRequest) -> Detector:
    found: Detector = request.param
    return found


def run(detector: Detector, reference: Reference, windows: list[Window], *, restart: bool) -> list[DriftResult]:
    monitor = detector.fit(reference, seed=3)
    results = []
    for window in windows:
        results.append(monitor.update(window))
        if restart:
            monitor = detector.fit(reference, seed=3, state=monitor.state())
    return results


def test_results_carry_the_name_it_is_registered_under(detector: Detector, reference: Reference) -> None:
    assert DETECTORS[detector.name] is detector
    result = detector.fit(reference, seed=3).update(samples.window(samples.known()[3_000:3_200]))
    assert result.detector == detector.name


def test_same_seed_same_bits(detector: Detector, reference: Reference, windows: list[Window]) -> None:
    assert run(detector, reference, windows, restart=False) == run(detector, reference, windows, restart=False)


def test_restart_equals_uninterrupted(detector: Detector, reference: Reference, windows: list[Window]) -> None:
    assert run(detector, reference, windows, restart=True) == run(detector, reference, windows, restart=False)


def test_measures_are_finite_ordered_and_known_to_policies(
    detector: Detector, reference: Reference, windows: list[Window]
) -> None:
    results = run(detector, reference, windows, restart=False)
    for measure in chain.from_iterable(result.measures for result in results):
        ends = (measure.low, measure.high, measure.null_low, measure.null_high)
        assert VARIABLES[measure.name].low <= measure.value <= VARIABLES[measure.name].high
        assert all(math.isfinite(end) for end in (measure.value, *ends) if end is not None)
        assert measure.low is None or measure.high is None or measure.low <= measure.value <= measure.high
        assert measure.null_low is None or measure.null_high is None or measure.null_low <= measure.null_high


def test_repeats_count_once(detector: Detector, reference: Reference) -> None:
    bodies = samples.known()[3_000:3_200]
    repeated = detector.fit(reference, seed=3).update(samples.window((*bodies, *bodies[:100])))
    assert repeated == detector.fit(reference, seed=3).update(samples.window(bodies))


def test_state_is_no_pickle(detector: Detector, reference: Reference, windows: list[Window]) -> None:
    monitor = detector.fit(reference, seed=3)
    monitor.update(windows[0])
    assert not monitor.state().startswith(b"\x80")


def test_windows_without_losses_are_measured_or_skipped(detector: Detector) -> None:
    reference = samples.reference(samples.known()[:1_500], model=False)
    result = detector.fit(reference, seed=3).update(samples.window(samples.known()[3_000:3_100], model=False))
    assert bool(result.measures) is (detector.name != "loss")


def test_measure_names_are_unique(reference: Reference, windows: list[Window]) -> None:
    names = [
        measure.name
        for detector in DETECTORS.values()
        for measure in detector.fit(reference, seed=3).update(windows[0]).measures
    ]
    assert len(names) == len(set(names))
