"""Recipes, packing, batches: the small parts of a training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.domain.errors import NotFoundError, RunError
from driftwatch.retrain.batches import BatchPlan, fitting, plans
from driftwatch.retrain.packing import pack
from driftwatch.retrain.recipe import RECIPES, SMALL, find_recipe, learning_rate


def test_every_recipe_is_found_by_its_name() -> None:
    assert set(RECIPES) == {"small", "full"}
    assert all(find_recipe(name).name == name for name in RECIPES)


@pytest.mark.parametrize(("name", "cure"), [("smal", "did you mean small?"), ("xyz", "known recipes: small, full")])
def test_an_unknown_recipe_comes_with_a_suggestion(name: str, cure: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        find_recipe(name)
    assert caught.value.cure == cure


@pytest.mark.parametrize(("number", "rate"), [(0, 3e-4), (1, 3e-4), (2, 1e-4), (9, 1e-4)])
def test_each_round_has_its_learning_rate(number: int, rate: float) -> None:
    assert learning_rate(SMALL, round=number) == rate


@given(st.lists(st.lists(st.integers(1, 9), max_size=7), max_size=20), st.integers(1, 8))
def test_packing_loses_no_token_but_the_tail(rows: list[list[int]], context: int) -> None:
    packed = pack(rows, end=0, context=context)
    flat = [token for row in rows if row for token in [*row, 0]]
    assert packed.dtype == np.int64
    assert packed.ravel().tolist() == flat[: packed.size]
    assert len(flat) - packed.size < context
    assert (packed.size > 0) == (len(flat) > 0)


def test_packing_without_an_end_token() -> None:
    assert pack([[1, 2], [3, 4]], end=None, context=2).tolist() == [[1, 2], [3, 4]]


def test_a_single_short_text_is_one_short_sequence() -> None:
    assert pack([[1, 2, 3]], end=0, context=100).tolist() == [[1, 2, 3, 0]]


@given(st.integers(1, 300))
def test_every_plan_gives_the_whole_batch(batch: int) -> None:
    found = list(plans(batch))
    assert all(plan.at_once * plan.parts == batch for plan in found)
    assert found[0] == BatchPlan(batch, 1)
    assert found[-1] == BatchPlan(1, batch)


def test_a_smaller_part_is_tried_when_memory_runs_out() -> None:
    tried = []

    def attempt(plan: BatchPlan) -> str:
        tried.append(plan.at_once)
        if plan.at_once > 2:
            raise MemoryError
        return "done"

    assert fitting(8, attempt, out_of_memory=lambda error: isinstance(error, MemoryError)) == "done"
    assert tried == [8, 4, 2]


def test_when_nothing_fits_the_run_ends() -> None:
    def attempt(_: BatchPlan) -> None:
        raise MemoryError

    with pytest.raises(RunError, match="does not fit in memory"):
        fitting(4, attempt, out_of_memory=lambda error: isinstance(error, MemoryError))


def test_other_failures_are_not_tried_again() -> None:
    def attempt(_: BatchPlan) -> None:
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        fitting(4, attempt, out_of_memory=lambda error: isinstance(error, MemoryError))
