"""Near duplicates and clusters: which texts fall, which stay."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixes import real

from driftwatch.retrain.collect.alike import clusters, near_duplicates
from driftwatch.retrain.collect.caps import beyond_cap, fair_cap, nth_of_its_place
from driftwatch.retrain.collect.hashing import character_runs, normalised, word_runs
from driftwatch.retrain.collect.prints import SLOTS, signatures


def repeats(*bodies: str) -> list[int]:
    return [int(row) for row in near_duplicates(signatures([normalised(body) for body in bodies]), least=0.7)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "Dear Anna, your order 4711 was shipped today and should reach you by Friday.",
            "Dear Bob, your order 99 was shipped today and should reach you by Friday.",
        ),
        (
            "URGENT: ticket #1029 for host db-14 is still open after 3 days!",
            "urgent: ticket #8 for host db-2 is still open after 12 days",
        ),
        (
            "The quick summary of your meeting with Priya is ready: three decisions, two open points.",
            "The quick summary of your meeting with Jonas is ready: three decisions, two open points.",
        ),
        (
            "訂單已經出貨，預計在星期五之前送達您的地址，謝謝您的耐心等候，小明",  # noqa: RUF001 - Chinese has its own marks
            "訂單已經出貨，預計在星期五之前送達您的地址，謝謝您的耐心等候，大華",  # noqa: RUF001 - likewise
        ),
    ],
)
def test_a_template_filled_in_again_is_a_near_duplicate(one: str, other: str) -> None:
    assert repeats(one, other) == [-1, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("book a flight to paris for me", "book a flight to london for me"),
        ("what is the weather in rome", "what is the time in rome"),
        ("turn on the lights", "turn off the lights"),
        ("yes", "no"),
        ("", "a"),
        ("cancel my card", "cancel my order"),
        (
            "Microsoft shares rise after earnings beat forecasts on Wall Street",
            "Apple shares fall after earnings miss forecasts on Wall Street",
        ),
    ],
)
def test_short_texts_that_say_something_else_stay(one: str, other: str) -> None:
    assert repeats(one, other) == [-1, -1]


def test_of_many_repeats_the_first_stays_and_a_text_repeats_an_earlier_one() -> None:
    found = repeats(*[f"Your parcel number {n} waits at the desk until the evening" for n in range(500)])
    assert found[0] == -1
    assert all(0 <= leader < row for row, leader in enumerate(found) if row)


@pytest.mark.parametrize(("corpus", "most"), [("tweets", 0.02), ("agnews", 0.02), ("clinc150", 0.12)])
def test_most_of_real_text_stays(corpus: str, most: float) -> None:
    contents = sorted({normalised(each.body) for each in real(corpus, 6_000)})
    found = near_duplicates(signatures(contents), least=0.7)
    assert np.mean(found >= 0) <= most


def test_planted_near_duplicates_of_real_text_fall() -> None:
    bodies = [each.body for each in real("agnews", 2_000)]
    again = [f"UPDATE {n}: {body} (read {n * 7} times)" for n, body in enumerate(bodies[:400])]
    found = near_duplicates(signatures([normalised(body) for body in [*bodies, *again]]), least=0.7)
    assert np.mean(found[2_000:] >= 0) >= 0.98


def test_signatures_estimate_how_far_texts_overlap() -> None:
    """Against the true Jaccard index of real news items with more and more of another one in them."""
    contents = [normalised(each.body) for each in real("agnews", 400)]
    pairs = [(one, f"{one[: len(one) * n // 400]}{other}") for n, (one, other) in enumerate(pairwise(contents))]
    left, right = (signatures([pair[side] for pair in pairs]) for side in (0, 1))
    true = []
    for pair in pairs:
        runs, ends = character_runs(pair)
        one, other = set(runs[: ends[1]].tolist()), set(runs[ends[1] :].tolist())
        true.append(len(one & other) / len(one | other))
    error = (left == right).mean(axis=1) - np.array(true)
    assert abs(error.mean()) < 0.01
    assert error.std() < 0.06


def test_clusters_are_linked_through_others() -> None:
    step = ["alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon"]
    for word in ("first", "second", "third", "fourth"):
        step.append(step[-1].split(" ", 1)[1] + f" {word}")
    label = clusters(signatures([*step, "nothing like the others at all"]), least=0.6)
    assert len(set(label[:5].tolist())) == 1
    assert label[5] not in label[:5]


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), max_size=8), st.integers(3, 6))
def test_word_runs_of_a_text_do_not_depend_on_its_neighbours(bodies: list[str], length: int) -> None:
    together, where = word_runs(bodies, length)
    for place, body in enumerate(bodies):
        alone, _ = word_runs([body], length)
        assert together[where == place].tolist() == alone.tolist()


@given(st.lists(st.text(max_size=40), min_size=1, max_size=8))
def test_character_runs_of_a_text_do_not_depend_on_its_neighbours(contents: list[str]) -> None:
    runs, ends = character_runs(contents)
    for place, content in enumerate(contents):
        assert runs[ends[place] : ends[place + 1]].tolist() == character_runs([content])[0].tolist()
        assert ends[place + 1] > ends[place]
    assert signatures(contents).shape == (len(contents), SLOTS)


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 9), st.floats(0.01, 1))
def test_no_place_has_more_than_its_cap(places: list[int], least: int, share: float) -> None:
    of = np.array(places, np.int64)
    sizes = np.unique(of, return_counts=True)[1].astype(np.int64)
    cap = fair_cap(sizes, share=share, least=least, most=None, room=1_000)
    kept = of[~beyond_cap(of, cap)]
    assert max(np.bincount(kept), default=0) <= max(least, share * len(kept))


@given(st.lists(st.integers(0, 5), max_size=60))
def test_the_nth_of_its_place_counts_earlier_ones(places: list[int]) -> None:
    expected = [places[:n].count(place) for n, place in enumerate(places)]
    assert nth_of_its_place(np.array(places, np.int64)).tolist() == expected
