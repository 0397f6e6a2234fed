"""Where many texts may hold personal data or secrets, found by looking over all of them as one string of bytes.

Each pattern begins with a sign that every match has, and looks back from there: the search leaps from one such sign to
the next. Numbers are looked for where only digits and what stands between them are left.
"""

from __future__ import annotations

import re
from enum import IntFlag
from string import digits
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Hint(IntFlag):
    """What may be in a text."""

    SECRET = 1
    EMAIL = 2
    NUMBER = 4
    ADDRESS = 8


_SECRET, _EMAIL, _NUMBER, _ADDRESS = (int(hint) for hint in Hint)
_END, _END_BYTE = "\0", b"\0"
"""Between two texts, and before the first."""

_LIKE_END = "\1"
_BETWEEN = rb"\s\x1c-\x1f\"'"  # a name and its sign
_NAMES = (b"key", b"token", b"secret", b"access", b"password", b"passwd", b"pwd")
_LONGEST_NAME = 24  # of a secret, with what stands between it and its sign
_PASSED = b" \t\n\r\v\f\x1c\x1d\x1e\x1f\"'"
_SURE = (
    (b"@", re.compile(rb"@(?<=[A-Za-z0-9._%+'-]@)"), _EMAIL),
    (b"-", re.compile(rb"-(?<=[ktabeoprs-]-)(?:(?<=\Wsk-)|(?<=glpat-)|(?<=xox[abeoprs]-)|(?=BEGIN ))"), _SECRET),
    (b"_", re.compile(rb"_(?<=[kpousrt]_)(?:(?<=\W[sr]k_)|(?<=\Wgh[pousr]_)|(?<=github_pat_))"), _SECRET),
    (b"A", re.compile(rb"A(?:(?<=AKIA)|(?<=ASIA)|(?=Iza))"), _SECRET),
    (b"J", re.compile(rb"J(?<=eyJ)"), _SECRET),
)
_NAMED = tuple(
    (
        sign,
        re.compile(
            rb"%b(?<=[yntsdYNTSD%b]%b)(?i:%b|(?<=[%b]%b))"
            % (sign, _BETWEEN, sign, b"|".join(rb"(?<=%b%b)" % (name, sign) for name in _NAMES), _BETWEEN, sign)
        ),
    )
    for sign in (b":", b"=")
)
_COLONED = re.compile(rb":(?<=[0A-Fa-f:]:)(?:%b)" % b"|".join(rb"(?<=:[0A-Fa-f]{%d}:)" % n for n in range(5)))
_ALIKE = bytes(ord("0") if chr(byte) in digits else byte for byte in range(256))
_MANY_DIGITS = re.compile(rb"0(?:[^0\0]{0,3}0){6}")
"""As many as the shortest telephone number has; cards and IBANs have more."""

_DOTTED = re.compile(rb"\.(?<=0\.)0{1,3}\.0{1,3}\.0")
_BEARER = re.compile(rb"b(?=earer )")


def told(bodies: Sequence[str]) -> list[int]:
    """Return what may be found in each text, as a sum of ``Hint``.

    Args:
        bodies: of ASCII alone; of another text this says nothing of numbers, addresses and what follows a name.
    """
    whole = _whole(bodies)
    found = [0] * len(bodies)
    for sign, pattern, hint in _SURE:
        if sign in whole:
            for text in _texts(whole, pattern):
                found[text] |= hint
    for text in _named(whole):
        found[text] |= _SECRET
    for text in _texts(whole.lower(), _BEARER):
        found[text] |= _SECRET
    figures = whole.translate(_ALIKE)
    if b"0" in figures:
        for text in _texts(figures, _MANY_DIGITS):
            found[text] |= _NUMBER
        for text in _with_addresses(figures):
            found[text] |= _ADDRESS
    return found


def _whole(bodies: Sequence[str]) -> bytes:
    whole = _END.join(("", *bodies)).encode("utf-8", "surrogatepass")
    if whole.count(_END_BYTE) == len(bodies):
        return whole
    return _whole([body.replace(_END, _LIKE_END) for body in bodies])


def _texts(whole: bytes, pattern: re.Pattern[bytes]) -> Iterator[int]:
    """Yield which text each match is in, counted from 0."""
    return _numbers(whole, (match.start() for match in pattern.finditer(whole)))


def _numbers(whole: bytes, places: Iterable[int]) -> Iterator[int]:
    text, last = -1, 0
    for place in places:
        text += whole.count(_END_BYTE, last, place)
        last = place
        yield text


def _named(whole: bytes) -> Iterator[int]:
    """Yield the texts in which a secret's name stands before a sign."""
    for sign, pattern in _NAMED:
        if sign in whole:
            places = (match.start() for match in pattern.finditer(whole))
            yield from _numbers(whole, (place for place in places if _follows_name(whole, place)))


def _follows_name(whole: bytes, place: int) -> bool:
    begin = max(place - _LONGEST_NAME, 0)
    name = whole[begin:place].rstrip(_PASSED).lower()
    return name.endswith(_NAMES) or len(name) < _LONGEST_NAME // 2 < place - begin


def _with_addresses(figures: bytes) -> Iterator[int]:
    """Yield the texts in which numbers stand between dots, or little between colons where there is a digit at all."""
    yield from _texts(figures, _DOTTED)
    if b":" in figures:
        coloned = set(_texts(figures, _COLONED))
        if coloned:
            texts = figures.split(_END_BYTE)[1:]
            yield from (text for text in coloned if b"0" in texts[text])
