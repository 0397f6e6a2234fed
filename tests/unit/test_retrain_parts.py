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
from driftwatch.retrain.packing import best_fit, pieces, sequences, widths_in


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
    bins = best_fit(sizes, widths=[16])
    assert sorted(item for each in bins for item in each.items) == list(range(len(sizes)))
    assert all(sum(sizes[item] for item in each.items) <= each.width == 16 for each in bins)
    least = -(-sum(sizes) // 16)
    assert len(bins) <= 11 / 9 * max(least, sum(size > 8 for size in sizes)) + 4  # best-fit decreasing's own bound


@given(st.lists(st.integers(2, 64), max_size=80))
def test_sequences_can_be_folded_at_their_widest_bin(sizes: list[int]) -> None:
    bins = best_fit(sizes, widths=[64, 32, 16])
    assert all(sum(sizes[item] for item in each.items) <= each.width for each in bins)
    packed = sequences(bins, context=64)
    assert sorted(item for each in packed for bin_ in each for item in bin_.items) == list(range(len(sizes)))
    for sequence in packed:
        begin, widest = 0, max(each.width for each in sequence)
        for each in sequence:
            assert begin // widest == (begin + each.width - 1) // widest, "no bin lies across a fold"
            begin += each.width
        assert begin <= 64


def test_short_texts_are_packed_narrowly_and_nearly_without_padding() -> None:
    sizes = np.random.default_rng(1).integers(15, 110, 5_000).tolist()
    bins = best_fit(sizes, widths=widths_in(512))
    packed = sequences(bins, context=512)
    assert sum(sizes) / (512 * len(packed)) > 0.97
    assert sum(each[0].width <= 256 for each in packed) > 0.9 * len(packed)


@given(st.integers(1, 60), st.floats(0.1, 4), st.integers(1, 9))
def test_an_order_is_whole_batches_of_whole_epochs(examples: int, epochs: float, batch: int) -> None:
    batch = min(batch, examples)
    widths = np.arange(1, examples + 1, dtype=np.int64)
    places = order(widths, epochs=epochs, batch=batch, seed=3)
    assert len(places) == steps_in(examples, epochs=epochs, batch=batch) * batch
    for start in range(0, len(places), examples):
        epoch = places[start : start + examples].tolist()
        assert len(set(epoch)) == len(epoch), "no example comes twice in an epoch"
    assert places.tolist() == order(widths, epochs=epochs, batch=batch, seed=3).tolist()


def test_like_widths_come_together_and_the_batches_are_mixed() -> None:
    widths = np.random.default_rng(1).integers(5, 200, 4_000).astype(np.int64)
    batches = widths[order(widths, epochs=1, batch=8, seed=1)].reshape(-1, 8)
    assert (batches.max(axis=1) * 8).sum() < 1.05 * widths.sum()
    assert abs(np.corrcoef(np.arange(len(batches)), batches.max(axis=1))[0, 1]) < 0.2


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
