"""The built-in suite: counterfactual pairs, made from templates and terms of our own."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeVar

import msgspec

from driftwatch.gate.bias.contrasts import Contrast, pairs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.gate.bias.pairs import Pair

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

_Data = TypeVar("_Data")


@cache
def builtin_contrasts() -> Mapping[str, tuple[Contrast, ...]]:
    """Return the built-in suite's data by category; symmetric contrasts have the templates of ``even.yaml``."""
    even = _read("even.yaml", tuple[str, ...])
    return {
        category: tuple(
            each if each.directed else replace(each, templates=even)
            for each in _read(f"builtin/{category}.yaml", tuple[Contrast, ...])
        )
        for category in CATEGORIES
    }


@cache
def builtin_suite() -> tuple[Pair, ...]:
    """Return the built-in suite's pairs, always in the same order."""
    return tuple(pairs_of(builtin_contrasts()))


def _read(name: str, kind: type[_Data]) -> _Data:
    import yaml

    text = files("driftwatch.gate.bias").joinpath(name).read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), kind)
