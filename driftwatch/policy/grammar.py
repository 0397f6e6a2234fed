"""The little of a condition's grammar that is needed to name its variables and its comparisons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from driftwatch.policy.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""
    (?P<comment>//[^\n]*)
  | (?P<string>[rR]?[bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
  | (?P<logic>&&|\|\||\?|:|!(?!=))
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<other>\d[\w.]*|\s+|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_DEEPEST = 32


def names(text: str) -> tuple[str, ...]:
    """Return the variables that a condition looks at, in order of appearance."""
    found = (re.sub(r"\s", "", match["name"]) for match in _TOKEN.finditer(text) if match["name"])
    return tuple(dict.fromkeys(name for name in found if name in VARIABLES))


def comparisons(text: str) -> tuple[str, ...]:
    """Return the parts of a condition that logic joins, from left to right, those with variables only.

    Examples:
        >>> comparisons("loss.increase > 0.05 && !(tokens.jsd < 0.1 || true)")
        ('loss.increase > 0.05', 'tokens.jsd < 0.1')
    """
    if any(match["comment"] for match in _TOKEN.finditer(text)):
        return (text.strip(),)
    return tuple(dict.fromkeys(part for part in _leaves(text, depth=0) if names(part)))


def _leaves(text: str, *, depth: int) -> Iterator[str]:
    pieces = [piece.strip() for piece in _split(text)]
    if len(pieces) > 1 and depth < _DEEPEST:
        for piece in pieces:
            yield from _leaves(piece, depth=depth + 1)
    elif _wrapped(text.strip()) and depth < _DEEPEST:
        yield from _leaves(text.strip()[1:-1], depth=depth + 1)
    elif text.strip():
        yield text.strip()


def _split(text: str) -> Iterator[str]:
    """Cut at the logic that stands outside all brackets."""
    depth = start = 0
    for match in _TOKEN.finditer(text):
        depth += bool(match["open"]) - bool(match["close"])
        if match["logic"] and depth == 0:
            yield text[start : match.start()]
            start = match.end()
    yield text[start:]


def _wrapped(text: str) -> bool:
    """Say whether one pair of parentheses holds the whole text."""
    depth = 0
    for match in _TOKEN.finditer(text):
        depth += bool(match["open"]) - bool(match["close"])
        if depth == 0:
            return match["close"] == ")" and text.startswith("(") and match.end() == len(text)
    return False
