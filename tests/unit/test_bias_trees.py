from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.features.blanks import shared
from driftwatch.features.tree import trees

ROWS = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=9), min_size=1, max_size=25)


@given(ROWS, st.integers(1, 40), st.data())
def test_every_row_is_summed_over_its_own_tokens_that_count(
    rows: list[list[int]], budget: int, data: st.DataObject
) -> None:
    counted = [sorted(data.draw(st.sets(st.integers(1, max(1, len(row) - 1))))) if len(row) > 1 else [] for row in rows]
    shared_budget = data.draw(st.integers(0, 60))
    found = np.full(len(rows), np.nan)
    for tree in trees(rows, budget=budget, shared_budget=shared_budget, counted=counted):
        values = 10.0 ** tree.depths[tree.counted] * (1 + tree.ids[tree.counted])
        found[tree.rows] = tree.sums(np.asarray(values, dtype=np.float64))
        assert len(tree.ids) <= max(budget, shared_budget) or len(tree.rows) == 1
    wanted = [
        sum(10.0**depth * (1 + row[depth]) for depth in places) for row, places in zip(rows, counted, strict=True)
    ]
    assert np.allclose(found, wanted, rtol=1e-12)


@given(ROWS)
def test_a_node_sees_its_own_sentence_so_far_and_nothing_else(rows: list[list[int]]) -> None:
    (tree,) = trees(rows, budget=1_000)
    sight = tree.sight()
    for place, end in zip(tree.rows, tree.ends, strict=True):
        seen = np.flatnonzero(sight[end])
        assert tree.ids[seen].tolist() == rows[place]
        assert tree.depths[seen].tolist() == list(range(len(rows[place])))
    assert len(tree.ids) == len({tuple(row[:size]) for row in rows for size in range(1, len(row) + 1)})


@given(st.lists(st.integers(0, 4), max_size=12), st.lists(st.integers(0, 4), max_size=12))
def test_shared_places_hold_the_same_tokens_in_order(first: list[int], second: list[int]) -> None:
    places = shared(first, second)
    assert [first[a] for a, _ in places] == [second[b] for _, b in places]
    assert all(before < after for one, other in pairwise(places) for before, after in zip(one, other, strict=True))
