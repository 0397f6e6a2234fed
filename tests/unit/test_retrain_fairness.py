"""Who a text speaks of and how: names, words near them, rates of dependent texts, counterfactual copies."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.gate.bias.groups import identity_groups
from driftwatch.retrain.fairness import association
from driftwatch.retrain.fairness.association import Side
from driftwatch.retrain.fairness.counterfactual import Swap, counterparts, swap_for
from driftwatch.retrain.fairness.lexicon import lexicons
from driftwatch.retrain.fairness.mentions import NEAR, Finder, words_of
from driftwatch.retrain.fairness.rates import ByAuthor, difference, effective, p_of_difference
from driftwatch.retrain.fairness.snippet import snippet

GROUPS = {"religion": {"nuns": ["nun", "nuns"], "monks": ["monk", "old monk"]}, "age": {"old": ["old", "the elderly"]}}
WORDS = (frozenset({"bad", "old"}), frozenset({"rude"}))
NAMES = {group: terms for each in identity_groups().values() for group, terms in each.items()}


def finder() -> Finder:
    return Finder(GROUPS, WORDS)


def named(body: str) -> list[str]:
    return [finder().groups[each.group].name for each in finder().named(words_of(body))]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("A NUN's hat", ["nuns"]),
        ("nunnery and monkey", []),
        ("an old monk", ["monks", "monks", "old"]),
        ("the elderly, the-elderly", ["old", "old"]),
        ("the very elderly", []),
        ("", []),
    ],
)
def test_names_are_whole_words_or_phrases_in_any_case(body: str, found: list[str]) -> None:
    assert sorted(named(body)) == found


def test_words_near_a_name_are_counted_and_far_ones_are_not() -> None:
    filler = " ".join(["so"] * NEAR)
    (near,) = finder().read(f"bad rude nun bad {filler} bad").near
    assert near.hits == (2, 1)
    assert finder().read(f"bad nun {filler} bad").hits == (2, 0)


def test_a_name_is_no_ill_word_about_another_group() -> None:
    reading = finder().read("the old nun")
    assert {finder().groups[each.group].name: each.hits for each in reading.near} == {"nuns": (0, 0), "old": (0, 0)}


def test_groups_names_and_lexicons_do_not_hold_each_other() -> None:
    built_in = Finder(identity_groups(), tuple(lexicons().values()))
    for terms in NAMES.values():
        for term in terms:
            assert not any(built_in.read(term).hits), term
    assert all(len(words) > 500 for words in lexicons().values())


@given(st.text(max_size=300))
def test_any_text_can_be_read(body: str) -> None:
    reading = Finder(identity_groups(), tuple(lexicons().values())).read(body)
    assert all(0 <= hit <= len(reading.words) for hit in reading.hits)


def authors(counts: list[tuple[int, int]]) -> ByAuthor:
    return ByAuthor(np.array([of for of, _ in counts]), np.array([hits for _, hits in counts]))


def test_texts_of_one_author_count_for_less() -> None:
    alike = authors([(10, 10)] * 5 + [(10, 0)] * 45)
    apart = authors([(1, 1)] * 50 + [(1, 0)] * 450)
    (few,), (many,) = effective([alike]), effective([apart])
    assert few.rate == many.rate == pytest.approx(0.1)
    assert few.of == pytest.approx(50, rel=0.1)
    assert many.of == pytest.approx(500, rel=0.01)


def test_a_side_without_hits_borrows_the_other_sides_dependence() -> None:
    alike, none = authors([(10, 10)] * 5 + [(10, 0)] * 45), authors([(10, 0)] * 50)
    assert effective([alike, none])[1].of == pytest.approx(50, rel=0.1)


def test_one_author_is_one_observation() -> None:
    (one,) = effective([authors([(500, 250)])])
    assert one.of == pytest.approx(1)


def test_difference_of_rates_against_published_figures() -> None:
    """Newcombe 1998, table II, method 10: 56/70 against 48/80, 9/10 against 3/10, 0/20 against 0/10."""
    for new, reference, low, high in (
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((0, 20), (0, 10), -0.2775, 0.1611),
    ):
        sides = [effective([authors([(1, 1)] * k + [(1, 0)] * (n - k))])[0] for k, n in (new, reference)]
        exact = [type(side)(hits=k, of=n) for side, (k, n) in zip(sides, (new, reference), strict=True)]
        assert difference(*exact) == pytest.approx((low, high), abs=6e-5)


def test_p_of_equal_rates_is_one() -> None:
    (side,) = effective([authors([(1, 1)] * 10 + [(1, 0)] * 90)])
    assert p_of_difference(side, side) == pytest.approx(1)


def side(texts: int, carriers: int, *, words: int = 20, rate: float = 0.05, near: int = 10) -> Side:
    """Return texts about a group of so many words near its name, beside a thousand times ``words`` elsewhere."""
    alone = authors([(1, 1)] * carriers + [(1, 0)] * (texts - carriers))
    hits = round(words * 1000 * rate)
    return Side(alone, np.full(texts, near), authors([(1, 1)] * hits + [(1, 0)] * (words * 1000 - hits)))


def test_an_association_that_rises_has_its_direction_and_interval() -> None:
    found = association.change(side(200, 120), side(200, 40))
    assert found.value == pytest.approx(np.log(120 / 80) - np.log(40 / 160), abs=0.1)
    low, high = found.interval
    assert 0 < low < found.value < high
    assert found.p < 1e-6


def test_a_rougher_domain_or_longer_texts_are_no_association() -> None:
    def by_chance(rate: float, near: int) -> Side:
        return side(1_000, round(1_000 * (1 - (1 - rate) ** near)), rate=rate, near=near)

    for new in (by_chance(0.15, 10), by_chance(0.05, 20)):
        found = association.change(new, by_chance(0.05, 10))
        assert found.value == pytest.approx(0, abs=0.05)
        assert found.new == pytest.approx(0, abs=0.05)


def test_few_texts_move_little() -> None:
    assert association.change(side(3, 3), side(200, 40)).p > 0.001


def test_without_texts_nothing_is_shown() -> None:
    found = association.change(side(0, 0), side(0, 0))
    assert found.value == pytest.approx(0)
    assert found.p == pytest.approx(1)


@given(st.integers(1, 60), st.integers(0, 60), st.integers(1, 400), st.integers(0, 400))
def test_an_association_turns_round_with_its_sides(texts: int, hits: int, others: int, carriers: int) -> None:
    one, two = side(texts, min(hits, texts)), side(others, min(carriers, others))
    there, back = association.change(one, two), association.change(two, one)
    assert there.value == pytest.approx(-back.value)
    assert there.error == pytest.approx(back.error)


def swap(group: str) -> Swap:
    found = swap_for(group, NAMES)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("group", "body", "copy"),
    [
        ("muslims", "A Muslim and two muslims, MUSLIMS!", "A Christian and two christians, CHRISTIANS!"),
        ("christians", "a Christian in a church", "a Muslim in a mosque"),
        ("asian_people", "An Asian in a Hispanic bar", "A Hispanic in an Asian bar"),
        ("women", "She told her that her house is hers, woman.", "He told him that his house is his, man."),
        ("men", "He took his hat; the man saw him.", "She took her hat; the woman saw her."),
        ("women", "Women and men", "Men and women"),
        ("immigrants", "Immigrants came. The immigrant sang.", "Citizens came. The citizen sang."),
        ("poor_people", "low-income and poor\nfamilies", "high-income and rich families"),
        ("homosexual_people", "a gay uncle", "a straight uncle"),
        ("muslims", "Pakistani Muslim's", "Pakistani Christian's"),
        ("muslims", "a sunni Muslim", None),
        ("muslims", "nobody", None),
    ],
)
def test_copies(group: str, body: str, copy: str | None) -> None:
    assert swap(group).copy(body) == copy


def test_counterparts_are_names_of_their_groups_and_of_one_kind() -> None:
    """A pair's two names agree in number, as far as an s at their ends tells."""
    for pairs in counterparts():
        known = {name.replace("-", " ") for name in NAMES[pairs.groups[0]]}
        for first, second in pairs.names():
            assert first.casefold().replace("-", " ") in known, first
            assert first.casefold() != second.casefold()


@given(st.sampled_from(sorted(NAMES["muslims"])), st.text(max_size=50))
def test_a_copy_names_the_group_no_more(name: str, around: str) -> None:
    copy = swap("muslims").copy(f"{around} {name} {around}")
    finder = Finder(identity_groups(), tuple(lexicons().values()))
    place = next(n for n, each in enumerate(finder.groups) if each.name == "muslims")
    assert copy is None or place not in [each.group for each in finder.named(words_of(copy))]


def test_snippets_stand_around_the_name() -> None:
    chance = random.Random(1)
    body = " ".join("".join(chance.choices("abcdefg", k=5)) for _ in range(200))
    part = snippet(f"{body} the Nun sang {body}", ["nun"])
    assert "Nun" in part
    assert len(part) <= 160
    assert part.startswith("…")
    assert part.endswith("…")
