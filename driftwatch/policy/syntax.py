"""A condition as a tree, for reasoning about all windows at once; evaluating one window is CEL's own business.

What this grammar does not know becomes ``Unknown``, of which nothing is claimed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
  | (?P<text>"(?:[^"\\\n])*"|'(?:[^'\\\n])*')
  | (?P<name>[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*)
  | (?P<sign>&&|\|\||[<>=!]=|[<>!+\-*/%?:()\[\],])
    """,
    re.VERBOSE | re.ASCII,
)
_DEEPEST = 40


@dataclass(frozen=True, slots=True)
class Name:
    """A variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number, or true or false as 1 or 0."""

    value: float


@dataclass(frozen=True, slots=True)
class Word:
    """A quoted word."""

    value: str


@dataclass(frozen=True, slots=True)
class Words:
    """A list of quoted words."""

    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    inner: Tree


@dataclass(frozen=True, slots=True)
class Pair:
    """Two sides and what joins them: ``&&``, ``||``, a comparison, ``in`` or arithmetic."""

    sign: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Choice:
    """One side or the other, by a condition."""

    when: Tree
    this: Tree
    that: Tree


@dataclass(frozen=True, slots=True)
class Unknown:
    """What this grammar does not know."""


Tree: TypeAlias = "Name | Number | Word | Words | Not | Pair | Choice | Unknown"


class _UnknownSyntaxError(Exception):
    pass


@lru_cache(maxsize=1_024)
def parse(text: str) -> Tree:
    """Return a condition's tree; ``Unknown`` as a whole where it goes beyond this grammar.

    Examples:
        >>> parse("drift.new_share > 0.5")
        Pair(sign='>', left=Name(name='drift.new_share'), right=Number(value=0.5))
    """
    try:
        reader = _Reader(_tokens(text))
        tree = reader.choice(0)
        reader.end()
    except _UnknownSyntaxError:
        return Unknown()
    return tree


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _UnknownSyntaxError
        if match.lastgroup not in (None, "space"):
            found.append((str(match.lastgroup), match[0]))
        position = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise _UnknownSyntaxError

    def choice(self, depth: int) -> Tree:
        if depth > _DEEPEST:
            raise _UnknownSyntaxError
        when = self._either(depth)
        if not self._take("?"):
            return when
        this = self.choice(depth + 1)
        self._need(":")
        return Choice(when, this, self.choice(depth + 1))

    def _either(self, depth: int) -> Tree:
        return self._joined(depth, {"||"}, self._both)

    def _both(self, depth: int) -> Tree:
        return self._joined(depth, {"&&"}, self._compared)

    def _compared(self, depth: int) -> Tree:
        return self._joined(depth, {"<", "<=", ">", ">=", "==", "!=", "in"}, self._sum)

    def _sum(self, depth: int) -> Tree:
        return self._joined(depth, {"+", "-"}, self._product)

    def _product(self, depth: int) -> Tree:
        return self._joined(depth, {"*", "/", "%"}, self._single)

    def _joined(self, depth: int, signs: set[str], part: Callable[[int], Tree]) -> Tree:
        left = part(depth)
        while (sign := self._peek()) in signs:
            self._at += 1
            left = Pair(str(sign), left, part(depth))
        return left

    def _single(self, depth: int) -> Tree:
        if depth > _DEEPEST:
            raise _UnknownSyntaxError
        if self._take("!"):
            return Not(self._single(depth + 1))
        if self._take("-"):
            return Pair("-", Number(0.0), self._single(depth + 1))
        if self._take("("):
            inner = self.choice(depth + 1)
            self._need(")")
            return inner
        if self._take("["):
            return self._list()
        return self._leaf(depth)

    def _leaf(self, depth: int) -> Tree:
        kind, text = self._next()
        if kind == "number":
            return Number(float(text))
        if kind == "text":
            return Word(text[1:-1])
        if kind == "name" and text in ("true", "false"):
            return Number(float(text == "true"))
        if kind == "name" and self._peek() == "(" and text == "double":
            return self._single(depth + 1)
        if kind == "name" and self._peek() not in ("(", "["):
            return Name(re.sub(r"\s", "", text))
        raise _UnknownSyntaxError

    def _list(self) -> Tree:
        words = set()
        while not self._take("]"):
            kind, text = self._next()
            if kind != "text":
                raise _UnknownSyntaxError
            words.add(text[1:-1])
            if self._peek() != "]":
                self._need(",")
        return Words(frozenset(words))

    def _peek(self) -> str | None:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise _UnknownSyntaxError
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, sign: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            raise _UnknownSyntaxError
