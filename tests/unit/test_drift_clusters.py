"""Clusters that are new, grew or shrank."""

from __future__ import annotations

from functools import cache

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import Change, Reference, Window
from driftwatch.drift.bumps import Halving, find_bumps
from driftwatch.drift.clusters import Clusters, Found
from driftwatch.drift.discriminant import Discriminant
from driftwatch.drift.rows import independent
from driftwatch.drift.words import Words


@cache
def reference() -> Reference:
    return samples.reference(samples.known()[:3_000])


@cache
def clusters() -> Clusters:
    return fitted(reference())


@cache
def halving() -> Halving:
    train = reference().train.features.embeddings.values
    return Halving(train, Discriminant(train), seed=7)


def fitted(of: Reference) -> Clusters:
    words = Words([text.body for text in of.cal.texts])
    return Clusters(of, cal_rows=np.arange(len(of.cal.texts)), words=words, seed=7)


def found(window: Window, *, by: Clusters | None = None) -> tuple[Found, ...]:
    rows = independent(window, seed=7)
    halves = halving().halves(window.features.embeddings.values[rows], index=window.index)
    return (by or clusters()).shifts(window, rows, np.ones(len(rows), dtype=bool), halves)


def focused(count: int) -> list[str]:
    return [
        f"The warranty of the coffee machine number {n} ended before the pump broke down {n * 7}" for n in range(count)
    ]


@pytest.mark.parametrize(("size", "count"), [(300, 60), (1_000, 100)])
def test_a_focused_topic_is_named_new_with_its_share(size: int, count: int) -> None:
    quiet = samples.known()[3_000 : 3_000 + size - count]
    shifts = [each.shift for each in found(samples.window([*quiet, *focused(count)]))]
    new = [shift for shift in shifts if shift.change is Change.NEW]
    assert new
    assert {"warranty", "coffee", "pump"} & set(new[0].keywords)
    assert new[0].low <= count / size <= new[0].high
    assert new[0].reference_share < 0.01
    assert len(new[0].exemplars) == 3
    assert all("coffee" in body for body in new[0].exemplars)
    assert new[0].loss is not None
    assert new[0].texts == pytest.approx(count, rel=0.05)


def test_a_topic_that_left_is_named_shrunk_with_the_words_it_had() -> None:
    of = samples.reference([*samples.known()[:2_000], *focused(400)])
    window = samples.window(samples.known()[3_000:3_500])
    shifts = [each.shift for each in found(window, by=fitted(of))]
    gone = [shift for shift in shifts if shift.change is Change.SHRUNK]
    assert gone
    assert {"warranty", "coffee", "machine"} & set(gone[0].keywords)
    assert gone[0].share < gone[0].reference_share


def test_quiet_windows_name_nothing() -> None:
    pool = samples.known()
    named = 0
    for trial in range(20):
        drawn = [pool[3_000 + row] for row in np.random.default_rng(trial).permutation(len(pool) - 3_000)[:300]]
        named += bool(found(samples.window(drawn, index=trial)))
    assert named <= 1


def test_a_session_counts_once() -> None:
    quiet = samples.known()[3_000:3_300]
    groups = [f"g{row}" for row in range(300)] + ["one"] * 60
    assert found(samples.window([*quiet, *focused(60)])) != ()
    assert found(samples.window([*quiet, *focused(60)], groups=groups)) == ()


def test_the_same_window_is_explained_alike() -> None:
    window = samples.window([*samples.known()[3_000:3_200], *focused(50)])
    assert [each.shift for each in found(window)] == [each.shift for each in found(window, by=fitted(reference()))]


def test_a_model_less_window_has_no_loss() -> None:
    window = samples.window([*samples.known()[3_000:3_200], *focused(50)], model=False)
    assert {each.shift.loss for each in found(window)} == {None}


@pytest.mark.parametrize("count", [1, 2, 9])
def test_tiny_windows_are_no_error(count: int) -> None:
    assert found(samples.window(samples.known()[3_000 : 3_000 + count])) == ()


def test_bumps_are_where_texts_are_denser() -> None:
    random = np.random.default_rng(1)
    known = random.normal(size=(1_000, 16)).astype(np.float32)
    values = random.normal(size=(150, 16)).astype(np.float32)
    values[100:] = values[100] + 0.1 * values[100:]
    known, values = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (known, values))
    first = find_bumps(values, known)[0]
    assert first.holds(values)[100:].mean() > 0.9
    assert first.holds(known).mean() < 0.02
    assert find_bumps(values[:0], known) == []
