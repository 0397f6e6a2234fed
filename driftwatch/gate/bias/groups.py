"""Identity groups and the words that name them, for counting how a text speaks of whom."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def identity_groups() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return the built-in terms: category, group, then its words and phrases, lower case.

    A term is a whole word or phrase, matched whatever its case. None names two groups; a phrase may hold a shorter term
    of another category ("black woman" holds "woman"), which then counts for both.
    """
    import yaml

    text = files("driftwatch.gate.bias").joinpath("groups.yaml").read_text(encoding="utf-8")
    return msgspec.convert(yaml.safe_load(text), dict[str, dict[str, tuple[str, ...]]])
