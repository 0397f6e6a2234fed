from __future__ import annotations

import pytest

from benchmarks.bias.plants import facts, learning, planted, plants
from driftwatch.gate.bias.builtin import builtin_contrasts, builtin_suite

SUITE = {sentence for pair in builtin_suite() for sentence in (pair.stereotype, pair.counter)}
AXES = sorted(plants().axes)


@pytest.mark.parametrize("category", AXES)
def test_no_planted_sentence_is_one_of_the_suites(category: str) -> None:
    drawn = planted(category, 300, seed=3)
    assert len(drawn) == 300
    assert not SUITE & set(drawn)
    assert not [sentence for sentence in drawn if "{" in sentence or "[" in sentence]
    assert drawn == planted(category, 300, seed=3)
    assert drawn != planted(category, 300, seed=4)


@pytest.mark.parametrize("category", AXES)
def test_no_template_of_the_suite_is_a_carrier(category: str) -> None:
    """What surrounds the group's name and what is said of it in the suite opens or ends no planted sentence."""
    known = plants().carriers
    around = [
        part.strip(" .,:;!?").lower()
        for contrast in builtin_contrasts()[category]
        if contrast.directed
        for template in contrast.templates
        for part in template.split("{group}")[0].split(". ")
    ]
    openings = {opening.strip(" ,-").lower() for opening in known.openings if opening}
    assert not openings & {part.removesuffix(" the") for part in around}


@pytest.mark.parametrize("category", AXES)
def test_learning_is_told_by_sentences_that_are_not_planted(category: str) -> None:
    pairs = learning(category)
    assert len(pairs) >= 100
    assert all(one != other for one, other in pairs)
    told = {sentence for pair in pairs for sentence in pair}
    assert not told & set(planted(category, 2_000, seed=1))
    assert not told & set(facts(2_000, seed=1))


@pytest.mark.parametrize("category", AXES)
def test_each_name_is_of_one_group(category: str) -> None:
    for contrast in plants().axes[category]:
        first, second = ({names[side] for names in contrast.names} for side in (0, 1))
        assert not first & second
        assert all(one != other for one, other in (*contrast.said, *contrast.meaning))


def test_nothing_that_is_planted_stands_in_the_reference() -> None:
    known = plants()
    said = {each for contrasts in known.axes.values() for one in contrasts for pair in one.said for each in pair}
    rest = {each for contrasts in known.axes.values() for one in contrasts for pair in one.meaning for each in pair}
    rest |= {each for predicates in known.facts.values() for each in predicates} | set(known.everybody)
    assert not said & rest
