"""Words that rose and fell, and the e-values they are named by."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from driftwatch.drift.evalues import LESS, MORE, Tally, discoveries, log_e_values
from driftwatch.drift.words import FALSE_DISCOVERY, Words, words_of

FILLER = ["the", "order", "arrived", "late", "again", "today", "please", "help", "with", "my", "card", "account"]


def bodies(count: int, *, seed: int, extra: str = "", share: float = 0.0) -> list[str]:
    random = np.random.default_rng(seed)
    return [
        " ".join(random.choice(FILLER, size=6)) + (f" {extra}" if random.random() < share else "") + f" {number}"
        for number in range(count)
    ]


def test_an_e_value_of_exchangeable_texts_has_mean_one() -> None:
    n, m, total = 4, 9, 5
    random = np.random.default_rng(1)
    # Every way to place five hits among thirteen texts is equally likely: X is hypergeometric.
    hits = random.hypergeometric(total, n + m - total, n, size=200_000).astype(np.int64)
    for odds in (MORE, LESS):
        values = np.exp(log_e_values(hits, n, total - hits, m, odds=odds))
        assert values.mean() == pytest.approx(1.0, rel=0.05)


def test_a_bet_on_growth_is_no_bet_where_the_window_holds_less() -> None:
    random = np.random.default_rng(2)
    here, there = random.binomial(100, 0.05, 50_000), random.binomial(500, 0.06, 50_000)
    assert np.exp(log_e_values(here, 100, there, 500, odds=MORE)).mean() <= 1


def test_e_values_rise_with_hits_and_never_beyond_the_highest() -> None:
    for there in (0, 3, 40):
        hits = np.arange(60)
        values = log_e_values(hits, 80, np.full(60, there), 400, odds=MORE)
        assert (np.diff(values) > 0).all()
        tally = Tally(hits=hits, new_hits=hits, n=80, new=80, reference_hits=np.full(60, there), m=400)
        assert (tally.log_e() <= tally.highest() + 1e-9).all()


@pytest.mark.parametrize(("n", "m"), [(0, 5), (5, 0)])
def test_no_text_is_no_evidence(n: int, m: int) -> None:
    assert log_e_values(np.array([0]), n, np.array([0]), m, odds=MORE).tolist() == [0.0]


def test_e_bh_names_the_largest_set_whose_least_member_is_enough() -> None:
    for values in product([1.0, 60.0, 90.0, 200.0], repeat=3):
        kept = discoveries(np.log(np.array(values)), tests=3, level=0.02)
        sizes = [k for k in range(1, 4) if sorted(values, reverse=True)[k - 1] >= 3 / 0.02 / k]
        assert int(kept.sum()) == max(sizes, default=0)
        assert all(
            value >= other
            for value, k in zip(values, kept, strict=True)
            if k
            for other, j in zip(values, kept, strict=True)
            if not j
        )


def test_a_word_is_letters_lower_cased_once() -> None:
    assert words_of("Don’t STOP, don’t: naïve 42 x1 a_b") == ["don’t", "stop", "naïve"]


def test_a_new_word_is_named_first_with_its_shares() -> None:
    shifts = Words(bodies(2_000, seed=1)).shifts(bodies(400, seed=2, extra="refund", share=0.1))
    assert [shift.word for shift in shifts] == ["refund"]
    assert 0.06 < shifts[0].share < 0.14
    assert shifts[0].reference_share == 0
    assert shifts[0].z > 5


def test_a_word_that_left_is_named_as_fallen() -> None:
    shifts = Words(bodies(2_000, seed=1, extra="invoice", share=0.2)).shifts(bodies(400, seed=2))
    assert [(shift.word, shift.share, shift.z < 0) for shift in shifts] == [("invoice", 0.0, True)]


def test_what_holds_one_word_always_together_is_named_together() -> None:
    shifts = Words(bodies(2_000, seed=1)).shifts(bodies(400, seed=2, extra="gift voucher code", share=0.1))
    assert {shift.word for shift in shifts} == {"gift", "voucher", "code"}


def test_equal_texts_name_nothing() -> None:
    named = sum(bool(Words(bodies(1_000, seed=s)).shifts(bodies(300, seed=1_000 + s))) for s in range(60))
    assert named / 60 <= FALSE_DISCOVERY + 0.05


@pytest.mark.parametrize(("reference", "window"), [([], ["a text"]), (["a text"], []), (["42"], ["43"])])
def test_nothing_to_compare_names_nothing(reference: list[str], window: list[str]) -> None:
    assert Words(reference).shifts(window) == ()


def test_keywords_set_texts_apart_from_the_reference() -> None:
    words = Words([*bodies(1_000, seed=1), *[f"cup final goal {number}" for number in range(100)]])
    assert words.keywords(["the broken screen", "screen broken again", "my screen"])[:2] == ("screen", "broken")
    inside = np.arange(1_100) >= 1_000
    assert set(words.keywords_of(inside)) == {"cup", "final", "goal"}
    assert words.keywords([]) == ()


def test_words_of_one_window_do_not_stay_for_the_next() -> None:
    words = Words(bodies(1_000, seed=1))
    before = words.shifts(bodies(300, seed=3))
    words.shifts(bodies(300, seed=2, extra="refund", share=0.5))
    assert words.shifts(bodies(300, seed=3)) == before


def test_what_is_often_said_word_for_word_is_neither_risen_nor_are_other_words_fallen() -> None:
    phrases = [f"thanks {extra}" for extra in ("a lot", "very much", "so much", "again", "anyway", "for all")] * 20
    phrases = [f"{phrase} {number % 20}" for number, phrase in enumerate(phrases)]
    words = Words([*bodies(2_000, seed=1), *phrases])
    # Of a window's distinct texts every third is such a phrase, of the reference's one in eighteen.
    assert words.shifts([*bodies(200, seed=2), *phrases[:100]]) == ()
    fresh = [f"{phrase} my friend {number}" for number, phrase in enumerate(phrases[:100])]
    assert "thanks" in {shift.word for shift in words.shifts([*bodies(200, seed=2), *fresh])}
