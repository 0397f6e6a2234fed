"""What is wrong with a condition or a policy file, in words that help: place, line with caret, cure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from driftwatch.domain.errors import PolicyError
from driftwatch.policy.variables import RESERVED, VARIABLES, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_QUOTED = re.compile(r"""(["'])(.*?)\1""")
_LITERAL_AFTER = re.compile(r"[^\w\s-]*\s*(-?\d+)(?![\w.])")
_LITERAL_BEFORE = re.compile(r"(?<![\w.])(\d+)\s*$")
_ROUND_AFTER = re.compile(r"[^\w\s-]*\s*(-?\d+)\.0+(?![\w.])")
_ROUND_BEFORE = re.compile(r"(?<![\w.])(\d+)\.0+\s*$")
_NAME_AFTER = re.compile(r"[^\w\s-]*\s*([a-z][\w.]*)")
_NAME_BEFORE = re.compile(r"([a-z][\w.]*)\s*$")


class ExpressionError(PolicyError):
    """A condition cannot be used as it is written.

    Args:
        what: what is wrong.
        line: of the condition's own text, from 1.
        column: in that line, from 1.
        cure: what to write instead.
    """

    def __init__(self, what: str, *, line: int = 1, column: int = 1, cure: str | None = None) -> None:
        super().__init__(what, where=f"{line}:{column}", cure=cure)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong in a policy file.

    Args:
        what: in one clause.
        where: ``file:line:column``, or the file alone.
        cure: what to do about it.
        excerpt: the line with a caret under the place; empty where there is none.
    """

    what: str
    where: str
    cure: str | None = None
    excerpt: str = ""

    def __str__(self) -> str:
        """Return place, what, cure, and the line with its caret."""
        cure = f" ({self.cure})" if self.cure else ""
        return f"{self.where}: {self.what}{cure}" + (f"\n{self.excerpt}" if self.excerpt else "")


class MistakesError(PolicyError):
    """Policy files cannot be used as they are written; ``mistakes`` holds everything found."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        first = mistakes[0]
        super().__init__(first.what, where=first.where, cure=first.cure)
        self.mistakes = tuple(mistakes)

    def __str__(self) -> str:
        """Return every mistake with its excerpt."""
        return "\n".join(str(mistake) for mistake in self.mistakes)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most like the given one, if any is."""
    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)


def explain(text: str, *, line: int, column: int, message: str) -> ExpressionError:
    """Turn the compiler's message into one for the rule's author."""
    unknown = re.search(r"undeclared reference to '([^']*)'", message)
    if unknown:
        return _unknown(text, unknown[1], line=line, column=column)
    mixed = re.search(r"no matching overload for '([^']*)' applied to '\((.*)\)'", message)
    if mixed:
        return _mixed(text, mixed[2], line=line, column=column)
    return _unreadable(message, line=line, column=column)


def check_words(text: str) -> None:
    """Refuse a word that no variable of the condition can be: it would never be equal.

    Raises:
        ExpressionError: with the word that was meant.
    """
    words = [word for variable in VARIABLES.values() if variable.name in text for word in variable.words]
    for match in _QUOTED.finditer(text) if words else ():
        word = match[2]
        if word not in words:
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - (text.rfind("\n", 0, match.start()) + 1) + 1
            near = nearest(word, words)
            cure = f'did you mean "{near}"?' if near else f"known are {', '.join(words)}"
            raise ExpressionError(f'"{word[:80]}" is never the value', line=line, column=column, cure=cure)


def _unknown(text: str, name: str, *, line: int, column: int) -> ExpressionError:
    found = [m.start() + 1 for m in re.finditer(re.escape(name), (text.splitlines() or [""])[line - 1])]
    column = max((start for start in found if start <= column), default=column)
    if name in RESERVED:
        return ExpressionError(f'"{name}" is not measured yet', line=line, column=column, cure=RESERVED[name])
    members = [known for known in VARIABLES if known.startswith(f"{name}.")]
    if members:
        cure = f"write one of {', '.join(members)}"
        return ExpressionError(f'"{name}" is a group of variables', line=line, column=column, cure=cure)
    near = nearest(name, VARIABLES)
    cure = f'did you mean "{near}"?' if near else f"known are {', '.join(VARIABLES)}"
    return ExpressionError(f'unknown variable "{name[:80]}"', line=line, column=column, cure=cure)


def _mixed(text: str, kinds: str, *, line: int, column: int) -> ExpressionError:
    found = kinds.split(", ")
    if sorted(found) != ["double", "int"]:
        return ExpressionError(
            f"this cannot be done with ({_in_words(kinds)})", line=line, column=column, cure=_fit(found)
        )
    source = text.splitlines()[line - 1]
    what = "a decimal number meets a whole number; the two are never compared"
    return ExpressionError(what, line=line, column=column, cure=_alike(source, column))


def _alike(source: str, column: int) -> str:
    """Return how to make both sides of an operator of one kind."""
    literal = _LITERAL_AFTER.match(source, column - 1) or _LITERAL_BEFORE.search(source[: column - 1])
    if literal:
        return f'write "{literal[1]}.0" instead of "{literal[1]}"'
    left, right = _NAME_BEFORE.search(source[: column - 1]), _NAME_AFTER.match(source, column - 1)
    count = next((each[1] for each in (left, right) if each and _is_whole(each[1])), None)
    round_ = _ROUND_AFTER.match(source, column - 1) or _ROUND_BEFORE.search(source[: column - 1])
    if count is not None and round_:
        return f'write "{round_[1]}" instead of "{round_[1]}.0"'
    if count is not None:
        return f'write "double({count})" instead of "{count}"'
    counts = [variable.name for variable in VARIABLES.values() if variable.kind is Kind.WHOLE]
    return f"write whole numbers without a decimal point beside {' and '.join(counts)}, or wrap them in double(…)"


def _is_whole(name: str) -> bool:
    return name in VARIABLES and VARIABLES[name].kind is Kind.WHOLE


def _in_words(kinds: str) -> str:
    words = kinds.replace("double", "decimal number").replace("int", "whole number")
    return words.replace("bool", "true or false").replace("string", "word")


_CHOICE_KINDS = 3


def _fit(kinds: list[str]) -> str | None:
    if len(kinds) == _CHOICE_KINDS:
        return 'both sides of "? :" must be of one kind, such as 0.05 and 0.1'
    if any(kind.startswith("list(") for kind in kinds):
        return 'a list holds values of the same kind, such as drift.state in ["stable", "silent-decay"]'
    if "bool" in kinds:
        return 'true or false needs no comparison: write "drift.alarm" or "!drift.alarm"'
    return 'a word is compared with words: drift.state == "harmful-drift"' if "string" in kinds else None


_CURES = {
    "and": 'write "&&" for and',
    "or": 'write "||" for or',
    "not": 'write "!" for not',
    "=": 'write "==" for equal',
    "=>": 'write ">=" for at least',
    "=<": 'write "<=" for at most',
    ",": "write decimals with a point",
    "&": 'write "&&" for and',
    "|": 'write "||" for or',
    "#": 'a "#" has no place in a condition',
    **dict.fromkeys(("s", "m", "h", "d", "w"), "ages are decimal seconds: write 86400.0 for a day"),
}


def _unreadable(message: str, *, line: int, column: int) -> ExpressionError:
    token = re.search(r"(?:input|at:|at) '(.[^']*)'?", message)
    if token is None and "token recognition" in message:
        return ExpressionError("a character is not expected here", line=line, column=column)
    if token is None:
        return ExpressionError(f"the condition cannot be read: {message[:120]}", line=line, column=column)
    if token[1] == "<EOF>":
        return ExpressionError("the condition ends too early", line=line, column=column, cure="finish it")
    found = token[1].strip()[:40]
    cure = _CURES.get(found, "see docs/policies.md for the operators")
    return ExpressionError(f'"{found}" is not expected here', line=line, column=column, cure=cure)
