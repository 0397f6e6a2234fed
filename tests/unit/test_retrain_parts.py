"""Packing, order, batches, early stopping: the small parts of a training."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.domain.errors import RunError
from driftwatch.retrain.batches import BatchPlan, fitting, plans
from driftwatch.retrain.finetune.looks import Look, Looks
from driftwatch.retrain.order import order, steps_in
from driftwatch.retrain.packing import best_fit, pieces


@given(st.lists(st.integers(0, 40), max_size=20), st.integers(2, 16))
def test_every_token_but_the_first_is_predicted_once(lengths: list[int], context: int) -> None:
    cut = pieces(lengths, context=context)
    assert all(2 <= piece.length <= context for piece in cut)
    predicted = sorted((piece.row, place) for piece in cut for place in range(piece.start + 1, piece.stop))
    assert predicted == [(row, place) for row, length in enumerate(lengths) for place in range(1, length)]
    whole = [piece.row for piece in cut if piece.length == lengths[piece.row]]
    assert whole == [row for row, length in enumerate(lengths) if 2 <= length <= context], "no text is cut needlessly"


@given(st.lists(st.integers(1, 16), max_size=60))
def test_bins_hold_every_item_once_and_are_few(sizes: list[int]) -> None:
    bins = best_fit(sizes, capacity=16)
    assert sorted(item for each in bins for item in each) == list(range(len(sizes)))
    assert all(sum(sizes[item] for item in each) <= 16 for each in bins)
    least = -(-sum(sizes) // 16)
    assert len(bins) <= 11 / 9 * max(least, sum(size > 8 for size in sizes)) + 4  # best-fit decreasing's own bound


@given(st.integers(1, 60), st.floats(0.1, 4), st.integers(1, 9), st.booleans())
def test_an_order_is_whole_batches_of_whole_epochs(examples: int, epochs: float, batch: int, group: bool) -> None:
    batch = min(batch, examples)
    lengths = np.arange(1, examples + 1, dtype=np.int64)
    places = order(lengths, epochs=epochs, batch=batch, seed=3, group=group)
    assert len(places) == steps_in(examples, epochs=epochs, batch=batch) * batch
    for start in range(0, len(places), examples):
        epoch = places[start : start + examples].tolist()
        assert len(set(epoch)) == len(epoch), "no example comes twice in an epoch"
    again = order(lengths, epochs=epochs, batch=batch, seed=3, group=group)
    assert places.tolist() == again.tolist()


def test_grouping_brings_like_lengths_together_and_mixes_the_batches() -> None:
    lengths = np.random.default_rng(1).integers(5, 200, 4_000).astype(np.int64)
    grouped, plain = (order(lengths, epochs=1, batch=8, seed=1, group=group) for group in (True, False))

    def padded(places: np.ndarray) -> int:
        return int((lengths[places].reshape(-1, 8).max(axis=1) * 8).sum())

    assert padded(grouped) < 1.05 * lengths.sum() < 1.5 * lengths.sum() < padded(plain)
    longest = lengths[grouped].reshape(-1, 8).max(axis=1)
    assert abs(np.corrcoef(np.arange(len(longest)), longest)[0, 1]) < 0.2


def test_early_stopping_counts_looks_since_the_best() -> None:
    looks = Looks((Look(5, 2.0), Look(10, 1.5), Look(15, 1.6), Look(20, 1.5)))
    assert looks.best == Look(10, 1.5)
    assert (looks.exhausted(2), looks.exhausted(3), looks.exhausted(0)) == (True, False, False)
    assert Looks.of([{"step": 1, "loss": 3.0}, Look(5, 2.0).entry()]) == Looks((Look(5, 2.0),))
    assert not Looks().exhausted(1)


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


def test_a_recipe_can_begin_with_smaller_parts() -> None:
    assert [plan.at_once for plan in plans(12, most=5)] == [4, 2, 1]
    assert [plan.at_once for plan in plans(7, most=5)] == [1]
