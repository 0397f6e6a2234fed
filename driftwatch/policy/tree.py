"""A condition taken apart: every sub-expression with its value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.explanation import Part
from driftwatch.policy.expressions import value_of
from driftwatch.policy.grammar import names
from driftwatch.policy.reasons import figure
from driftwatch.policy.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from driftwatch.policy.variables import Value

_TOKEN = re.compile(
    r"""
    (?P<skip>//[^\n]*|\s+)
  | (?P<word>[rR]?[bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
      |[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*|\d[\w.]*(?:(?<=[eE])[+-]\d+)?)
  | (?P<open>[(\[{])
  | (?P<close>[)\]}])
  | (?P<sign>&&|\|\||[<>=!]=|[<>?:!+*/%-]|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_LOOSEST_FIRST = (("||",), ("&&",), ("<", "<=", ">", ">=", "==", "!=", "in"), ("+", "-"), ("*", "/", "%"))
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int
    depth: int
    binary: bool


def tree(text: str, values: Mapping[str, Value], *, nats: str) -> Part:
    """Return a condition with all its parts and what each came to.

    Args:
        text: of the condition.
        values: of the variables; those not measured are left out.
        nats: what the window's losses are in, such as ``nats/token``.

    Examples:
        >>> drawn = tree("drift.alarm && loss.increase > 0.05", {"drift.alarm": 1.0}, nats="nats")
        >>> drawn.holds, [(part.text, part.value) for part in drawn.parts]
        (None, [('drift.alarm', 'true'), ('loss.increase > 0.05', 'not measured: loss.increase')])
    """
    return _part(text, values, nats, depth=0)


def _part(text: str, values: Mapping[str, Value], nats: str, *, depth: int) -> Part:
    text = _bare(text)
    value, problem = value_of(text, values)
    inner = pieces(text) if depth < _DEEPEST else ()
    if not inner and text not in VARIABLES:
        inner = names(text)  # a call, whose arguments are not taken apart
    parts = tuple(_part(piece, values, nats, depth=depth + 1) for piece in inner if names(piece))
    if problem is not None or value is None:
        return Part(text=text, value=problem or "no value", holds=None, parts=parts)
    if value is True or value is False:
        return Part(text=text, value="true" if value else "false", holds=value, parts=parts)
    shown = figure(text, value, nats) if text in VARIABLES else _plain(value)
    return Part(text=text, value=shown, holds=None, parts=parts)


def _plain(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def pieces(text: str) -> tuple[str, ...]:
    """Return what an expression is made of, one step down, from left to right; nothing for a name, a value or a call.

    Examples:
        >>> pieces("drift.alarm || !(loss.increase + 0.01 > 0.05)")
        ('drift.alarm', '!(loss.increase + 0.01 > 0.05)')
        >>> pieces("!(loss.increase + 0.01 > 0.05)")
        ('loss.increase + 0.01 > 0.05',)
    """
    tokens = [token for token in _tokens(text) if token.depth == 0]
    asked = next((token for token in tokens if token.text == "?"), None)
    if asked is not None:
        return _ternary(text, tokens, asked)
    for signs in _LOOSEST_FIRST:
        found = [token for token in tokens if token.text in signs and token.binary]
        if found:
            return _cut(text, found if signs in _LOOSEST_FIRST[:2] else found[-1:])
    if tokens and tokens[0].text in ("!", "-"):
        return (_bare(text[tokens[0].end :]),)
    return ()


def _ternary(text: str, tokens: list[_Token], asked: _Token) -> tuple[str, ...]:
    """Cut a condition with two outcomes; a second one inside the last belongs to it."""
    inside = 0
    for token in tokens:
        if token.start <= asked.start:
            continue
        inside += (token.text == "?") - (token.text == ":")
        if inside < 0:
            halves = (text[: asked.start], text[asked.end : token.start], text[token.end :])
            return tuple(_bare(half) for half in halves)
    return ()


def _cut(text: str, signs: list[_Token]) -> tuple[str, ...]:
    starts = [0, *(sign.end for sign in signs)]
    ends = [*(sign.start for sign in signs), len(text)]
    return tuple(_bare(text[start:end]) for start, end in zip(starts, ends, strict=True))


def _tokens(text: str) -> Iterator[_Token]:
    depth, after_value = 0, False
    for match in _TOKEN.finditer(text):
        if match["skip"]:
            continue
        depth -= bool(match["close"])
        yield _Token(match[0], match.start(), match.end(), depth, after_value)
        depth += bool(match["open"])
        after_value = bool(match["close"]) or (bool(match["word"]) and match[0] != "in")


def _bare(text: str) -> str:
    """Return a text without the space and the parentheses around all of it."""
    text = text.strip()
    while text.startswith("(") and _one_pair(text):
        text = text[1:-1].strip()
    return text


def _one_pair(text: str) -> bool:
    closing = next((token for token in _tokens(text) if token.text == ")" and token.depth == 0), None)
    return closing is not None and closing.end == len(text)
