"""Slices that carry the drift, the map, and all of an explanation together."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import Change, DriftMap, Reference, SliceShift, Window
from driftwatch.drift.evidence.dependence import measure
from driftwatch.drift.explain import Explainer, Explanation, texts_apart
from driftwatch.drift.map import draw_map
from driftwatch.drift.rows import one_of_each, spaced

CHANNELS = ("web", "app", "mail", "shop")


@cache
def reference() -> Reference:
    return samples.reference(samples.known()[:3_000])


@cache
def explainer() -> Explainer:
    return Explainer(reference(), seed=7)


@cache
def labelled() -> Explainer:
    """Return an explainer whose reference's texts name their channels; the shop's are all short."""
    cal = reference().cal
    texts = tuple(replace(text, labels={"channel": channel(text.body)}) for text in cal.texts)
    return Explainer(replace(reference(), cal=replace(cal, texts=texts)), seed=7)


def channel(body: str) -> str:
    return "shop" if len(body) < 60 else CHANNELS[sum(body.encode()) % 3]


def labels(window: Window, **values: list[str]) -> Window:
    texts = tuple(
        replace(text, labels={label: given[row] for label, given in values.items()})
        for row, text in enumerate(window.texts)
    )
    return replace(window, texts=texts)


def drawn(size: int, *, trial: int) -> list[str]:
    pool = samples.known()[3_000:]
    return [pool[row] for row in np.random.default_rng(trial).permutation(len(pool))[:size]]


def focused(count: int) -> list[str]:
    return [f"The warranty of the coffee machine {n} ended before the pump broke down {n * 7}" for n in range(count)]


def named(window: Window, *, by: Explainer | None = None) -> tuple[SliceShift, ...]:
    return (by or explainer()).explain(window, with_map=False).slices


def test_the_slice_with_the_new_texts_carries_the_drift() -> None:
    channels = [CHANNELS[row % 4] for row in range(340)] + ["app"] * 60
    found = named(labels(samples.window([*drawn(340, trial=1), *focused(60)]), channel=channels))
    assert [(each.label, each.value, each.texts) for each in found] == [("channel", "app", 145)]
    assert found[0].share == pytest.approx(145 / 400)
    assert 0 < found[0].new_share <= 60 / 145
    assert found[0].log10_e > 2


def test_a_slice_that_only_grew_carries_nothing() -> None:
    channels = ["app"] * 300 + [CHANNELS[row % 4] for row in range(100)]
    assert named(labels(samples.window(drawn(400, trial=2)), channel=channels)) == ()


def test_drift_in_every_slice_is_carried_by_none() -> None:
    bodies = [*drawn(280, trial=3), *focused(120)]
    assert named(labels(samples.window(bodies), channel=[CHANNELS[row % 4] for row in range(400)])) == ()


@pytest.mark.parametrize("known", [True, False])
def test_a_slice_that_has_always_been_particular_carries_nothing(known: bool) -> None:
    by = labelled() if known else explainer()
    for trial in range(8):
        bodies = drawn(400, trial=trial)
        window = labels(samples.window(bodies, index=trial), channel=[channel(body) for body in bodies])
        assert named(window, by=by) == ()


def test_what_is_new_to_a_slice_is_seen_where_the_reference_knows_the_slice() -> None:
    bodies = [*drawn(340, trial=4), *focused(60)]
    channels = [*map(channel, bodies[:340]), *["mail"] * 60]
    assert [each.value for each in named(labels(samples.window(bodies), channel=channels), by=labelled())] == ["mail"]


@pytest.mark.parametrize(
    "values", [[str(row) for row in range(400)], ["one"] * 400, [f"{row % 21}" for row in range(400)]]
)
def test_labels_of_many_values_or_one_are_no_slices(values: list[str]) -> None:
    assert named(labels(samples.window([*drawn(340, trial=1), *focused(60)]), user=values)) == ()


def test_a_label_that_few_texts_have_is_no_slice() -> None:
    window = samples.window([*drawn(340, trial=1), *focused(60)])
    texts = tuple(
        replace(text, labels={"channel": "app" if row >= 340 else "web"} if row >= 230 else {})
        for row, text in enumerate(window.texts)
    )
    assert named(replace(window, texts=texts)) == ()


def test_quiet_windows_name_nothing_at_all() -> None:
    noisy = 0
    for trial in range(20):
        bodies = drawn(300, trial=100 + trial)
        window = labels(samples.window(bodies, index=trial), channel=[CHANNELS[row % 4] for row in range(300)])
        found = explainer().explain(window, with_map=False)
        noisy += bool(found.words or found.clusters or found.slices)
    assert noisy <= 1


def test_a_session_names_nothing() -> None:
    groups = [f"g{row}" for row in range(300)] + ["one"] * 60
    window = samples.window([*drawn(300, trial=5), *focused(60)], groups=groups)
    found = explainer().explain(window, with_map=False)
    assert found == Explanation()


def test_bursts_told_of_name_nothing_and_new_texts_in_them_are_named_all_the_same() -> None:
    random = np.random.default_rng(1)
    bursts = [drawn(20, trial=row) if random.random() < 0.6 else focused(400)[row * 20 :][:20] for row in range(20)]
    found = explainer().explain(samples.window([body for burst in bursts for body in burst]), with_map=False, apart=20)
    assert found.words
    one = [*drawn(380, trial=3), *focused(20)]
    assert explainer().explain(samples.window(one), with_map=False) != Explanation()
    assert explainer().explain(samples.window(one), with_map=False, apart=20) == Explanation()


def test_how_far_texts_depend_on_each_other_comes_from_the_burn_in() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(1_000, 16)).astype(np.float32)
    assert texts_apart(None) == 1
    assert texts_apart(measure(values, settled=True)) == 1
    assert texts_apart(measure(np.repeat(values[:100], 10, axis=0), settled=True)) >= 10


def test_one_text_counts_of_those_that_may_depend_on_each_other() -> None:
    rows = np.array([0, 1, 2, 9, 10, 25])
    assert spaced(rows, apart=1, seed=1, index=0).tolist() == rows.tolist()
    assert [row // 10 for row in spaced(rows, apart=10, seed=1, index=0)] == [0, 1, 2]
    drawn_first = {int(spaced(rows, apart=10, seed=seed, index=0)[0]) for seed in range(40)}
    assert drawn_first == {0, 1, 2, 9}


def test_an_explanation_holds_words_clusters_and_their_map() -> None:
    window = samples.window([*drawn(340, trial=1), *focused(60)])
    found = explainer().explain(window, with_map=True)
    assert {"warranty", "coffee"} <= {shift.word for shift in found.words if shift.z > 0}
    assert found.clusters[0].change is Change.NEW
    assert found.map is not None
    assert len(found.map.clusters) == len(found.map.window) == 300
    assert set(found.map.clusters) <= set(range(-1, len(found.clusters)))
    share = np.mean(np.asarray(found.map.clusters) == 0)
    assert share == pytest.approx(60 / 400, abs=0.05)
    assert Explainer(reference(), seed=7).explain(window, with_map=True) == found


def test_no_text_has_no_explanation() -> None:
    assert explainer().explain(samples.window([]), with_map=True) == Explanation()


@pytest.mark.parametrize("count", [1, 2, 30])
def test_few_texts_are_no_error(count: int) -> None:
    window = labels(samples.window(drawn(count, trial=6)), channel=[CHANNELS[row % 2] for row in range(count)])
    found = explainer().explain(window, with_map=True)
    assert (found.words, found.clusters, found.slices) == ((), (), ())
    assert found.map is not None
    assert len(found.map.window) == count


def drawing(seed: int) -> DriftMap:
    random = np.random.default_rng(3)
    values = random.normal(size=(700, 8)).astype(np.float32)
    far = (values[:500] + np.float32(4), np.arange(500) < 250)
    return draw_map(values, far[0], [far[1], np.ones(500, dtype=bool)], seed=seed)


def test_a_map_lies_within_its_frame_and_shows_both_sides_apart() -> None:
    found = drawing(1)
    points = np.array([*found.reference, *found.window])
    assert len(found.reference) == len(found.window) == 300
    assert points.min() >= 0
    assert points.max() <= 1
    gap = np.abs(points[:300].mean(0) - points[300:].mean(0))
    assert gap.max() > 0.4
    assert set(found.clusters) == {0, 1}
    assert drawing(1) == found


def test_a_map_of_equal_texts_is_no_error() -> None:
    same = np.full((5, 4), 0.5, dtype=np.float32)
    found = draw_map(same, same, [], seed=1)
    assert set(found.clusters) == {-1}
    assert np.isfinite([*found.reference, *found.window]).all()


def test_one_of_each_group_counts() -> None:
    texts = samples.texts(["a", "b", "c", "d"], groups=["x", "x", "y", "x"])
    rows = one_of_each(texts, seed=1)
    assert [texts[row].group for row in rows] in (["x", "y"], ["y", "x"])
    assert one_of_each(samples.texts(["a", "b"]), seed=1).tolist() == [0, 1]
    assert one_of_each((), seed=1).tolist() == []
