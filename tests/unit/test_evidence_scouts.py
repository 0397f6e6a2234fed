"""Scouts and neighbours: exact ranks, the budget kept and used, the same story however the stream is cut."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from driftwatch.domain.features import Digest, Embeddings, Features, TokenCounts
from driftwatch.drift.evidence.neighbours import NEAREST, Space, mean_of_nearest, nearest
from driftwatch.drift.evidence.scouts import LEVELS, PATROLS, Scouts, hits
from driftwatch.drift.evidence.witness import MOST_CALIBRATED
from driftwatch.drift.evidence.witnesses import Witnesses
from driftwatch.drift.features import concatenate

Matrix = npt.NDArray[np.float32]
DIMS = 12


def places(random: np.random.Generator, count: int, shift: float = 0.0) -> Matrix:
    found = random.normal(size=(count, DIMS))
    found[:, 0] += shift
    unit: Matrix = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def scouts(random: np.random.Generator, count: int = 300) -> tuple[Scouts, Matrix]:
    known = places(random, 200)
    cal = places(random, count)
    near = mean_of_nearest([nearest(cal, known)])
    return Scouts(cal, near, (float(near.mean()), float(near.std()))), known


def feed(watch: Scouts, known: Matrix, texts: Matrix, uniform: npt.NDArray[np.float64], *, rate: float) -> np.ndarray:
    heights, leaders = watch.update(
        texts, mean_of_nearest([nearest(texts, known)]), uniform, np.ones(len(texts), dtype=bool), rate=rate
    )
    assert all((leader is None) == np.isneginf(height) for leader, height in zip(leaders, heights, strict=True))
    return heights


def test_nearest_are_the_nearest_and_nobody_speaks_for_himself() -> None:
    random = np.random.default_rng(1)
    texts, others = places(random, 40), places(random, 90)
    exact = np.sort(texts @ others.T, axis=1)[:, -NEAREST:]
    assert np.sort(nearest(texts, others), axis=1) == pytest.approx(exact, abs=1e-6)
    lots = [nearest(texts, others[:50]), nearest(texts, others[50:])]
    assert mean_of_nearest(lots) == pytest.approx(exact.mean(1), abs=1e-6)
    assert nearest(others, others).max() == pytest.approx(1.0)
    assert nearest(others, others, own=True).max() < 0.9999


def test_groups_of_many_lose_little() -> None:
    random = np.random.default_rng(2)
    texts, others = places(random, 200), places(random, 2_000)
    exact = np.sort(texts @ others.T, axis=1)[:, -NEAREST:].mean(1)
    found = mean_of_nearest([nearest(texts, others)])
    assert (found <= exact + 1e-6).all()
    assert (exact - found).mean() < 0.2 * exact.std()


def test_a_space_of_few_dimensions_and_of_few_texts_is_whole() -> None:
    values = places(np.random.default_rng(3), 5)
    space = Space(values.mean(0), np.cov(values.T.astype(np.float64)), 0.1)
    assert np.linalg.norm(space(values), axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert nearest(space(values), space(values[:3])).shape == (5, 3)


@pytest.mark.parametrize("size", [60, 700])
def test_ranks_are_exact_however_few_texts_are_ranked(size: int) -> None:
    """Over draws of reference and stream a text's rank is within ε with probability ε, the first's and the last's."""
    random = np.random.default_rng(4)
    draws, life = 4_000, 32
    # Scores of few values: ties must not matter.
    calibrations = np.sort(np.round(random.normal(size=(draws, size)), 1).astype(np.float32), axis=1)
    scores = np.round(random.normal(size=(draws, life)), 1).astype(np.float32)
    found = hits(scores, random.random((draws, life)), calibrations)
    for place, level in enumerate(LEVELS):
        error = 4 * np.sqrt(level / draws)
        for text in (0, life - 1):
            assert abs(found[text, :, place].mean() - level) < error
        both = found[0, :, place] & found[-1, :, place]
        assert abs(both.mean() - level * level) < 4 * level / np.sqrt(draws)


def test_the_budget_is_kept_and_used() -> None:
    """Scouts learn, are ranked and forget as in the product; texts are drawn like CAL's."""
    found, texts, rate, draws = 0, 6_000, 1 / 300, 6
    for draw in range(draws):
        random = np.random.default_rng([5, draw])
        watch, known = scouts(random)
        for _ in range(texts // 100):
            heights = feed(watch, known, places(random, 100), random.random(100), rate=rate)
            if heights.max() >= 0:
                found += 1
                watch.reset()
    assert draws * texts * rate / 20 <= found <= draws * texts * rate


def test_new_texts_are_seen_within_a_few() -> None:
    random = np.random.default_rng(6)
    watch, known = scouts(random)
    quiet = feed(watch, known, places(random, 300), random.random(300), rate=1e-5)
    new = feed(watch, known, places(random, 60, shift=6.0), random.random(60), rate=1e-5)
    assert quiet.max() < 0 <= new.max()
    assert np.flatnonzero(new >= 0)[0] < 30


def test_the_stream_may_be_cut_anyhow() -> None:
    random = np.random.default_rng(7)
    texts, uniform = places(random, 500), random.random(500)
    traces = []
    for size in (1, 50, 500):
        watch, known = scouts(np.random.default_rng(8))
        parts = [slice(start, start + size) for start in range(0, 500, size)]
        traces.append(np.concatenate([feed(watch, known, texts[part], uniform[part], rate=1e-3) for part in parts]))
    assert np.isneginf(traces[0][: PATROLS[0].chunk]).all()
    assert np.isfinite(traces[0][PATROLS[0].chunk :]).all()
    for trace in traces[1:]:
        assert np.allclose(trace, traces[0], rtol=0, atol=1e-6)


def features(random: np.random.Generator, count: int) -> Features:
    ids = random.integers(50, size=count).astype(np.int32)
    tokens = TokenCounts(
        indptr=np.arange(count + 1),
        ids=ids,
        counts=np.ones(count, dtype=np.int32),
        vocabulary=50,
        digest=Digest("tokens"),
    )
    return Features(embeddings=Embeddings(values=places(random, count), digest=Digest("e")), tokens=tokens, losses=None)


def test_no_ranked_text_is_learnt_from_and_every_other_is() -> None:
    random = np.random.default_rng(10)
    train, spare = features(random, 100), features(random, 30)
    first, second = (features(random, MOST_CALIBRATED) for _ in range(2))
    one, other = (Witnesses(train, concatenate([ranked, spare])).base for ranked in (first, second))
    assert np.array_equal(one.known, other.known)
    assert np.array_equal(one.shares, other.shares)
    assert len(one.known) == 130
    without = Witnesses(train, first).base
    assert len(without.known) == 100
    assert not np.array_equal(without.plain.precision, one.plain.precision)


def test_after_an_alarm_and_after_a_gap_none_bets_on() -> None:
    random = np.random.default_rng(9)
    watch, known = scouts(random)
    feed(watch, known, places(random, 100, shift=6.0), random.random(100), rate=1e-5)
    watch.reset()
    after = feed(watch, known, places(random, 8), random.random(8), rate=1e-5)
    assert np.isneginf(after[: PATROLS[0].every - 100 % PATROLS[0].every]).all()
    watch.forget(40)
    assert np.isneginf(feed(watch, known, places(random, 8), random.random(8), rate=1e-5)).all()


def test_scouts_keep_the_rate_of_their_births() -> None:
    """A few texts at a rate a hundred times higher are no reason for those born before to call."""
    found = allowed = 0.0
    for draw in range(4):
        random = np.random.default_rng([9, draw])
        watch, known = scouts(random)
        for _ in range(40):
            for count, rate in ((400, 2e-5), (4, 2e-2)):
                heights = feed(watch, known, places(random, count), random.random(count), rate=rate)
                allowed += count * rate
                if heights.max() >= 0:
                    found += 1
                    watch.reset()
    assert found <= allowed
