"""What a condition can come to over everything its variables can be: true, false, or both.

A box is what each variable may be at once: an interval, closed at both ends, or a set of words. ``reach`` cuts boxes
down to where a condition is true (or false), comparison by comparison; where it cannot cut it keeps the whole box. So
nothing left means surely never, and anything left means perhaps.

Source: interval constraint propagation, Moore, Kearfott and Cloud, Introduction to Interval Analysis (2009), chapter 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from driftwatch.domain.drift import DriftState
from driftwatch.policy.syntax import Choice, Name, Not, Number, Pair, Unknown, Word, Words, parse
from driftwatch.policy.variables import VARIABLES, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.policy.syntax import Tree

_MOST_BOXES = 64
_ALARMED = frozenset({DriftState.BENIGN_DRIFT.value, DriftState.HARMFUL_DRIFT.value})
_FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}


@dataclass(frozen=True, slots=True)
class Interval:
    """From one number to another, both included."""

    low: float
    high: float


Domain: TypeAlias = "Interval | frozenset[str]"
Box: TypeAlias = "Mapping[str, Domain]"

_ANYTHING = Interval(-math.inf, math.inf)


def never(text: str) -> bool:
    """Say whether a condition can be true of no window.

    Examples:
        >>> never("drift.new_share > 1.5"), never("drift.new_share > 0.5")
        (True, False)
    """
    return not reach(parse(text), _everything(), want=True)


def always(text: str) -> bool:
    """Say whether a condition is true of every window in which its variables are measured.

    Examples:
        >>> always("drift.new_share < 1.5 || drift.alarm"), always("drift.new_share < 0.5")
        (True, False)
    """
    return not reach(parse(text), _everything(), want=False)


def implies(text: str, other: str) -> bool:
    """Say whether a condition is true of no window of which another is not.

    Examples:
        >>> implies("loss.increase > 0.1", "loss.increase > 0.05 || drift.alarm")
        True
    """
    return not reach(Pair("&&", parse(text), Not(parse(other))), _everything(), want=True)


def excludes(text: str, other: str) -> bool:
    """Say whether two conditions are never true of the same window."""
    return not reach(Pair("&&", parse(text), parse(other)), _everything(), want=True)


def reach(tree: Tree, box: Box, *, want: bool) -> list[Box]:
    """Return the parts of a box in which a condition may be true, or false; none where it surely is not."""
    parts: list[Box] = [box]
    match tree:
        case Not(inner):
            parts = reach(inner, box, want=not want)
        case Pair("&&" | "||" as sign, left, right) if (sign == "&&") is want:
            parts = [part for one in reach(left, box, want=want) for part in reach(right, one, want=want)]
        case Pair("&&" | "||", left, right):
            parts = [*reach(left, box, want=want), *reach(right, box, want=want)]
        case Choice(when, this, that):
            parts = [part for one in reach(when, box, want=True) for part in reach(this, one, want=want)]
            parts += [part for one in reach(when, box, want=False) for part in reach(that, one, want=want)]
        case Pair("in", Name(name), Words(values)):
            parts = _words(box, name, values, among=want)
        case Pair(sign, left, right) if sign in _FLIPPED:
            parts = _compared(sign if want else _OPPOSITE[sign], left, right, box)
        case Name(name) if name in VARIABLES and VARIABLES[name].kind is Kind.TRUTH:
            parts = _cut(box, name, Interval(float(want), float(want)))
        case Number(value):
            parts = [box] if bool(value) is want else []
    return parts if len(parts) <= _MOST_BOXES else [box]  # too many to follow: the whole may hold any of them


@cache
def _everything() -> Box:
    """Return what every variable can be."""
    return {
        variable.name: frozenset(variable.words)
        if variable.kind is Kind.WORD
        else Interval(variable.low, variable.high)
        for variable in VARIABLES.values()
    }


def _compared(sign: str, left: Tree, right: Tree, box: Box) -> list[Box]:
    if isinstance(right, Name) and not isinstance(left, Name):
        sign, left, right = _FLIPPED[sign], right, left
    if isinstance(left, Name) and isinstance(right, Word):
        return _words(box, left.name, frozenset({right.value}), among=sign == "==") if sign in ("==", "!=") else [box]
    one, other = _interval(left, box), _interval(right, box)
    if one is None or other is None:
        return [box]
    if not _possible(sign, one, other):
        return []
    if isinstance(left, Name) and other.low == other.high and sign != "!=":
        return _cut(box, left.name, _bound(sign, other.low, whole=VARIABLES[left.name].kind is not Kind.DECIMAL))
    return [box]


def _possible(sign: str, one: Interval, other: Interval) -> bool:
    match sign:
        case "<":
            return one.low < other.high
        case "<=":
            return one.low <= other.high
        case ">":
            return one.high > other.low
        case ">=":
            return one.high >= other.low
        case "==":
            return one.low <= other.high and other.low <= one.high
        case _:
            return not one.low == one.high == other.low == other.high


def _bound(sign: str, limit: float, *, whole: bool) -> Interval:
    """Return the numbers that a comparison with a limit leaves."""
    above = math.floor(limit) + 1.0 if whole and math.isfinite(limit) else math.nextafter(limit, math.inf)
    below = math.ceil(limit) - 1.0 if whole and math.isfinite(limit) else math.nextafter(limit, -math.inf)
    return {
        "<": Interval(-math.inf, below),
        "<=": Interval(-math.inf, limit),
        ">": Interval(above, math.inf),
        ">=": Interval(limit, math.inf),
        "==": Interval(limit, limit),
    }[sign]


def _cut(box: Box, name: str, to: Interval) -> list[Box]:
    present = box.get(name, _ANYTHING)
    if not isinstance(present, Interval):
        return [box]
    low, high = max(present.low, to.low), min(present.high, to.high)
    return _agreeing({**box, name: Interval(low, high)}) if low <= high else []


def _words(box: Box, name: str, words: frozenset[str], *, among: bool) -> list[Box]:
    present = box.get(name)
    if not isinstance(present, frozenset):
        return [box]
    left = present & words if among else present - words
    return _agreeing({**box, name: left}) if left else []


def _agreeing(box: dict[str, Domain]) -> list[Box]:
    """Bring alarm and state in line: the state of a window says whether an alarm is in force."""
    alarm, states = box["drift.alarm"], box["drift.state"]
    if not isinstance(alarm, Interval) or not isinstance(states, frozenset):
        return [box]
    kept = frozenset(state for state in states if alarm.low <= float(state in _ALARMED) <= alarm.high)
    if not kept:
        return []
    alarms = {float(state in _ALARMED) for state in kept}
    return [{**box, "drift.state": kept, "drift.alarm": Interval(min(alarms), max(alarms))}]


def _interval(tree: Tree, box: Box) -> Interval | None:
    """Return what a number can be; None for what is none."""
    match tree:
        case Number(value):
            return Interval(value, value)
        case Name(name):
            found = box.get(name)
            return found if isinstance(found, Interval) else None
        case Pair("+" | "-" | "*" | "/" as sign, left, right):
            one, other = _interval(left, box), _interval(right, box)
            return _calculated(sign, one, other) if one is not None and other is not None else None
        case Choice(_, this, that):
            one, other = _interval(this, box), _interval(that, box)
            return Interval(min(one.low, other.low), max(one.high, other.high)) if one and other else None
        case Pair() | Unknown() | Not() | Word() | Words():
            return None


def _calculated(sign: str, one: Interval, other: Interval) -> Interval:
    if sign == "+":
        return _clean(one.low + other.low, one.high + other.high)
    if sign == "-":
        return _clean(one.low - other.high, one.high - other.low)
    if sign == "/":
        if other.low <= 0 <= other.high or not (math.isfinite(other.low) and math.isfinite(other.high)):
            return _ANYTHING
        other = Interval(1 / other.high, 1 / other.low)
    products = [_times(a, b) for a in (one.low, one.high) for b in (other.low, other.high)]
    return _clean(min(products), max(products))


def _times(one: float, other: float) -> float:
    return 0.0 if one == 0 or other == 0 else one * other


def _clean(low: float, high: float) -> Interval:
    return Interval(-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high)
