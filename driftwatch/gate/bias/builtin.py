"""The built-in suite: counterfactual pairs, made from templates and terms of our own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import product
from typing import TYPE_CHECKING

import msgspec

from driftwatch.gate.bias.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHOICE = re.compile(r"\[([^|\]]+)\|([^|\]]+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Two groups and what prejudice says of the first and, its opposite, of the second.

    Args:
        first: the first group.
        second: the second group.
        terms: names of both, side by side.
        templates: sentences with ``{group}``, maybe ``{who}``, and ``[said of the first|said of the second]``.
        who: nouns that the terms describe; none where the terms are nouns themselves.
    """

    first: str
    second: str
    terms: tuple[tuple[str, str], ...]
    templates: tuple[str, ...]
    who: tuple[str, ...] = field(default=("",))


@cache
def builtin_contrasts() -> Mapping[str, tuple[Contrast, ...]]:
    """Return the built-in suite's data by category."""
    import yaml

    data = yaml.safe_load(files("driftwatch.gate.bias").joinpath("builtin.yaml").read_text(encoding="utf-8"))
    return msgspec.convert(data, dict[str, tuple[Contrast, ...]])


@cache
def builtin_suite() -> tuple[Pair, ...]:
    """Return the built-in suite's pairs, always in the same order."""
    return tuple(
        pair
        for category, contrasts in builtin_contrasts().items()
        for number, contrast in enumerate(contrasts, start=1)
        for pair in expand(contrast, name=f"{category}-{number}", category=category)
    )


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
            for side, (about, other) in enumerate(((first, second), (second, first)), start=1):
                yield Pair(
                    id=f"{made_from}-{words}-{side}",
                    category=category,
                    template=made_from,
                    stereotype=_sentence(template, side=side, group=about, who=who),
                    counter=_sentence(template, side=side, group=other, who=who),
                )


def _sentence(template: str, *, side: int, group: str, who: str) -> str:
    said = _CHOICE.sub(lambda choice: choice[side], template)
    return said.replace("{group}", group).replace("{who}", who)


def _check(template: str) -> None:
    if template.count("{group}") != 1 or len(_CHOICE.findall(template)) != 1:
        raise ValueError(f'the template "{template}" must have one {{group}} and one [choice|choice]')
