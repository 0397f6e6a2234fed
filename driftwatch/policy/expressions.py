"""Conditions: CEL, typed when read, bounded in cost, total when evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from driftwatch.policy.grammar import comparisons, names
from driftwatch.policy.mistakes import ExpressionError, check_words, explain
from driftwatch.policy.variables import VARIABLES, Kind, Value, absent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cel_expr_python import cel

LONGEST = 2_000
"""Characters of a condition; longer ones are refused."""

_MOST_COMPARISONS = 20
_PLACE = re.compile(r"<input>:(\d+):(\d+): (.*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One comparison inside a condition, with the figures it saw.

    Args:
        text: as written.
        figures: value of each variable in it.
        holds: None where it could not be evaluated.
    """

    text: str
    figures: Mapping[str, Value]
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a condition came to.

    Args:
        value: None where it is neither true nor false, which never triggers.
        problem: why it is neither.
        comparisons: its parts with their figures.
    """

    value: bool | None
    problem: str | None = None
    comparisons: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Expression:
    """A condition ready to be evaluated.

    Args:
        text: as written.
        variables: names it looks at.
        parts: its comparisons, each a condition of its own; empty for a comparison itself.
    """

    text: str
    variables: tuple[str, ...]
    parts: tuple[Expression, ...]
    _program: cel.Expression = field(repr=False)

    def evaluate(self, variables: Mapping[str, Value]) -> Evaluation:
        """Return true, false or, with the problem, neither; never raises."""
        value, problem = self._value(variables)
        if len(self.parts) == 1 and self.parts[0].text == self.text:
            return Evaluation(value=value, problem=problem, comparisons=(self._compared(variables, value),))
        seen = tuple(part.compare(variables) for part in self.parts)
        return Evaluation(value=value, problem=problem, comparisons=seen)

    def compare(self, variables: Mapping[str, Value]) -> Comparison:
        """Evaluate this part on its own, with its figures."""
        return self._compared(variables, self._value(variables)[0])

    def _compared(self, variables: Mapping[str, Value], holds: bool | None) -> Comparison:
        figures = {name: variables[name] for name in self.variables if not absent(variables.get(name))}
        return Comparison(text=self.text, figures=figures, holds=holds)

    def _value(self, variables: Mapping[str, Value]) -> tuple[bool | None, str | None]:
        """Return true or false, or neither and why."""
        missing = [name for name in self.variables if absent(variables.get(name))]
        if missing:
            return None, f"not measured: {', '.join(missing)}"
        try:
            value = self._program.eval(data={name: _typed(name, variables[name]) for name in self.variables}).value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            return None, _first_line(error)
        return (value, None) if value is True or value is False else (None, _first_line(value))


def compile_expression(text: str) -> Expression:
    """Read a condition.

    Raises:
        ExpressionError: what is wrong, at which line and column of the text, and the cure.
    """
    program = _program(text)
    check_words(text)
    parts = (_part(piece) for piece in comparisons(text)[:_MOST_COMPARISONS])
    return Expression(
        text=text,
        variables=names(text),
        parts=tuple(part for part in parts if part is not None),
        _program=program,
    )


def any_of(conditions: Sequence[Expression]) -> Expression:
    """Return the condition that is false only where each of these is, for one evaluation instead of many."""
    text = " || ".join(f"({text}\n)" for text in dict.fromkeys(each.text for each in conditions)) or "false"
    known = dict.fromkeys(name for each in conditions for name in each.variables)
    return Expression(text=text, variables=tuple(known), parts=(), _program=_environment().compile(text))


def value_of(text: str, variables: Mapping[str, Value]) -> tuple[Value | bool | None, str | None]:
    """Return what any part of a condition came to, or None and why; never raises.

    Args:
        text: of an expression of any kind.
        variables: those that are known.
    """
    looked_at = names(text)
    missing = [name for name in looked_at if absent(variables.get(name))]
    if missing:
        return None, f"not measured: {', '.join(missing)}"
    try:
        program = _environment().compile(text)
        value = program.eval(data={name: _typed(name, variables[name]) for name in looked_at}).value()
    except (RuntimeError, ValueError, TypeError, OverflowError) as error:
        return None, _first_line(error)
    return (value, None) if isinstance(value, bool | int | float | str) else (None, _first_line(value))


def _part(text: str) -> Expression | None:
    try:
        return Expression(text=text, variables=names(text), parts=(), _program=_program(text))
    except ExpressionError:
        return None


def _program(text: str) -> cel.Expression:
    if len(text) > LONGEST:
        raise ExpressionError(
            f"the condition has {len(text):,} characters; {LONGEST:,} are the limit", cure="shorten it"
        )
    if not text.strip():
        raise ExpressionError("the condition is empty", cure='write one, such as "loss.increase > 0.05"')
    try:
        program = _environment().compile(text)
        kind = program.return_type().name()
    except (RuntimeError, ValueError, TypeError) as error:
        raise _mistake(text, error) from None
    if kind != "BOOL":
        raise ExpressionError(
            f"the condition gives {_KINDS.get(kind, kind.lower())}, not true or false",
            cure='compare it with a limit, such as "loss.increase > 0.05"',
        )
    return program


_KINDS = {"DOUBLE": "a number", "INT": "a number", "UINT": "a number", "STRING": "a text", "DYN": "anything"}


def _mistake(text: str, error: Exception) -> ExpressionError:
    found = _PLACE.search(str(error))
    if found is None:
        return ExpressionError(f"the condition cannot be read: {_first_line(error)}", cure="simplify it")
    return explain(text, line=int(found[1]), column=int(found[2]), message=found[3])


@cache
def _environment() -> cel.Env:
    from cel_expr_python import cel

    kinds = {
        Kind.DECIMAL: cel.Type.DOUBLE,
        Kind.WHOLE: cel.Type.INT,
        Kind.TRUTH: cel.Type.BOOL,
        Kind.WORD: cel.Type.STRING,
    }
    return cel.NewEnv(variables={variable.name: kinds[variable.kind] for variable in VARIABLES.values()})


def _typed(name: str, value: Value) -> Value | bool:
    kind = VARIABLES[name].kind
    if kind is Kind.WORD or isinstance(value, str):
        return value
    if kind is Kind.TRUTH:
        return bool(value)
    if kind is Kind.DECIMAL:
        return float(value)
    whole = int(value)
    if whole != value:
        raise ValueError(f"{name} is {value}, which is no whole number")
    return whole


def _first_line(problem: object) -> str:
    return (str(problem).splitlines() or ["no reason given"])[0].removeprefix("INVALID_ARGUMENT: ")[:200]
