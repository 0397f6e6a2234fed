"""The built-in suite: counterfactual pairs, made from templates and terms of our own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import product
from typing import TYPE_CHECKING, TypeVar

import msgspec

from driftwatch.gate.bias.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CATEGORIES = (
    "gender",
    "race_ethnicity",
    "religion",
    "age",
    "disability",
    "nationality",
    "sexual_orientation",
    "socioeconomic_status",
)
"""Each has a file of its contrasts in ``builtin/``."""

_CHOICE = re.compile(r"\[([^|\]]+)\|([^|\]]+)\]")
_Data = TypeVar("_Data")


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
        templates: sentences with ``{group}`` and ``[said of the first|said of the second]``; a symmetric contrast with
            none of its own is given those of ``even.yaml``.
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


@cache
def builtin_contrasts() -> Mapping[str, tuple[Contrast, ...]]:
    """Return the built-in suite's data by category.

    Raises:
        ValueError: a directed contrast has no templates.
    """
    even = _read("even.yaml", tuple[str, ...])
    return {
        category: tuple(_with_templates(each, even) for each in _read(f"builtin/{category}.yaml", tuple[Contrast, ...]))
        for category in CATEGORIES
    }


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


def _sentence(template: str, *, side: int, group: str) -> str:
    return _CHOICE.sub(lambda choice: choice[side], template).replace("{group}", group)


def _check(template: str) -> None:
    if template.count("{group}") != 1 or len(_CHOICE.findall(template)) != 1:
        raise ValueError(f'the template "{template}" must have one {{group}} and one [choice|choice]')


def _with_templates(contrast: Contrast, even: tuple[str, ...]) -> Contrast:
    if contrast.templates:
        return contrast
    if contrast.directed:
        raise ValueError(f"{contrast.first} against {contrast.second}: a directed contrast needs templates of its own")
    return replace(contrast, templates=even)


def _read(name: str, kind: type[_Data]) -> _Data:
    import yaml

    text = files("driftwatch.gate.bias").joinpath(name).read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), kind)
