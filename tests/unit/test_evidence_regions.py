"""Regions: a discriminant on landmarks sees known regions change their shares where the mean does not move."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.regions import LANDMARKS, Regions
from driftwatch.drift.evidence.witness import base

Matrix = npt.NDArray[np.float32]
DIMS = 16
NO_TOKENS = np.zeros(0, dtype=np.int32)


def crossed(random: np.random.Generator, count: int, share: float) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """Return texts near either end of one axis, a share of them, or of another; and which lie on the first axis."""
    first = random.random(count) < share
    found = 0.3 * random.normal(size=(count, DIMS)) / np.sqrt(DIMS)
    found[np.arange(count), np.where(first, 0, 1)] += random.choice([-1.0, 1.0], size=count)
    unit: Matrix = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit, first


def separation(scores: npt.NDArray[np.floating], positive: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a positive text scores higher than a negative one."""
    return float((scores[positive][:, None] > scores[~positive][None, :]).mean())


def test_regions_see_shares_move_that_the_mean_does_not_show() -> None:
    random = np.random.default_rng(1)
    train, _ = crossed(random, 1_000, 0.5)
    chunk, _ = crossed(random, 250, 0.8)
    later, first = crossed(random, 500, 0.5)
    known = base(train, NO_TOKENS, 1)
    by_regions = known.regions(later) @ known.usual.direction(known.regions(chunk).mean(0))
    by_direction = later @ known.plain.direction(chunk.mean(0))
    assert separation(by_regions, first) > 0.95
    assert 0.3 < separation(by_direction, first) < 0.7


def test_a_text_at_a_landmark_has_the_highest_kernel_there() -> None:
    random = np.random.default_rng(2)
    train, _ = crossed(random, 300, 0.5)
    found = Regions(train)(train[:LANDMARKS])
    assert found.shape == (LANDMARKS, LANDMARKS)
    assert np.array_equal(found.argmax(1), np.arange(LANDMARKS))
    assert 0 < found.min() <= found.max() < 1.001


def test_fewer_texts_than_landmarks_will_do() -> None:
    train, _ = crossed(np.random.default_rng(3), 5, 0.5)
    known = base(train, NO_TOKENS, 1)
    assert known.regions(train).shape == (5, 5)
    assert np.isfinite(known.usual.precision).all()
