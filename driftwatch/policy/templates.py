"""Labels and annotations with figures in them: ``{{ drift.new_share | percent }}``, checked when they are read.

There is nothing in them but names and filters: no loops, no calls, no texts of the stream.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from driftwatch.domain.units import format_duration
from driftwatch.policy.mistakes import ExpressionError, nearest
from driftwatch.policy.variables import VARIABLES, Kind, Value, absent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SLOT = re.compile(r"\{\{(?P<inner>.*?)\}\}", re.DOTALL)
_INNER = re.compile(r"\s*(?P<name>[A-Za-z_][\w.]*)\s*(?:\|\s*(?P<filter>\w+)\s*)?", re.ASCII)
_MOST_SLOTS = 50
_LONGEST_SECONDS = 1e10

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "stream": "the stream's name",
        "rule": "the rule's name",
        "window": "the window's number",
        "model": "the model that serves",
        "reference": "the reference in force",
        "since": "when the streak began",
        "windows": "how many windows the streak has lasted",
    }
)
"""What templates may name besides the variables."""


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _duration(value: float) -> str:
    return format_duration(timedelta(seconds=value)) if abs(value) < _LONGEST_SECONDS else "no such moment yet"


_FILTERS: Mapping[str, Callable[[float], str]] = MappingProxyType(
    {
        "percent": _percent,
        "duration": _duration,
        "whole": lambda value: f"{value:,.0f}",
        "tenths": lambda value: f"{value:,.1f}",
        "hundredths": lambda value: f"{value:,.2f}",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A figure's place.

    Args:
        name: of what stands there.
        filter: how it is written; None for as it is.
    """

    name: str
    filter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A text with figures in it.

    Args:
        text: as written.
        pieces: what stands in it, in order.
    """

    text: str
    pieces: tuple[str | Slot, ...]

    def __str__(self) -> str:
        """Return it as written."""
        return self.text

    @property
    def fixed(self) -> bool:
        """Whether it says the same of every window."""
        return not any(isinstance(piece, Slot) for piece in self.pieces)

    def render(self, values: Mapping[str, Value]) -> str:
        """Return the text with its figures; what was not measured is called unknown. Never raises."""
        return "".join(piece if isinstance(piece, str) else _written(piece, values) for piece in self.pieces)


def compile_template(text: str) -> Template:
    """Read a text with figures in it.

    Raises:
        ExpressionError: what is wrong, at which line and column of the text, and the cure.
    """
    pieces: list[str | Slot] = []
    end = 0
    for match in _SLOT.finditer(text):
        pieces += [text[end : match.start()], _slot(text, match)]
        end = match.end()
    if "{{" in text[end:]:
        raise _error(text, text.index("{{", end), 'this "{{" is never closed', 'write "}}" after the name')
    if len(pieces) > 2 * _MOST_SLOTS:
        raise ExpressionError(f"more than {_MOST_SLOTS} figures in one text", cure="write fewer")
    return Template(text=text, pieces=tuple(piece for piece in (*pieces, text[end:]) if piece != ""))


def _slot(text: str, match: re.Match[str]) -> Slot:
    start = match.start("inner")
    inner = _INNER.fullmatch(match["inner"])
    if inner is None:
        cure = 'write "{{ drift.new_share }}" or "{{ drift.new_share | percent }}"'
        raise _error(text, match.start(), "between the braces stands no name with one filter", cure)
    name, kind = inner["name"], inner["filter"]
    known = [*WORDS, *VARIABLES]
    if name not in known:
        near = nearest(name, known)
        cure = f'did you mean "{near}"?' if near else f"known are {', '.join(known)}"
        raise _error(text, start + inner.start("name"), f'unknown variable "{name[:80]}"', cure)
    if kind is not None:
        _check_filter(text, start + inner.start("filter"), name, kind)
    return Slot(name=name, filter=kind)


def _check_filter(text: str, position: int, name: str, kind: str) -> None:
    if kind not in _FILTERS:
        near = nearest(kind, _FILTERS)
        cure = f'did you mean "{near}"?' if near else f"known are {', '.join(_FILTERS)}"
        raise _error(text, position, f'unknown filter "{kind[:80]}"', cure)
    variable = VARIABLES.get(name)
    if variable is None or variable.kind in (Kind.TRUTH, Kind.WORD):
        raise _error(text, position, f'"{name}" is no number', f'write "{{{{ {name} }}}}"')
    if kind == "duration" and variable.unit != "s":
        raise _error(text, position, f'"{name}" is no time', 'use "tenths", or no filter')


def _error(text: str, position: int, what: str, cure: str) -> ExpressionError:
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1) + 1
    return ExpressionError(what, line=line, column=column, cure=cure)


def _written(slot: Slot, values: Mapping[str, Value]) -> str:
    value = values.get(slot.name)
    if value is None or absent(value):
        return "unknown"
    if isinstance(value, str):
        return value
    if slot.filter is not None:
        return _FILTERS[slot.filter](value)
    variable = VARIABLES.get(slot.name)
    if variable is not None and variable.kind is Kind.TRUTH:
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"
