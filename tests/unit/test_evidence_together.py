"""What is worked out for many texts together is what it is one by one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from driftwatch.domain.features import Digest, Embeddings, Features, TextLosses, TokenCounts
from driftwatch.drift.evidence.blocks import in_blocks
from driftwatch.drift.evidence.nearest import Nearest, highest
from driftwatch.drift.evidence.recent import Chunk
from driftwatch.drift.evidence.seen import Seen
from driftwatch.drift.evidence.shiryaev import Bank
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
