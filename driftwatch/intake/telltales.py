"""What is to be asked of each of many texts, found in one look over all of them as one string of ASCII.

Of the whole string only the characters that may tell stand out (digits, signs, a few letters), with their places; what
stands around those decides, in a handful of steps over arrays, however many texts there are.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from driftwatch.intake.asking import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    Places = npt.NDArray[np.intp]
    Bytes = npt.NDArray[np.uint8]
    Truths = npt.NDArray[np.bool_]

END = "\0"
"""Between two texts."""

_ROOM = 8  # bytes around the whole, so that what stands near its ends has neighbours too
_TELLING = bytes(byte in b"\x000123456789@:=-_.AJ" for byte in range(256))
_MOST_GAP = 3  # characters between two digits of a number
_FEWEST_DIGITS = 7
_SHORTEST_DOTTED, _LONGEST_DOTTED = 4, 8  # from the first to the third dot of an address
_LONGEST_COLONED = 5  # between two colons of one
_DASHES = 5  # before the name of a key


class _Found(NamedTuple):
    """A character that tells: all its places, and in which text each is."""

    places: Places
    texts: Places


def asked_of_all(bodies: Sequence[str]) -> list[int] | None:
    """Return what is to be asked of each text, as a sum of ``Ask``; None where a text holds what ends one.

    Args:
        bodies: of ASCII alone.
    """
    whole = END.join(bodies).encode("ascii")
    room = bytes(_ROOM)
    held = np.frombuffer(room + whole + room, np.uint8)
    telling = np.frombuffer(whole.translate(_TELLING), np.bool_)
    places = np.flatnonzero(telling) + _ROOM
    signs = held[places]
    ends = signs == 0
    if int(np.count_nonzero(ends)) != len(bodies) - 1:
        return None
    asked = np.zeros(len(bodies), np.int64)
    for ask, texts in _questions(held, signs, _Found(places, np.cumsum(ends))):
        if len(texts):
            asked[texts] |= int(ask)
    _ask_bearers(whole, places[ends] - _ROOM, asked)
    found: list[int] = asked.tolist()
    return found


def _questions(held: Bytes, signs: Bytes, all_found: _Found) -> Iterator[tuple[Ask, Places]]:
    """Yield every question with the texts it is asked of."""
    digits = _where(all_found, (signs >= ord("0")) & (signs <= ord("9")))
    yield Ask.NUMBER, _within(digits, _FEWEST_DIGITS - 1, most=(_FEWEST_DIGITS - 1) * (_MOST_GAP + 1))
    dots = _where(all_found, signs == ord("."))
    yield Ask.DOTS, _within(dots, 2, least=_SHORTEST_DOTTED, most=_LONGEST_DOTTED)
    colons = _where(all_found, signs == ord(":"))
    coloned = _within(colons, 1, most=_LONGEST_COLONED)
    yield Ask.COLONS, coloned[np.isin(coloned, digits.texts)]  # by its form "::" alone is an address
    at = _where(all_found, signs == ord("@"))
    yield Ask.EMAIL, at.texts
    signed = _where(all_found, (signs == ord(":")) | (signs == ord("=")))
    yield Ask.SIGN, signed.texts[_after_a_name(held, signed.places)]
    dashes = _where(all_found, signs == ord("-"))
    yield Ask.DASH, dashes.texts[_after_any(held, dashes.places, b"sk", b"pat", b"xox?")]
    yield Ask.DASH, _within(dashes, _DASHES - 1, most=_DASHES - 1)
    lines = _where(all_found, signs == ord("_"))
    yield Ask.UNDERSCORE, lines.texts[_after_any(held, lines.places, b"sk", b"rk", b"gh?", b"pat")]
    yield Ask.J, _where(all_found, signs == ord("J")).texts
    capitals = _where(all_found, signs == ord("A"))
    after = held[capitals.places + 1]
    yield Ask.A, capitals.texts[(after == ord("K")) | (after == ord("S")) | (after == ord("I"))]


def _where(found: _Found, wanted: Truths) -> _Found:
    return _Found(found.places[wanted], found.texts[wanted])


def _within(found: _Found, steps: int, *, most: int, least: int = 0) -> Places:
    """Return the texts in which so many steps from one to a later one come to no more, and no less, characters."""
    if len(found.places) <= steps:
        return found.texts[:0]
    far = found.places[steps:] - found.places[:-steps]
    return found.texts[steps:][(far <= most) & (far >= least) & (found.texts[steps:] == found.texts[:-steps])]


def _after_any(held: Bytes, places: Places, *words: bytes) -> Truths:
    """Return whether one of the words stands before each place; a question mark is any character."""
    before = [held[places - back] for back in range(1, 1 + max(map(len, words)))]
    found = np.zeros(len(places), np.bool_)
    for word in words:
        this = np.ones(len(places), np.bool_)
        for back, letter in enumerate(reversed(word)):
            if letter != ord("?"):
                this &= before[back] == letter
        found |= this
    return found


def _after_a_name(held: Bytes, places: Places) -> Truths:
    """Return whether what stands before each sign ends as names of secrets do: key, token, secret, passw(or)d, pwd."""
    passed = _passed()
    near = places - passed[held[places - 1]]
    near -= passed[held[near - 1]]
    last, but_one = held[near - 1], held[near - 2] | 0x20
    lowered = last | 0x20
    ends = ((lowered == ord("y")) | (lowered == ord("n")) | (lowered == ord("t"))) & (but_one == ord("e"))
    ends |= (lowered == ord("d")) & ((but_one == ord("r")) | (but_one == ord("w")))
    return ends | passed[last]  # more than two signs: who knows


@cache
def _passed() -> Truths:
    """Return which characters may stand between a name and its sign."""
    return np.array([chr(byte).isspace() or chr(byte) in "\"'" for byte in range(256)])


def _ask_bearers(whole: bytes, ends: Places, asked: npt.NDArray[np.int64]) -> None:
    lowered = whole.lower()
    at = lowered.find(b"bearer ")
    while at >= 0:
        asked[int(np.searchsorted(ends, at))] |= int(Ask.BEARER)
        at = lowered.find(b"bearer ", at + 1)
