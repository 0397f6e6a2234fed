"""Protobuf's wire format, looked into before objects are made of it: where fields are, and how many there are.

An empty message costs two bytes on the wire and a hundred in memory, so a body's size says little of what it becomes.

Source: "Encoding", protobuf.dev; its groups, which nothing here has, are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

Nesting = dict[int, "Nesting"]
"""Numbers of the fields that hold messages, and of those in them; a message may hold itself."""

_LONGEST_VARINT = 10
_DEEPEST = 100
"""As deep as protobuf itself goes."""

_BROKEN = "a field of it ends after what holds it"


class TooMuchError(ValueError):
    """What would become far more in memory than it is in bytes."""


@dataclass(slots=True)
class Allowance:
    """How much may still be taken.

    Args:
        left: so much.
        named: what is counted, for people.
    """

    left: int
    named: str

    def take(self, count: int = 1) -> None:
        """Count something.

        Raises:
            TooMuchError: it is more than was left.
        """
        self.left -= count
        if self.left < 0:
            raise TooMuchError(f"it has too many {self.named}")


def sized_fields(content: bytes, begin: int, end: int, allowance: Allowance) -> Iterator[tuple[int, int, int]]:
    """Yield number, begin and end of every field of a message that has a length; the others are passed over.

    Args:
        content: holds the message.
        begin: of the message, in bytes.
        end: of the message, in bytes.
        allowance: of fields, of every kind.

    Raises:
        ValueError: it is no message.
        TooMuchError: there are more fields than allowed.
    """
    at = begin
    while at < end:
        allowance.take()
        key = content[at]
        at += 1
        if key >= 1 << 7:
            key, at = _varint(content, at - 1, end)
        match key & 7:
            case 2:
                size, at = _varint(content, at, end)
                if size > end - at:
                    raise ValueError(_BROKEN)
                yield key >> 3, at, at + size
                at += size
            case 0:
                _, at = _varint(content, at, end)
            case 1:
                at += 8
            case 5:
                at += 4
            case other:
                raise ValueError(f"a field of it has the unknown type {other}")
    if at > end:
        raise ValueError(_BROKEN)


def count_fields(content: bytes, begin: int, end: int, nesting: Nesting, allowance: Allowance) -> None:
    """Count the fields of a message and of all those in it.

    Raises:
        ValueError: it is no message.
        TooMuchError: there are more fields than allowed.
    """
    open_ = [(nesting, sized_fields(content, begin, end, allowance))]
    while open_:
        numbers, fields = open_[-1]
        for number, at, until in fields:
            if (inner := numbers.get(number)) is not None:
                if len(open_) == _DEEPEST:
                    raise ValueError("messages in it are too deep in one another")
                open_.append((inner, sized_fields(content, at, until, allowance)))
                break
        else:
            open_.pop()


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and where it ends."""
    value = shift = 0
    for place in range(at, min(end, at + _LONGEST_VARINT)):
        byte = content[place]
        value |= (byte & 0x7F) << shift
        if byte < 1 << 7:
            return value, place + 1
        shift += 7
    raise ValueError(_BROKEN)
