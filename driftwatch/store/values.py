"""Between rows and values: typed values as JSON text, moments as microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def dump(value: object) -> str:
    """Return the value as JSON."""
    return msgspec.json.encode(value).decode()


def load(text: str, kind: type[T]) -> T:
    """Return the value that ``dump`` wrote."""
    return msgspec.json.decode(text, type=kind)


def micros(at: datetime) -> int:
    """Return microseconds since 1970 in UTC.

    Raises:
        ValueError: the moment has no time zone.
    """
    if at.tzinfo is None:
        raise ValueError("a moment without a time zone cannot be stored")
    return (at - _EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    """Return the moment in UTC."""
    return _EPOCH + stored * _MICROSECOND
