"""The promise of the evidence: no more false alarms than the budget allows, and none saved up without need."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.drift.bounds import kl_upper, upper_bound
from driftwatch.drift.evidence.blocks import Blocks, in_blocks
from driftwatch.drift.evidence.crossing import climbing, threshold
from driftwatch.drift.evidence.shiryaev import Bank
from driftwatch.drift.evidence.tokens import SHARES as TOKEN_SHARES
from driftwatch.drift.evidence.tokens import TokenBank
from driftwatch.drift.evidence.witness import KINDS, LEVELS, PIECE, SHARES, Score, Witness, bet, ranked

RATES = np.array([0.002, 0.01, 0.05, 0.125, 0.3, 0.875])


def alarms(bank: Bank, hits: np.ndarray, *, arl: float, length: int) -> int:
    """Count alarms, starting anew after each."""
    means = hits.reshape(len(hits) // length, length, -1).mean(1)
    found = 0
    for start in range(0, len(means), 100):
        trace = bank.update(means[start : start + 100], np.full(len(means[start : start + 100]), float(length)))
        if trace.max() >= arl:
            found += 1
            bank.reset()
    return found


@pytest.mark.parametrize("length", [1, 8])
def test_known_rates_keep_the_budget_and_use_it(length: int) -> None:
    random = np.random.default_rng(3)
    texts, arl = 200_000, 500.0
    hits = random.random((texts, len(RATES))) < RATES
    found = alarms(Bank(RATES, (0.02, 0.08, 0.3)), hits, arl=arl, length=length)
    allowed = texts / arl
    assert found <= allowed
    assert found >= allowed / 20


def test_dependent_texts_break_single_bets_and_keep_blocks_within_the_budget() -> None:
    random = np.random.default_rng(4)
    texts, arl = 120_000, 1_000.0
    bursts = np.repeat(random.random((texts // 8, len(RATES))) < RATES, 8, axis=0)
    alone = alarms(Bank(RATES, (0.02, 0.08, 0.3)), bursts, arl=arl, length=1)
    blocks = alarms(Bank(RATES, (0.02, 0.08, 0.3)), bursts, arl=arl, length=8)
    assert blocks <= texts / arl < alone


def test_a_finite_reference_is_paid_for() -> None:
    """With the plain rate in place of the bound the budget breaks; with the bound it holds, draw after draw."""
    random = np.random.default_rng(5)
    texts, arl, draws = 20_000, 2_000.0, 12
    plain = bound = 0
    for _ in range(draws):
        counts = random.binomial(400, RATES)
        hits = random.random((texts, len(RATES))) < RATES
        plain += alarms(Bank(np.maximum(counts, 0.5) / 400, (0.02, 0.08, 0.3)), hits, arl=arl, length=1)
        upper = upper_bound(counts, 400, 0.01 / len(RATES))
        bound += alarms(Bank(upper, (0.02, 0.08, 0.3)), hits, arl=arl, length=1)
    assert bound <= draws * texts / arl < plain


def test_a_threshold_that_falls_in_slow_hours_keeps_the_budget_only_by_scaling() -> None:
    """Busy hours of 1,900 texts at A = 20,000, slow ones of 10 at A = 100: 0.195 alarms a cycle are allowed."""
    random = np.random.default_rng(4)
    cycles, busy, slow = 150, (1_900, 20_000.0), (10, 100.0)
    allowed = cycles * sum(texts / arl for texts, arl in (busy, slow))
    called = {True: 0, False: 0}
    for scaled in called:
        bank, before = Bank(RATES, (0.02, 0.08, 0.3)), busy[1]
        for _ in range(cycles):
            for texts, arl in (busy, slow):
                if scaled:
                    bank.scale_by(arl / before)
                before = arl
                for part in np.split(random.random((texts, len(RATES))) < RATES, texts // 10):
                    if bank.update(part.astype(float), np.ones(len(part))).max() >= arl:
                        called[scaled] += 1
                        bank.reset()
    assert called[True] <= allowed < called[False]


def test_scaling_a_token_bank_scales_its_evidence_and_what_follows_as_it_does_a_plain_bank() -> None:
    random = np.random.default_rng(5)
    bounds = random.uniform(0.01, 0.4, size=30)
    tokens, plain = TokenBank(bounds), Bank(bounds, TOKEN_SHARES)
    for factor in (1.0, 0.02, 300.0, 0.5):
        tokens.scale_by(factor)
        plain.scale_by(factor)
        present = random.random((90, 30)) < bounds
        blocks = in_blocks(np.arange(90), [None] * 90, length=2, by_group=False)
        rows, ids = np.nonzero(present)
        found = tokens.update(ids, rows, blocks)
        assert found == pytest.approx(plain.update(blocks.means(present), blocks.gaps), rel=1e-6)
    assert tokens.strongest().sum() == pytest.approx(plain.strongest().sum() * 30, rel=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_absences_cost_nothing_and_change_nothing(seed: int, length: int) -> None:
    """The affine bookkeeping of absent tokens gives what following every token gives."""
    random = np.random.default_rng(seed)
    bounds = random.uniform(0.01, 0.4, size=30)
    present = random.random((60, 30)) < bounds
    blocks = in_blocks(np.arange(60), [None] * 60, length=length, by_group=False)
    rows, ids = np.nonzero(present)
    found = TokenBank(bounds).update(ids, rows, blocks)
    plain = Bank(bounds, TOKEN_SHARES).update(blocks.means(present), blocks.gaps)
    assert found == pytest.approx(plain, rel=1e-6)


def test_a_token_bank_survives_rescaling_and_a_restart() -> None:
    random = np.random.default_rng(6)
    bounds = random.uniform(0.01, 0.4, size=50)
    present = random.random((900, 50)) < bounds
    whole, first = TokenBank(bounds), TokenBank(bounds)

    def feed(bank: TokenBank, part: np.ndarray) -> np.ndarray:
        blocks = in_blocks(np.arange(len(part)), [None] * len(part), length=1, by_group=False)
        rows, ids = np.nonzero(part)
        return bank.update(ids, rows, blocks)

    expected = np.concatenate([feed(whole, present[:450]), feed(whole, present[450:])])
    began = feed(first, present[:450])
    second = TokenBank(bounds)
    second.restore(first.packed())
    assert np.array_equal(np.concatenate([began, feed(second, present[450:])]), expected)


def witness(calibration: np.ndarray) -> Witness:
    kind = KINDS[0]
    score = Score(kind, (1,), np.zeros(1, np.float32), np.zeros(1, np.float32), np.zeros(0, np.float32), ())
    return Witness(score, np.sort(calibration.astype(np.float32)), born=1, error=0.01)


@pytest.mark.parametrize("size", [60, 700])
def test_hit_rates_are_exact_however_small_the_reference(size: int) -> None:
    """Over draws of reference and stream a text falls below level ε with probability ε, first text or last."""
    random = np.random.default_rng(7)
    early, late = np.zeros(len(LEVELS)), np.zeros(len(LEVELS))
    draws = 3_000
    for _ in range(draws):
        # Scores of few values: ties must not matter.
        one = witness(np.round(random.normal(size=size), 1))
        scores = np.round(random.normal(size=40), 1).astype(np.float32)
        hits = ranked([one], [scores], random.random(40))[:, 0]
        early += hits[0]
        late += hits[-1]
    for found in (early, late):
        error = 4 * np.sqrt(np.asarray(LEVELS) / draws)
        assert (np.abs(found / draws - np.asarray(LEVELS)) < error).all()


def test_computed_heights_are_those_of_simulated_witnesses() -> None:
    """The importance sampling agrees with plain simulation where that is possible."""
    life, error = 256, 0.02
    height = threshold(error, life=life, levels=LEVELS, shares=SHARES, exact=True)
    assert height < life / error
    random = np.random.default_rng(8)
    paths, reached = 3_000, 0
    crowd = [witness(random.normal(size=500)) for _ in range(paths)]
    uniform = random.random((paths, life))
    means = (uniform[:, :, None] <= np.asarray(LEVELS)).astype(float)
    highest = bet(crowd, means.transpose(1, 0, 2).reshape(life, -1), np.ones(life)).max(0)
    reached = int((highest >= height).sum())
    assert reached / paths <= error + 4 * np.sqrt(error / paths)
    assert reached / paths >= error / 3


@pytest.mark.parametrize("size", [60, 2_048])
def test_witnesses_keep_their_bound_where_the_texts_of_a_block_are_one_text_eight_times(size: int) -> None:
    """Ranks of dependent texts are not independent; the heights that Ville's inequality gives hold all the same."""
    random = np.random.default_rng(10)
    crowd = [witness(random.normal(size=size)) for _ in range(600)]
    life, highest = KINDS[0].texts, np.zeros(600)
    trace = np.zeros((1, 600))
    for _ in range(life // PIECE):
        drawn = random.normal(size=(600, PIECE // 8)).repeat(8, axis=1)
        scores = list((drawn + 1e-6 * random.normal(size=drawn.shape)).astype(np.float32))
        hits = ranked(crowd, scores, random.random(PIECE))
        means = hits.reshape(PIECE // 8, 8, -1).mean(1)
        trace = bet(crowd, means, np.full(PIECE // 8, 8.0))
        highest = np.maximum(highest, trace.max(0))
    assert trace[-1].mean() <= 1.1 * life
    for error in (0.5, 0.2, 0.1, 0.02):
        reached = (highest >= threshold(error, life=life, levels=LEVELS, shares=SHARES, exact=False)).mean()
        assert reached <= error
    assert (highest >= life / 0.5).any()


def test_higher_heights_are_rarer() -> None:
    heights, chances = climbing(256, LEVELS, SHARES)
    assert (np.diff(chances) <= 1e-12).all()
    assert chances[0] == 1.0
    assert chances[np.searchsorted(heights, np.log(256 / 1e-5))] <= 1e-5


@given(
    st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=60),
    st.integers(1, 9),
    st.booleans(),
)
def test_blocks_keep_groups_whole_and_weights_sum_to_one(groups: list[str | None], length: int, by_group: bool) -> None:
    blocks: Blocks = in_blocks(np.arange(len(groups)), groups, length=length, by_group=by_group)
    assert sorted(blocks.rows) == list(range(len(groups)))
    assert np.add.reduceat(blocks.weights, blocks.starts) == pytest.approx(np.ones(len(blocks)))
    assert blocks.gaps.sum() == len(groups)
    of_row = dict(zip(blocks.rows, blocks.block, strict=True))
    for name in {group for group in groups if group is not None}:
        assert len({of_row[row] for row, group in enumerate(groups) if group == name}) == 1


def test_the_bound_of_group_means_holds_and_is_no_tighter_than_for_texts() -> None:
    random = np.random.default_rng(9)
    missed = sum(
        kl_upper(np.array([random.binomial(4, 0.03, size=300).mean() / 4]), 300, 0.01)[0] < 0.03 for _ in range(500)
    )
    assert missed <= 15
    assert kl_upper(np.array([0.1]), 1_000, 0.01)[0] >= upper_bound(np.array([100]), 1_000, 0.01)[0]


def recurring(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return expected counts λ of bodies in a log of 4,000 texts, and the set of each: the first set recurs most."""
    counts = np.concatenate(
        [np.full(100, 10.0), np.full(400, 1.5), np.full(1_000, 0.4), np.full(40_000, 0.03), np.full(100, 4.0)]
    )
    sets = np.concatenate([np.zeros(100), np.ones(400), np.full(1_000, 2.0), random.integers(4, size=40_100)])
    return counts * 4_000 / counts.sum(), sets


def test_distinct_texts_bound_the_mass_that_the_log_missed() -> None:
    """The step of the proof in :mod:`known`, on logs whose bodies recur: draw after draw, for sets and complements."""
    random = np.random.default_rng(12)
    counts, sets = recurring(random)
    inside = (sets[:, None] == np.arange(4)).T
    inside = np.concatenate([inside, ~inside])
    draws, error, missed, raw = 600, 0.05, np.zeros(8), np.zeros(8)
    for _ in range(draws):
        said = random.poisson(counts) > 0
        chosen = said & (random.random(len(counts)) < 0.75)
        bounds = upper_bound((inside & chosen).sum(1), int(chosen.sum()), error)
        new = (inside * (counts * ~said)).sum(1) / counts.sum()
        missed += new > bounds
        raw += (inside * counts).sum(1) / counts.sum() > bounds
    assert (missed / draws <= error + 3 * np.sqrt(error / draws)).all()
    assert raw[0] == draws, "were known bodies to hit, the first set's bound would be too low on every draw"


@given(st.floats(0.0, 60.0), st.floats(0.0, 1.0), st.floats(0.0, 0.5))
def test_no_body_contributes_more_than_the_proof_says(expected: float, share: float, reach: float) -> None:
    missed = np.exp(-expected)
    assert missed * np.exp((1 - share) * expected) + share * (1 - missed) <= 1 + 1e-12
    left = 1 - missed * (1 - np.exp(-reach * expected))
    assert left >= (-np.expm1(-expected) / expected if expected else 1.0) - 1e-12


def test_bets_on_what_is_not_known_keep_the_budget_where_bets_on_all_break_it() -> None:
    random = np.random.default_rng(13)
    counts, sets = recurring(random)
    inside = sets[:, None] == np.arange(4)
    texts, arl, draws, held, broken = 5_000, 500.0, 4, 0, 0
    for _ in range(draws):
        said = random.poisson(counts) > 0
        bounds = upper_bound(inside[said].sum(0), int(said.sum()), 0.01 / 8)
        stream = random.choice(len(counts), size=texts, p=counts / counts.sum())
        held += alarms(Bank(bounds, (0.02, 0.08, 0.3)), inside[stream] & ~said[stream, None], arl=arl, length=1)
        broken += alarms(Bank(bounds, (0.02, 0.08, 0.3)), inside[stream], arl=arl, length=1)
    assert held <= draws * texts / arl < broken
