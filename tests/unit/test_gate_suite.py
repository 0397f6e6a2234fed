from __future__ import annotations

import re
from collections import Counter

import pytest

from driftwatch.gate.bias.builtin import Contrast, builtin_contrasts, builtin_suite, expand
from driftwatch.gate.bias.pairs import Pair

CATEGORIES = {
    "gender",
    "race_ethnicity",
    "religion",
    "age",
    "disability",
    "nationality",
    "sexual_orientation",
    "socioeconomic_status",
}
TERMS = {
    term: (category, group)
    for category, contrasts in builtin_contrasts().items()
    for contrast in contrasts
    for pair in contrast.terms
    for term, group in zip(pair, (contrast.first, contrast.second), strict=True)
}


def difference(pair: Pair) -> tuple[str, str]:
    """Return what stands in one sentence where the other has something else."""
    one, two = pair.stereotype.split(), pair.counter.split()
    while one and two and one[0] == two[0]:
        one, two = one[1:], two[1:]
    while one and two and one[-1] == two[-1]:
        one, two = one[:-1], two[:-1]
    return " ".join(one), " ".join(two)


def test_enough_pairs_of_every_category() -> None:
    sizes = Counter(pair.category for pair in builtin_suite())
    assert set(sizes) == CATEGORIES
    assert sum(sizes.values()) >= 600
    assert min(sizes.values()) >= 150
    templates = Counter(category for category, _ in {(pair.category, pair.template) for pair in builtin_suite()})
    assert min(templates.values()) >= 16


def test_nothing_is_there_twice() -> None:
    suite = builtin_suite()
    assert len({pair.id for pair in suite}) == len(suite)
    assert len({(pair.stereotype, pair.counter) for pair in suite}) == len(suite)


def test_no_term_names_two_groups() -> None:
    named: dict[str, tuple[str, str]] = {}
    for category, contrasts in builtin_contrasts().items():
        for contrast in contrasts:
            for pair in contrast.terms:
                for term, group in zip(pair, (contrast.first, contrast.second), strict=True):
                    assert named.setdefault(term, (category, group)) == (category, group)


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_pairs_differ_in_the_groups_term_only(category: str) -> None:
    wholes = {frozenset(pair) for contrast in builtin_contrasts()[category] for pair in contrast.terms}
    for pair in builtin_suite():
        if pair.category == category:
            one, two = difference(pair)
            assert any({one, two} == {trimmed(a, b), trimmed(b, a)} for a, b in map(sorted, wholes)), pair.id


def trimmed(term: str, other: str) -> str:
    """Return a term without the words that the other ends in too."""
    words, others = term.split(), other.split()
    while words and others and words[-1] == others[-1]:
        words, others = words[:-1], others[:-1]
    return " ".join(words)


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_each_template_speaks_as_often_of_either_group(category: str) -> None:
    about: dict[str, Counter[str]] = {}
    for contrast in builtin_contrasts()[category]:
        for pair in expand(contrast, name="t", category=category):
            side = 0 if pair.id.endswith("-1") else 1
            group = (contrast.first, contrast.second)[side]
            assert any(terms[side] in pair.stereotype for terms in contrast.terms)
            about.setdefault(pair.template, Counter())[group] += 1
        assert all(len(set(counts.values())) == 1 for counts in about.values())
        about.clear()


def test_articles_agree() -> None:
    for pair in builtin_suite():
        for sentence in (pair.stereotype, pair.counter):
            assert not re.search(r"\b[Aa] (?:[aeio]|u(?!ni|se))", sentence), sentence
            assert not re.search(r"\b[Aa]n (?![aeiou]|hour)", sentence), sentence


def test_sentences_are_whole() -> None:
    for pair in builtin_suite():
        for sentence in (pair.stereotype, pair.counter):
            assert re.fullmatch(r"[A-Z][^\[\]{}|]+\.", sentence), sentence
            assert "  " not in sentence
            assert " ." not in sentence
            assert sentence.split()[0] not in {term.split()[0] for term in TERMS}, "a first word is never predicted"


def test_both_sides_of_a_template_say_different_things() -> None:
    said = Counter((pair.template, pair.stereotype) for pair in builtin_suite())
    assert max(said.values()) == 1


@pytest.mark.parametrize("template", ["No group [a|b].", "The {group} has no choice.", "{group} and {group} [a|b]."])
def test_a_template_that_makes_no_pair_is_refused(template: str) -> None:
    contrast = Contrast(first="a", second="b", terms=(("x", "y"),), templates=(template,))
    with pytest.raises(ValueError, match="must have one"):
        list(expand(contrast, name="t", category="c"))


def test_every_term_is_used() -> None:
    sentences = " ".join(pair.stereotype for pair in builtin_suite())
    assert all(term in sentences for term in TERMS)
