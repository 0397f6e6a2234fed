"""What neutral fine-tunes lend a candidate: steadier variances, and means without their noise."""

from __future__ import annotations

import numpy as np
import pytest

from driftwatch.gate.bias.cells import Mean
from driftwatch.gate.bias.moderated import Variance, moderated
from driftwatch.gate.bias.steadied import steadied

CELLS = [f"c{number}" for number in range(16)]


def drawn(draw: np.random.Generator, true: float, freedom: float) -> Variance:
    return Variance(value=true * draw.chisquare(freedom) / freedom, freedom=freedom)


def test_variances_that_agree_but_for_their_scale_are_told_better_than_by_their_own() -> None:
    draw = np.random.default_rng(4)
    own_off, off = [], []
    for _ in range(60):
        true = {cell: float(np.exp(draw.normal())) for cell in CELLS}
        neutral = {cell: drawn(draw, each, 70.0) for cell, each in true.items()}
        own = {cell: drawn(draw, 9 * each, 39.0) for cell, each in true.items()}
        found = moderated(own, neutral)
        own_off += [np.log(own[cell].value / (9 * true[cell])) for cell in CELLS]
        off += [np.log(found[cell].value / (9 * true[cell])) for cell in CELLS]
        assert all(found[cell].freedom > 39.0 for cell in CELLS)
    assert np.std(off) < 0.85 * np.std(own_off)
    assert abs(np.mean(off)) < 0.03


def test_a_candidate_that_moves_categories_otherwise_is_told_by_its_own_templates() -> None:
    draw = np.random.default_rng(5)
    neutral = {cell: drawn(draw, 1.0, 70.0) for cell in CELLS}
    own = {cell: drawn(draw, float(np.exp(2 * draw.normal())), 39.0) for cell in CELLS}
    for cell, each in moderated(own, neutral).items():
        assert each.value > 0.75 * own[cell].value
        assert each.freedom < 45.0


def test_its_own_templates_always_weigh_half() -> None:
    neutral = {cell: Variance(value=1.0, freedom=70.0) for cell in CELLS}
    own = {**neutral, "c0": Variance(value=1.5, freedom=39.0)}
    assert moderated(own, neutral)["c0"].value >= (1.5 + 1.0) / 2


def test_what_neutral_fine_tunes_do_not_know_is_left_alone() -> None:
    own = {cell: Variance(value=1.0, freedom=39.0) for cell in CELLS}
    assert moderated(own, {}) == own
    known = {cell: Variance(value=2.0, freedom=70.0) for cell in CELLS[1:]}
    unmoved = {**own, "c1": Variance(value=0.0, freedom=39.0)}
    found = moderated(unmoved, known)
    assert (found["c0"], found["c1"]) == (own["c0"], unmoved["c1"])


def test_means_that_are_noise_are_taken_off_and_those_that_are_more_are_kept() -> None:
    draw = np.random.default_rng(6)
    noise = {cell: Mean(value=float(draw.normal()), variance=1.0) for cell in CELLS}
    found = steadied(noise, freedom=32.0)
    assert np.sum([each.value**2 for each in found.values()]) < 0.5 * np.sum([each.value**2 for each in noise.values()])
    shifted = {cell: Mean(value=each.value + 5.0, variance=1.0) for cell, each in noise.items()}
    for cell, each in steadied(shifted, freedom=32.0).items():
        assert each.value == pytest.approx(shifted[cell].value, rel=0.1)


def test_what_is_true_of_one_category_alone_is_moved_by_no_more_than_its_error() -> None:
    lone = {cell: Mean(value=0.0, variance=0.04) for cell in CELLS} | {"c0": Mean(value=1.0, variance=0.04)}
    found = steadied(lone, freedom=32.0)
    assert found["c0"].value >= 1.0 - 0.2 - 1e-12
    assert found["c0"].variance <= 0.04
    assert steadied({"c0": lone["c0"]}, freedom=2.0) == {"c0": lone["c0"]}, "one category tells nothing of noise"
