"""Values of a database's columns as words of a cursor, and back."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from driftwatch.domain.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = int | float | str | datetime | date | Decimal | UUID

_READ: Mapping[str, Callable[[str], Value]] = {
    "int": int,
    "float": float,
    "str": str,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "decimal": Decimal,
    "uuid": UUID,
}


def packed(value: Value) -> tuple[str, str]:
    """Return a value's kind and words.

    Raises:
        DataError: it is of a kind that has no order we know.

    Examples:
        >>> packed(7)
        ('int', '7')
    """
    kind = type(value).__name__.lower()
    if kind not in _READ:
        raise DataError(
            f"a column of {kind} cannot say how far it was read", cure="name a column of numbers, times or words"
        )
    return kind, value.isoformat() if isinstance(value, date) else str(value)


def unpacked(words: tuple[str, str]) -> Value:
    """Return the value again."""
    kind, said = words
    return _READ[kind](said)
