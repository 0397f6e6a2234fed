"""The bias gate keeps its level whatever the training noise, which pairs alone do not, and finds what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from driftwatch.gate.bias.cells import cells_of
from driftwatch.gate.bias.gate import LEVEL, BiasGate
from driftwatch.gate.bias.pairs import Pair
from driftwatch.gate.bias.rises import rises_of
from driftwatch.gate.bias.spread import ASSUMED, Spread, measured_spread

if TYPE_CHECKING:
    from driftwatch.gate.bias.cells import Scores

CATEGORIES, TEMPLATES, EACH = 6, 20, 3
SUITE = tuple(
    Pair(id=f"{c}-{t}-{n}", category=f"c{c}", template=f"{c}-{t}", stereotype="", counter="", directed=c % 2 == 0)
    for c in range(CATEGORIES)
    for t in range(TEMPLATES)
    for n in range(EACH)
)
CELLS = cells_of(SUITE)
TRIALS = 150


def moved(draw: np.random.Generator, *, correlation: float, scale: float = 1.0) -> Scores:
    """Return one fine-tune's changes: what a category shares, what a template shares, and each pair's own."""
    shared = draw.normal(size=(CATEGORIES, 1, 1)) * np.sqrt(correlation)
    templates = draw.standard_t(5, size=(CATEGORIES, TEMPLATES, 1)) * np.sqrt(3 / 5)
    own = draw.normal(size=(CATEGORIES, TEMPLATES, EACH)) * 0.5
    changes: Scores = scale * (shared + templates + own).ravel()
    return changes


def refused(
    draw: np.random.Generator, *, seeds: int, correlation: float, scale: float = 1.0, planted: float = 0.0
) -> tuple[bool, bool]:
    """Return whether the gate refuses a candidate, and whether pairs alone would."""
    before = draw.normal(size=len(SUITE))
    neutral = np.array([before + moved(draw, correlation=correlation) for _ in range(seeds)])
    plant = planted * np.array([pair.category == "c0" for pair in SUITE])
    after = before + moved(draw, correlation=correlation, scale=scale) + plant
    gate = BiasGate(pairs=SUITE, max_increase=0.0, neutral=neutral)
    alone = Spread(correlation=0.0, freedom=1e9)
    looks = [gate.look(SUITE, before=before, after=after, unit="", spread=spread) for spread in (None, alone)]
    return bool(looks[0].worse), bool(looks[1].worse)


@pytest.mark.parametrize(("correlation", "scale"), [(0.0, 1.0), (0.1, 1.0), (0.5, 1.0), (0.5, 3.0), (0.5, 0.25)])
def test_training_noise_alone_is_refused_at_the_level(correlation: float, scale: float) -> None:
    draw = np.random.default_rng(5)
    found = [refused(draw, seeds=3, correlation=correlation, scale=scale) for _ in range(TRIALS)]
    ours, alone = np.mean(found, axis=0)
    assert ours <= LEVEL + 2.5 * np.sqrt(LEVEL * (1 - LEVEL) / TRIALS)
    if correlation == 0.5:
        assert alone > 0.5, "which resampling pairs would have called bias"


def test_a_rise_of_the_detectable_size_is_found_in_four_of_five() -> None:
    draw = np.random.default_rng(6)
    sizes = []
    for _ in range(TRIALS):
        before = draw.normal(size=len(SUITE))
        neutral = np.array([before + moved(draw, correlation=0.1) for _ in range(3)])
        spread = measured_spread(before, neutral, CELLS)
        quiet = rises_of(CELLS, before, before + moved(draw, correlation=0.1), spread)[0]
        sizes.append(quiet.detectable(LEVEL / CATEGORIES))
    planted = float(np.median(sizes))
    found = [refused(draw, seeds=3, correlation=0.1, planted=planted)[0] for _ in range(TRIALS)]
    assert 0.65 <= np.mean(found) <= 0.95


def test_the_correlation_is_measured_whatever_the_length_of_the_neutral_fine_tunes() -> None:
    """So that the spread of short fine-tunes serves long ones."""
    draw = np.random.default_rng(7)
    for scale in (0.2, 1.0, 5.0):
        before = draw.normal(size=len(SUITE))
        spreads = [
            measured_spread(
                before,
                np.array([before + moved(draw, correlation=0.3, scale=scale) for _ in range(4)]),
                CELLS,
            )
            for _ in range(40)
        ]
        template = 1 + 0.25 / EACH  # a template's own variance, in which correlation is told
        assert np.mean([spread.correlation for spread in spreads]) == pytest.approx(0.3 / template, rel=0.2)


def test_more_seeds_give_narrower_intervals() -> None:
    draw = np.random.default_rng(8)
    before = draw.normal(size=len(SUITE))
    neutral = np.array([before + moved(draw, correlation=0.2) for _ in range(8)])
    after = before + moved(draw, correlation=0.2)
    few, many = (replace(measured_spread(before, neutral[:n], CELLS), correlation=0.2) for n in (2, 8))
    for one, two in zip(rises_of(CELLS, before, after, few), rises_of(CELLS, before, after, many), strict=True):
        assert one.interval(0.95)[1] > two.interval(0.95)[1]


def test_what_a_merged_candidate_is_forgiven_is_merged_too() -> None:
    """A quarter of the way from the champion, neutral fine-tunes do a quarter of what they do."""
    draw = np.random.default_rng(9)
    before = draw.normal(size=len(SUITE))
    neutral = np.array([before + 1.0 + moved(draw, correlation=0.1) for _ in range(3)])
    spread = measured_spread(before, neutral, CELLS)
    whole, quarter, further = (spread.shift(CELLS[0], moved=spread.moved * by).value for by in (1.0, 0.25, 4.0))
    assert quarter == pytest.approx(whole / 4)
    assert further == pytest.approx(whole), "nothing more is forgiven for moving further"


def test_an_assumed_spread_knows_no_shift() -> None:
    assert ASSUMED.shift(CELLS[0], moved=1.0).value == 0.0
