"""The loss of what is new: silent without drift and where the model copes, heard where new texts are read badly."""

from __future__ import annotations

from dataclasses import replace

import drift_samples as samples
import numpy as np
import numpy.typing as npt
import pytest

from driftwatch.domain.drift import DriftState, Measure, Reference, Window
from driftwatch.domain.features import Features
from driftwatch.drift.evidence.known import Known
from driftwatch.drift.loss import LossDetector
from driftwatch.drift.newness import LEAST_TEXTS, Newness, Rise
from driftwatch.drift.suffering import state_of

SPREAD = 0.9
"""Nats per token: standard deviation of a text's loss, as small models have on tweets."""


def _spread(features: Features, seed: int, *, by: npt.NDArray[np.float64] | float = 0.0) -> Features:
    """Give each text a loss of its own, 5 nats per token and so much more."""
    assert features.losses is not None
    tokens = features.losses.tokens
    own = 5.0 + by + np.random.default_rng(seed).normal(0, SPREAD, len(tokens))
    return replace(features, losses=replace(features.losses, nats=own * tokens))


@pytest.fixture(scope="module")
def reference() -> Reference:
    made = samples.reference(samples.known()[:2_000], heldout=samples.known()[2_000:3_000])
    return replace(made, heldout=replace(made.heldout, features=_spread(made.heldout.features, 0)))


@pytest.fixture(scope="module")
def newness(reference: Reference) -> Newness:
    return Newness(reference.train.features.embeddings.values, reference.heldout, known=Known(reference), seed=7)


def window(index: int, *, new: int = 0, worse: float = 0.0) -> Window:
    """Return 250 texts, some of them new and so much worse read."""
    random = np.random.default_rng(index)
    old = random.choice(samples.known()[3_000:], 250 - new, replace=False)
    made = samples.window([*old, *random.choice(samples.new(), new, replace=False)], index=index)
    by = np.where(np.arange(250) >= 250 - new, worse, 0.0)
    return replace(made, features=_spread(made.features, 1_000 + index, by=by))


def rise(newness: Newness, window: Window) -> Rise:
    found = newness.rise(window)
    assert found is not None
    return found


def test_without_drift_the_interval_holds_nothing_19_times_in_20(newness: Newness) -> None:
    found = [rise(newness, window(index)) for index in range(80)]
    inside = np.mean([each.low <= 0.0 <= each.high for each in found])
    assert inside >= 0.9
    assert abs(np.mean([each.value for each in found])) < 0.03, "all are held against one baseline, with its own error"


def test_new_texts_that_the_model_copes_with_are_no_rise(newness: Newness) -> None:
    found = [rise(newness, window(index, new=50)) for index in range(40)]
    assert abs(np.mean([each.value for each in found])) < 0.02
    assert np.mean([each.low > 0.0 for each in found]) <= 0.1


def test_new_texts_that_are_read_worse_are_most_of_the_rise(newness: Newness) -> None:
    found = [rise(newness, window(index, new=50, worse=0.6)) for index in range(40)]
    value = np.mean([each.value for each in found])
    assert 0.03 < value < 1.1 * 0.12, "a fifth of the texts, 0.6 nats worse, and none of it by texts outside"
    widths = np.mean([each.high - each.low for each in found])
    whole = 2 * 1.96 * SPREAD * np.sqrt(1 / 250 + 1 / 1_000)
    assert widths < 0.8 * whole, "narrower than the rise of the whole mean, whose noise is every text's"


def test_it_is_a_measure_of_the_detector_and_too_few_texts_give_none(reference: Reference) -> None:
    monitor = LossDetector().fit(reference, seed=7)
    names = {measure.name for measure in monitor.update(window(0)).measures}
    assert "loss.where_new" in names
    few = samples.window(samples.known()[3_000 : 3_000 + LEAST_TEXTS - 1])
    assert "loss.where_new" not in {measure.name for measure in monitor.update(few).measures}
    assert (
        Newness(reference.train.features.embeddings.values, reference.heldout, known=Known(reference), seed=7).rise(few)
        is None
    )


@pytest.mark.parametrize(
    ("alarm", "value", "low", "state"),
    [
        (1.0, 0.12, 0.06, DriftState.HARMFUL_DRIFT),
        (0.0, 0.12, 0.06, DriftState.STABLE),
        (1.0, 0.12, 0.04, DriftState.BENIGN_DRIFT),
        (1.0, 0.04, 0.03, DriftState.BENIGN_DRIFT),
    ],
)
def test_a_model_that_surely_does_worse_on_what_is_new_suffers_from_drift(
    alarm: float, value: float, low: float, state: DriftState
) -> None:
    measures = [
        Measure(name="drift.alarm", value=alarm),
        Measure(name="loss.increase", value=0.02, low=-0.05, high=0.09),
        Measure(name="loss.where_new", value=value, low=low, high=2 * value - low),
    ]
    assert state_of(measures) is state
