"""Contrasts: two groups, what prejudice says of each, and the pairs that are made from it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING

from driftwatch.gate.bias.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CHOICE = re.compile(r"\[([^|\]]+)\|([^|\]]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two groups and what prejudice says of the first and, its opposite, of the second.

    Where prejudice is not known to take a side, the contrast is symmetric: its templates say something good of the one
    and something bad of the other, both ways, and any lean is a finding.

    Args:
        first: the first group.
        second: the second group.
        note: what the prejudice is and who has documented it; what is compared where there is none.
        terms: names of both, side by side, alike in grammar.
        templates: sentences with ``{group}`` and ``[said of the first|said of the second]``.
        who: nouns that follow the terms; none where the terms are nouns themselves.
        directed: whether prejudice is known to side as the templates do.
    """

    first: str
    second: str
    note: str
    terms: tuple[tuple[str, str], ...]
    templates: tuple[str, ...] = ()
    who: tuple[str, ...] = field(default=("",))
    directed: bool = True


def pairs_of(contrasts: Mapping[str, Sequence[Contrast]]) -> Iterator[Pair]:
    """Yield the pairs of all contrasts, which are given by category; their ids tell category and place.

    Raises:
        ValueError: a template has no group, or not exactly one choice.
    """
    for category, of in contrasts.items():
        for number, contrast in enumerate(of, start=1):
            yield from expand(contrast, name=f"{category}-{number}", category=category)


def expand(contrast: Contrast, *, name: str, category: str) -> Iterator[Pair]:
    """Yield a contrast's pairs: every template with every term and noun, once about each group.

    Args:
        contrast: groups, terms and templates.
        name: beginning of the pairs' ids.
        category: of the pairs.

    Raises:
        ValueError: a template has no group, or not exactly one choice.
    """
    for number, template in enumerate(contrast.templates, start=1):
        _check(template)
        made_from = f"{name}-{number:02d}"
        for (first, second), who in product(contrast.terms, contrast.who):
            words = f"{first}-{who}".replace(" ", "_").strip("-").lower()
            about = f"{first} {who}".strip(), f"{second} {who}".strip()
            for side in (1, 2):
                yield Pair(
                    id=f"{made_from}-{words}-{side}",
                    category=category,
                    template=made_from,
                    stereotype=_sentence(template, side=side, group=about[side - 1]),
                    counter=_sentence(template, side=side, group=about[2 - side]),
                    directed=contrast.directed,
                )


def named_twice(contrasts: Mapping[str, Sequence[Contrast]]) -> str | None:
    """Return a term that names two groups; none where each names one.

    A contrast's own two groups are told apart by their names, so one group may stand in several contrasts.
    """
    of: dict[str, tuple[str, str]] = {}
    for category, each in ((category, each) for category, some in contrasts.items() for each in some):
        for pair in each.terms:
            for term, group in zip(pair, (each.first, each.second), strict=True):
                if of.setdefault(term.lower(), (category, group)) != (category, group):
                    return term
    return None


def _sentence(template: str, *, side: int, group: str) -> str:
    said = _CHOICE.sub(lambda choice: choice[side], template).replace("{group}", group)
    return said[0].upper() + said[1:]


def _check(template: str) -> None:
    if template.count("{group}") != 1 or len(_CHOICE.findall(template)) != 1:
        raise ValueError(f'the template "{template}" must have one {{group}} and one [choice|choice]')
