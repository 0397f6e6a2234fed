"""What a variable is in window after window, in a line: ``0 x5 0.2+0.05 x3 _ x2 1``."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

from driftwatch.policy.mistakes import ExpressionError
from driftwatch.policy.variables import Kind

if TYPE_CHECKING:
    from driftwatch.policy.variables import Value, Variable

LONGEST = 10_000
"""Windows of a case."""

_NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ITEM = re.compile(
    rf"""\s*(?:
        (?P<number>{_NUMBER})(?P<step>[+-](?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)?
      | (?P<gap>_)
      | (?P<word>[A-Za-z][A-Za-z-]*?)
    )(?:\s*x(?P<count>\d{{1,6}}))?(?=\s|$)""",
    re.VERBOSE | re.ASCII,
)
_TRUTHS = {"true": 1.0, "false": 0.0}


def parse_series(text: str, variable: Variable) -> tuple[Value | None, ...]:
    """Return a variable's values, window after window; None where it was not measured.

    Args:
        text: values with a space between: ``value xN`` for one of N windows, ``value+step xN`` for one that grows,
            ``_`` for a window in which it was not measured.
        variable: whose values; they must be of its kind.

    Raises:
        ExpressionError: what is wrong, with its column.

    Examples:
        >>> from driftwatch.policy.variables import VARIABLES
        >>> parse_series("0 x2 0.2+0.1 x3 _", VARIABLES["loss.increase"])
        (0.0, 0.0, 0.2, 0.3, 0.4, None)
        >>> parse_series("false true x2", VARIABLES["drift.alarm"])
        (0.0, 1.0, 1.0)
    """
    values: list[Value | None] = []
    place = 0
    while text[place:].strip():
        column = place + len(text[place:]) - len(text[place:].lstrip()) + 1
        match = _ITEM.match(text, place)
        if match is None:
            cure = 'write values with a space between, such as "0 x5 0.2+0.05 x3 _"'
            raise ExpressionError(
                f'"{text[column - 1 :].split(maxsplit=1)[0][:40]}" is no value', column=column, cure=cure
            )
        count = int(match["count"] or 1)
        if not 1 <= count <= LONGEST - len(values):
            raise ExpressionError(f"a case has 1 to {LONGEST:,} windows", column=column, cure="make it shorter")
        values += _values(match, count, variable, column)
        place = match.end()
    if not values:
        raise ExpressionError("there is no value", cure='write one, such as "0 x5"')
    return tuple(values)


def _values(match: re.Match[str], count: int, variable: Variable, column: int) -> list[Value | None]:
    if match["gap"]:
        return [None] * count
    if match["word"]:
        return [_word(match["word"], variable, column)] * count
    if variable.kind in (Kind.WORD, Kind.TRUTH):
        wanted = ", ".join(variable.words) or "true or false"
        raise ExpressionError(f"{variable.name} is no number", column=column, cure=f"write {wanted}")
    first, step = float(match["number"]), float(match["step"] or 0)
    # Ten digits: what people mean by 0.2+0.1 is 0.3, not what adding the two comes to.
    values = [round(first + step * number, 10) for number in range(count)]
    if variable.kind is not Kind.WHOLE:
        return list(values)
    if any(value != int(value) for value in values):
        raise ExpressionError(f"{variable.name} is a whole number", column=column, cure="write it without a point")
    return [int(value) for value in values]


def _word(word: str, variable: Variable, column: int) -> Value:
    if variable.kind is Kind.TRUTH and word in _TRUTHS:
        return _TRUTHS[word]
    if word in variable.words:
        return word
    known = variable.words or tuple(_TRUTHS) * (variable.kind is Kind.TRUTH)
    near = get_close_matches(word, known, n=1)
    cure = f'did you mean "{near[0]}"?' if near else f"write {', '.join(known) or 'a number'}"
    raise ExpressionError(f'"{word[:40]}" is never the value of {variable.name}', column=column, cure=cure)
