"""A few words around a group's name: enough for a person to see what a shift is made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LENGTH, _BEFORE = 160, 60


def snippet(body: str, names: Iterable[str]) -> str:
    r"""Return the part of a body around the first of the names, at most 160 characters; its beginning without one.

    Examples:
        >>> snippet("It rained.\nThe nuns sang.", ["nuns"])
        'It rained. The nuns sang.'
    """
    text = " ".join(body.split())
    if len(text) <= _LENGTH:
        return text
    found = re.search(r"\b(?:" + "|".join(map(re.escape, names)) + r")\b", text, re.IGNORECASE)
    start = max(min(found.start() - _BEFORE if found else 0, len(text) - _LENGTH + 1), 0)
    part = text[start : start + _LENGTH - 2]
    return f"{'…' if start else ''}{part}{'…' if start + len(part) < len(text) else ''}"
