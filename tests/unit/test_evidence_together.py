"""What is worked out for many texts together is what it is one by one."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest

from driftwatch.domain.drift import Window
from driftwatch.domain.features import Digest, Embeddings, Features, TextLosses, TokenCounts
from driftwatch.domain.text import Text
from driftwatch.drift.evidence.blocks import Blocks, in_blocks
from driftwatch.drift.evidence.gathered import groups_at, groups_of, times_of
from driftwatch.drift.evidence.lessons import lesson
from driftwatch.drift.evidence.nearest import Nearest, highest
from driftwatch.drift.evidence.ranks import Newborn, order, within
from driftwatch.drift.evidence.recent import Chunk
from driftwatch.drift.evidence.seen import Seen
from driftwatch.drift.evidence.shiryaev import Bank
from driftwatch.drift.evidence.tokens import TokenBank
from driftwatch.drift.evidence.witnesses import Witnesses
from driftwatch.drift.features import concatenate, take

Floats = npt.NDArray[np.float64]


@pytest.mark.parametrize("most", [1, 7, 40, 1_000])
def test_keys_are_taken_in_together_as_one_by_one(most: int) -> None:
    random = np.random.default_rng(most)
    together, singly = Seen(most=most), Seen(most=most)
    for size, highest_key in ((5, 10_000), (30, 10_000), (60, 50), (50, 10_000), (0, 1), (20, 30)):
        lot = random.integers(highest_key, size=size).tolist()
        assert together.add_all(lot).tolist() == [singly.add(key) for key in lot]
        assert together.keys().tolist() == singly.keys().tolist()
        assert all((key in together) == (key in singly) for key in range(10_000))


def features(texts: int, *, seed: int = 1) -> Features:
    random = np.random.default_rng(seed)
    indptr = np.concatenate([[0], np.cumsum(random.integers(0, 6, size=texts))])
    return Features(
        embeddings=Embeddings(values=random.normal(size=(texts, 4)).astype(np.float32), digest=Digest("e")),
        tokens=TokenCounts(
            indptr=indptr,
            ids=random.integers(100, size=indptr[-1]).astype(np.int32),
            counts=random.integers(1, 9, size=indptr[-1]).astype(np.int32),
            vocabulary=100,
            digest=Digest("t"),
        ),
        losses=TextLosses(nats=random.random(texts), tokens=random.integers(9, size=texts), digest=Digest("m")),
    )


@pytest.mark.parametrize(("first", "end"), [(0, 20), (0, 7), (5, 6), (13, 20)])
def test_a_stretch_of_rows_is_its_rows(first: int, end: int) -> None:
    given = features(20)
    stretch, rows = take(given, np.arange(first, end)), [take(given, np.array([row])) for row in range(first, end)]
    expected = concatenate(rows)
    assert np.array_equal(stretch.embeddings.values, expected.embeddings.values)
    for name in ("indptr", "ids", "counts"):
        assert np.array_equal(getattr(stretch.tokens, name), getattr(expected.tokens, name))
    assert stretch.losses is not None
    assert np.array_equal(stretch.losses.nats, given.losses.nats[first:end] if given.losses else ())


@pytest.mark.parametrize("known", [3, 64, 65, 300])
def test_stages_find_who_has_nobody_near_and_the_nearest_to_those(known: int) -> None:
    random = np.random.default_rng(known)
    values = random.normal(size=(700, 12)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    texts, others, held = values[:200], values[200:400], values[400 : 400 + known]
    exact = highest(texts, held.T)
    enough = float(np.quantile(exact, 0.3))
    found = Nearest(held, enough, others)(texts)
    far = exact < np.float32(enough)
    assert np.array_equal(found < np.float32(enough), far)
    assert found[far] == pytest.approx(exact[far], abs=1e-6)


@pytest.mark.parametrize("texts", [5, 8, 31, 64])
def test_counts_in_blocks_are_the_means_of_their_texts(texts: int) -> None:
    hits = np.random.default_rng(texts).random((texts, 9)) < 0.3
    blocks = in_blocks(np.arange(texts), [None] * texts, length=8, by_group=False)
    ends = np.append(blocks.starts[1:], texts)
    expected = [hits[start:end].mean(0) for start, end in zip(blocks.starts, ends, strict=True)]
    assert blocks.means(hits) == pytest.approx(np.array(expected))


def test_hits_of_single_texts_are_bet_on_as_means_are() -> None:
    random = np.random.default_rng(3)
    bounds, hits = random.uniform(0.01, 0.3, size=11), random.random((90, 11)) < 0.1
    by_hits, by_means = Bank(bounds, (0.02, 0.3)), Bank(bounds, (0.02, 0.3))
    gaps: Floats = np.ones(90)
    assert np.array_equal(by_hits.update(hits, gaps), by_means.update(hits.astype(np.float64), gaps))


@pytest.mark.parametrize("alone", [True, False])
def test_blocks_bet_on_together_are_bet_on_as_one_by_one(alone: bool) -> None:
    """To the bit: each statistic is (R + L) times what the bet pays, block after block."""
    random = np.random.default_rng(6)
    bounds, shares = random.uniform(0.01, 0.9, size=13), np.array([0.02, 0.08, 0.3])
    hits = random.random((100, 13)) < bounds
    means = hits if alone else hits * random.random((100, 1))
    gaps: Floats = np.ones(100) if alone else random.integers(1, 9, size=100).astype(np.float64)
    bank, values = Bank(bounds, tuple(shares)), np.zeros((3, 13))
    found = bank.update(means, gaps)
    for mean, gap, height in zip(means.astype(np.float64), gaps, found, strict=True):
        values = (mean * (shares[:, None] / bounds) + (1.0 - shares[:, None])) * (values + gap)
        assert height == pytest.approx(values.mean(), rel=1e-12)
    assert np.array_equal(bank.values, values.ravel())


@pytest.mark.parametrize(("texts", "length"), [(1, 1), (7, 1), (7, 8), (8, 8), (45, 8)])
@pytest.mark.parametrize("by_group", [True, False])
def test_lone_texts_fall_into_blocks_as_groups_of_one_do(texts: int, length: int, by_group: bool) -> None:
    rows = np.arange(3, 3 + 2 * texts, 2)
    names = [f"group {row}" for row in rows]
    for least in (1.0, 1.7):
        lone, grouped = (
            in_blocks(rows, each, length=length, by_group=by_group, texts_a_group=least)
            for each in ([None] * texts, names)
        )
        for field in fields(Blocks):
            assert np.array_equal(getattr(lone, field.name), getattr(grouped, field.name))
            assert getattr(lone, field.name).dtype == getattr(grouped, field.name).dtype


def test_tokens_of_lone_texts_are_bet_on_as_those_of_blocks_nearly_as_short() -> None:
    random = np.random.default_rng(8)
    bounds = random.uniform(0.01, 0.3, size=20)
    rows, ids = np.nonzero(random.random((300, 20)) < bounds)
    blocks = in_blocks(np.arange(300), [None] * 300, length=1, by_group=False)
    lone, near = TokenBank(bounds), TokenBank(bounds)
    expected = near.update(ids, rows, replace(blocks, gaps=blocks.gaps + 1e-13))
    assert lone.update(ids, rows, blocks) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("values", [5, 10_000])
def test_ranks_count_the_texts_before_each_whether_or_not_scores_are_there_twice(values: int) -> None:
    random = np.random.default_rng(9)
    scores = random.integers(values, size=(3, 40)).astype(np.float32)
    before = np.sort(random.integers(values, size=(3, 60)), axis=1).astype(np.float32)
    uniform, level = random.random((3, 40)), 0.25
    ranked = [Newborn(highest=each, most=60, known=60) for each in order(before)]
    found = within(ranked, order(scores), uniform, np.array([level]))[:, :, 0]
    for who in range(3):
        for text in range(40):
            others = np.concatenate([before[who], scores[who, :text]])
            greater, equal = (others > scores[who, text]).sum(), (others == scores[who, text]).sum()
            p = (greater + uniform[who, text] * (equal + 1)) / (len(others) + 1)
            assert found[text, who] == (p <= level)


def test_a_chunk_that_was_bet_on_in_one_go_teaches_the_same() -> None:
    train, cal, stream = features(400, seed=1), features(300, seed=2), features(200, seed=3)
    witnesses = Witnesses(train, cal)
    chunk = Chunk(
        values=stream.embeddings.values.astype(np.float16),
        ids=stream.tokens.ids,
        indptr=stream.tokens.indptr,
        scalars=np.zeros((200, 2), dtype=np.float32),
        seqs=np.arange(200),
        times=np.arange(200),
    )
    anew, taken = lesson(chunk, witnesses.base), lesson(chunk, witnesses.base, witnesses.material(chunk))
    for name in ("texts", "total", "places", "regions", "counts"):
        assert np.array_equal(getattr(anew, name), getattr(taken, name))


def test_times_and_groups_of_a_window_are_its_texts() -> None:
    noon = datetime(2026, 11, 2, 12, tzinfo=UTC)
    texts = tuple(
        Text(id=str(row), body="a", seen_at=noon + timedelta(seconds=row), group=group)
        for row, group in enumerate(["x", None, "y"])
    )
    window = Window(stream="chat", index=0, texts=texts, features=features(3))
    assert times_of(window).tolist() == [text.seen_at.timestamp() for text in texts]
    assert groups_of(window) == ("x", None, "y")
    assert groups_at(window, np.array([2, 1])) == ["y", None]
    lone = replace(window, texts=tuple(replace(text, group=None) for text in texts))
    assert groups_of(lone) == ()
    assert groups_at(lone, np.array([2, 1])) == [None, None]


@pytest.mark.parametrize("highest_id", [90, 200_000])
def test_a_packed_chunk_is_the_same_again(highest_id: int) -> None:
    random = np.random.default_rng(2)
    chunk = Chunk(
        values=random.normal(size=(6, 4)).astype(np.float16),
        ids=random.integers(highest_id // 2, highest_id, size=15).astype(np.int32),
        indptr=np.array([0, 3, 3, 7, 9, 15, 15]),
        scalars=random.random((6, 2)).astype(np.float32),
        seqs=np.arange(1, 7),
        times=np.arange(6) * 10**15,
    )
    again = Chunk.unpacked(chunk.packed())
    for name in Chunk.__slots__:
        kept, expected = getattr(again, name), getattr(chunk, name)
        assert np.array_equal(kept, expected)
        assert kept.dtype == expected.dtype
