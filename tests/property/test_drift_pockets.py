"""Pockets and the planned look that counts them: exact without drift, and they see a few texts of a new kind."""

from __future__ import annotations

import drift_samples as samples
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.drift.looks import LooksDetector
from driftwatch.drift.mmd import splits
from driftwatch.drift.pockets import NEIGHBOURS, pockets

WORDS = 100
LEVELS = (0.02, 0.05, 0.2, 0.5)


def drawn(random: np.random.Generator, texts: int) -> tuple[np.ndarray, sp.csr_matrix]:
    """Return places and tokens of texts of many kinds."""
    places = random.normal(size=(texts, 8)) + 3.0 * random.normal(size=(6, 8))[random.integers(6, size=texts)]
    return places, sp.csr_matrix((random.random((texts, WORDS)) < random.uniform(0.02, 0.9, (texts, 1))).astype(float))


def alone(texts: int) -> list[str]:
    return [f"t{row}" for row in range(texts)]


def observed(first: int, texts: int) -> np.ndarray:
    return np.repeat([0.0, 1.0], [first, texts - first])[:, None]


def p_value(found: np.ndarray) -> float:
    return float((found >= found[0] - 1e-9).mean())


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), texts=st.integers(12, 130), shared=st.integers(1, 4))
def test_the_order_of_the_texts_tells_nothing(seed: int, texts: int, shared: int) -> None:
    """So the observed split is one of the permuted ones, which is what makes the p-value exact."""
    random = np.random.default_rng(seed)
    places, presence = drawn(random, texts)
    labels = [f"g{row // shared}" for row in range(texts)]
    second = np.concatenate(list(splits(labels, texts // 3, 7, random)), axis=1)
    order = random.permutation(texts)
    found = pockets(places, presence, labels, second)
    again = pockets(places[order], presence[order], [labels[row] for row in order], second[order])
    np.testing.assert_allclose(found, again, rtol=1e-4, atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), texts=st.integers(12, 90))
def test_sparse_products_equal_a_direct_count(seed: int, texts: int) -> None:
    random = np.random.default_rng(seed)
    places, presence = drawn(random, texts)
    second = np.concatenate(list(splits(alone(texts), texts // 3, 3, random)), axis=1)
    found = pockets(places, presence, alone(texts), second)
    for value, side in zip(found, second.T, strict=True):
        assert value == pytest.approx(direct(places, presence.toarray(), side), rel=1e-3, abs=1e-3)


def direct(places: np.ndarray, presence: np.ndarray, side: np.ndarray) -> float:
    """Return the statistic by loops, as the docstring says it."""
    texts, count = len(side), min(NEIGHBOURS, len(side) - 1)
    holding = presence.sum(0)
    rare = presence * np.where(holding >= 2, np.log(texts / np.maximum(holding, 1)), 0.0)
    for row in rare:
        row[np.argsort(-row, kind="stable")[64:]] = 0.0
    rare /= np.maximum(np.linalg.norm(rare, axis=1, keepdims=True), 1e-12)
    unit = places / np.linalg.norm(places, axis=1, keepdims=True)
    likeness = unit @ unit.T + 0.5 * rare @ rare.T
    nearest = [
        sorted(set(range(texts)) - {row}, key=lambda other: -likeness[row, other])[:count] for row in range(texts)
    ]
    similar = np.array([likeness[row, others].mean() for row, others in enumerate(nearest)])
    weights, share, total = np.exp(-np.arange(count) / 15.0), side.mean(), 0.0
    for row in np.flatnonzero(side):
        novelty = ((similar > similar[row]).sum() + 0.5) / texts
        z = (weights @ side[nearest[row]] - weights.sum() * share) / np.sqrt((weights**2).sum() * share * (1 - share))
        total += novelty * max(z, 0.0) ** 3
    return float(total)


@pytest.mark.parametrize("shared", [1, 5])
def test_p_is_uniform_without_drift(shared: int) -> None:
    """Texts alone, and in groups of five that say much the same and are split whole."""
    looks, p = 200, []
    for number in range(looks):
        random = np.random.default_rng([number, shared])
        places, presence = drawn(random, 120 // shared)
        rows = np.repeat(np.arange(120 // shared), shared)
        near = places[rows] + 0.1 * random.normal(size=(120, 8))
        labels = [f"g{row}" for row in rows]
        second = np.concatenate([observed(80, 120), *splits(labels, 40, 99, random)], axis=1)
        p.append(p_value(pockets(near, presence[rows], labels, second)))
    for level in LEVELS:
        share, error = np.mean(np.array(p) <= level), np.sqrt(level * (1 - level) / looks)
        assert level - 3.5 * error <= share <= level + 3.5 * error


def test_groups_split_as_single_texts_would_be_called_drift() -> None:
    random = np.random.default_rng(5)
    places, presence = drawn(random, 24)
    rows = np.repeat(np.arange(24), 5)
    near = places[rows] + 0.1 * random.normal(size=(120, 8))
    second = np.concatenate([observed(80, 120), *splits(alone(120), 40, 199, random)], axis=1)
    assert p_value(pockets(near, presence[rows], alone(120), second)) <= 0.01


def test_one_text_in_twenty_of_a_new_kind_is_a_pocket() -> None:
    random = np.random.default_rng(6)
    places, presence = drawn(random, 600)
    places[590:] = 6.0 * random.normal(size=8) + random.normal(size=(10, 8))
    second = np.concatenate([observed(400, 600), *splits(alone(600), 200, 199, random)], axis=1)
    assert p_value(pockets(places, presence, alone(600), second)) <= 0.01


def test_texts_that_are_all_the_same_say_nothing() -> None:
    places, presence = np.zeros((30, 4)), sp.csr_matrix((30, WORDS))
    second = np.concatenate([observed(20, 30), *splits(alone(30), 10, 19, np.random.default_rng(1))], axis=1)
    found = pockets(places, presence, alone(30), second)
    assert np.isfinite(found).all()


def test_a_planned_look_keeps_its_level_on_reshuffled_real_text() -> None:
    bodies, p = samples.known(4_000), []
    for trial in range(3):
        order = [bodies[row] for row in np.random.default_rng([trial, 3]).permutation(len(bodies))]
        monitor = LooksDetector(permutations=99).fit(samples.reference(order[:500], model=False), seed=trial)
        for start in range(500, 1_500, 100):
            window = samples.window(order[start : start + 100], index=start, model=False)
            p += [measure.value for measure in monitor.update(window).measures]
    assert len(p) == 30
    for level in LEVELS:
        # Ten looks at each reference: three standard errors, doubled in variance for the shared reference.
        assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(2 * level * (1 - level) / len(p))
