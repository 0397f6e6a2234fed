"""What is to be asked of each of many texts, found in one look over all of them as one string of ASCII.

Of the whole string only the characters that may tell stand out (digits, signs, a few letters), each with what stands
before it: a table says which of these pairs are worth a closer look, and few are.
"""

from __future__ import annotations

import re
from string import ascii_letters, digits, hexdigits, whitespace
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.intake.asking import Ask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

END = "\0"
"""Between two texts."""

MAILBOX = ascii_letters + digits + "._%+'-"
"""What the name of a mailbox may end in."""

_DIGIT, _LOOK = 1, 2
_MOST_SPAN = 24
"""Characters from the first to the last of as many digits as a number has at least, three between each two."""

_DIGITS_BEFORE_LAST = 6
_LONGEST_COLONED = 5  # from one colon of an address to the next
_LONGEST_NAME = 24  # of a secret, with what stands between it and its sign
_BETWEEN = whitespace + "\x1c\x1d\x1e\x1f\"'"  # a name and its sign
_PASSED = _BETWEEN.encode()
_DOTTED = re.compile(rb"\.\d{1,3}\.\d{1,3}\.\d")
_NAMES = (b"key", b"token", b"secret", b"password", b"passwd", b"pwd")
_BEFORE_DASH = (b"sk-", b"pat-", b"-----")
_BEFORE_LINE = (b"sk_", b"rk_", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"pat_")
_KEYS = (b"AKIA", b"ASIA")
_BEARER = b"bearer "


def _pairs() -> npt.NDArray[np.uint8]:
    """Return what each character [128] asks for behind each other one [128]."""
    worth = np.zeros((128, 128), np.uint8)
    before = {
        "@": MAILBOX,
        ".": digits,
        ":": "yntdYNTD" + _BETWEEN + hexdigits + ":",
        "=": "yntdYNTD" + _BETWEEN,
        "-": "kt-abeoprs",
        "_": "kpousrt",
        "J": "y",
        "A": "I",
        "z": "I",
    }
    for sign, those in before.items():
        worth[ord(sign), [ord(each) for each in those]] = _LOOK
    worth[[ord(each) for each in digits]] = _DIGIT
    return worth


_PAIRS = _pairs()
_TELLING = bytes(bool(_PAIRS[byte & 127].any()) or byte == 0 for byte in range(256))


def asked_of_all(bodies: Sequence[str]) -> list[int] | None:
    """Return what is to be asked of each text, as a sum of ``Ask``; None where a text holds what ends one.

    Args:
        bodies: of ASCII alone.
    """
    whole = END.join(bodies).encode("ascii")
    held = np.frombuffer(b"\0" + whole, np.uint8)
    places = np.flatnonzero(np.frombuffer(whole.translate(_TELLING), np.bool_))
    signs = held[1:][places]
    ends = signs == 0
    if int(np.count_nonzero(ends)) != len(bodies) - 1:
        return None
    worth, texts = _PAIRS[signs, held[places]], np.cumsum(ends)
    asked = [0] * len(bodies)
    figures = np.flatnonzero(worth == _DIGIT)
    for text in _with_numbers(places[figures], texts[figures]):
        asked[text] = int(Ask.NUMBER)
    some = np.flatnonzero(worth == _LOOK)
    for place, text, sign in zip(places[some].tolist(), texts[some].tolist(), signs[some].tolist(), strict=True):
        asked[text] |= _ASKS[sign](whole, place)
    _ask_bearers(whole, places[ends], asked)
    return asked


def _with_numbers(places: npt.NDArray[np.intp], texts: npt.NDArray[np.intp]) -> list[int]:
    """Return the texts in which enough digits stand close enough together."""
    first = np.flatnonzero(places[_DIGITS_BEFORE_LAST:] - places[:-_DIGITS_BEFORE_LAST] <= _MOST_SPAN)
    found: list[int] = texts[first][texts[first] == texts[first + _DIGITS_BEFORE_LAST]].tolist()
    return found


def _after_dot(whole: bytes, place: int) -> int:
    return int(Ask.DOTS) if _DOTTED.match(whole, place) else 0


def _after_colon(whole: bytes, place: int) -> int:
    near = whole.rfind(b":", max(place - _LONGEST_COLONED, 0), place) >= 0
    return _after_name(whole, place) | (int(Ask.COLONS) if near else 0)


def _after_name(whole: bytes, place: int) -> int:
    begin = max(place - _LONGEST_NAME, 0)
    name = whole[begin:place].rstrip(_PASSED).lower()
    return int(Ask.SIGN) if name.endswith(_NAMES) or len(name) < _LONGEST_NAME // 2 < place - begin else 0


def _after_dash(whole: bytes, place: int) -> int:
    tail = whole[max(place - 4, 0) : place + 1]
    return int(Ask.DASH) if tail.endswith(_BEFORE_DASH) or tail[:3] == b"xox" else 0


def _after_line(whole: bytes, place: int) -> int:
    return int(Ask.UNDERSCORE) if whole[max(place - 3, 0) : place + 1].endswith(_BEFORE_LINE) else 0


_ASKS: Mapping[int, Callable[[bytes, int], int]] = {
    ord("@"): lambda _whole, _place: int(Ask.EMAIL),
    ord("."): _after_dot,
    ord(":"): _after_colon,
    ord("="): _after_name,
    ord("-"): _after_dash,
    ord("_"): _after_line,
    ord("J"): lambda whole, place: int(Ask.J) if whole[max(place - 2, 0) : place] == b"ey" else 0,
    ord("A"): lambda whole, place: int(Ask.A) if whole[max(place - 3, 0) : place + 1] in _KEYS else 0,
    ord("z"): lambda whole, place: int(Ask.A) if whole[max(place - 2, 0) : place] == b"AI" else 0,
}


def _ask_bearers(whole: bytes, ends: npt.NDArray[np.intp], asked: list[int]) -> None:
    lowered = whole.lower()
    at = lowered.find(_BEARER)
    while at >= 0:
        asked[int(np.searchsorted(ends, at))] |= int(Ask.BEARER)
        at = lowered.find(_BEARER, at + 1)
