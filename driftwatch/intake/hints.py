"""What a text must at least hold for personal data or secrets to be found in it: cheap tests, never too strict.

Most texts hold nothing. Looking for that with one pattern after the other costs more than taking a text in, so what
every match needs is asked for first: digits, an ``@``, one of a few words. Many texts are asked together
(``telltales``); of a few, only the characters that tell are looked at, and few texts differ in those.
"""

from __future__ import annotations

import re
from enum import IntFlag
from functools import lru_cache
from string import ascii_letters, digits
from typing import TYPE_CHECKING

from driftwatch.intake.asking import Ask
from driftwatch.intake.telltales import END, asked_of_all

if TYPE_CHECKING:
    from collections.abc import Sequence

_MANY = 16
"""Texts from which on they are cheaper to look at together."""

_DIGITS = digits.encode()
_TELLING = _DIGITS + b"@:=-_.AJ"
_DULL = bytes(set(range(256)) - set(_TELLING + END.encode()))
_FEWEST_DIGITS = 7
"""Of the shortest telephone number; cards and IBANs have more."""

_DOTS, _COLONS = 3, 2  # of addresses, at least
_LONGEST_KNOWN = 40
_DIGIT = re.compile(r"\d")
_MANY_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_COLONED = re.compile(r":[0-9A-Fa-f]{0,4}:")
_NAMES = ("key", "token", "secret", "passw", "pwd")


_WITH_UNDERSCORE = ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "sk_", "rk_")
_MAILBOX = frozenset(ascii_letters + digits + "._%+'-")
_BEARER = "bearer "


class Hint(IntFlag):
    """What may be in a text."""

    SECRET = 1
    EMAIL = 2
    NUMBER = 4
    ADDRESS = 8


_SECRET, _EMAIL, _NUMBER, _ADDRESS = (int(hint) for hint in Hint)
_DOTS_ASK, _COLONS_ASK, _A_ASKS, _DASH_ASKS, _UNDERSCORE_ASKS, _J_ASKS, _SIGN_ASKS, _BEARER_ASKS = (
    int(ask) for ask in (Ask.DOTS, Ask.COLONS, Ask.A, Ask.DASH, Ask.UNDERSCORE, Ask.J, Ask.SIGN, Ask.BEARER)
)


def hints(bodies: Sequence[str]) -> list[int]:
    """Return what may be found in each text, as a sum of ``Hint``; what is not in it is certainly not there.

    The texts are looked through as one string, which is several times quicker than one by one.
    """
    if len(bodies) < _MANY:
        return [_hint(body) if body.isascii() else _of_other_scripts(body) for body in bodies]
    ascii_only = [body.isascii() for body in bodies]
    plain = bodies if all(ascii_only) else [body for body, is_plain in zip(bodies, ascii_only, strict=True) if is_plain]
    asked = asked_of_all(plain) if plain else []
    if asked is None:
        return [_hint(body) if body.isascii() else _of_other_scripts(body) for body in bodies]
    found = [_answered(body, ask) if ask else 0 for body, ask in zip(plain, asked, strict=True)]
    if plain is bodies:
        return found
    each = iter(found)
    return [
        next(each) if is_plain else _of_other_scripts(body) for body, is_plain in zip(bodies, ascii_only, strict=True)
    ]


def _hint(body: str) -> int:
    found = _answered(body, _asked(body.encode("ascii").translate(None, _DULL)))
    return found | _SECRET if _BEARER in body.lower() else found


def _of_other_scripts(body: str) -> int:
    """Return likewise for a text beyond ASCII.

    Digits of other scripts are digits to a pattern. Kelvin signs and long s are letters to one that takes both cases:
    folding knows them, lowering does not.
    """
    asked = _asked(body.encode("utf-8").translate(None, _DULL)) & ~(_NUMBER | _DOTS_ASK | _COLONS_ASK)
    if _DIGIT.search(body) is not None:
        asked |= _NUMBER | _DOTS_ASK | _COLONS_ASK
    folded = body.casefold()
    found = _answered(body, asked & ~_SIGN_ASKS)
    named = asked & _SIGN_ASKS and any(name in folded for name in _NAMES)
    return found | _SECRET if named or _BEARER in folded else found


def _asked(telling: bytes) -> int:
    """Return what is to be asked of a text that holds these characters."""
    return _known(telling) if len(telling) <= _LONGEST_KNOWN else _asking(telling)


@lru_cache(maxsize=16_384)
def _known(telling: bytes) -> int:
    return _asking(telling)


def _asking(telling: bytes) -> int:
    count = len(telling) - len(telling.translate(None, _DIGITS))
    asked = {
        _NUMBER: count >= _FEWEST_DIGITS,
        _EMAIL: b"@" in telling,
        _DOTS_ASK: count > 0 and telling.count(b".") >= _DOTS,
        _COLONS_ASK: count > 0 and telling.count(b":") >= _COLONS,
        _A_ASKS: b"A" in telling,
        _DASH_ASKS: b"-" in telling,
        _UNDERSCORE_ASKS: b"_" in telling,
        _J_ASKS: b"J" in telling and b"." in telling,
        _SIGN_ASKS: b":" in telling or b"=" in telling,
    }
    return sum(question for question, is_asked in asked.items() if is_asked)


def _answered(body: str, asked: int) -> int:
    """Return what may be in a text, its answers to what is asked."""
    found = _EMAIL if asked & _EMAIL and _addressed(body) else 0
    if asked & _NUMBER and _MANY_DIGITS.search(body) is not None:
        found |= _NUMBER
    coloned = asked & _COLONS_ASK and _DIGIT.search(body) and _COLONED.search(body)
    if coloned or (asked & _DOTS_ASK and _DOTTED.search(body)):
        found |= _ADDRESS
    if (
        (asked & _DASH_ASKS and ("sk-" in body or "xox" in body or "glpat-" in body or "PRIVATE KEY" in body))
        or (asked & _A_ASKS and ("AKIA" in body or "ASIA" in body or "AIza" in body))
        or (asked & _UNDERSCORE_ASKS and any(begin in body for begin in _WITH_UNDERSCORE))
        or (asked & _J_ASKS and "eyJ" in body)
        or (asked & _SIGN_ASKS and _named(body))
        or asked & _BEARER_ASKS
    ):
        found |= _SECRET
    return found


def _addressed(body: str) -> bool:
    """Whether something that a mailbox may end in stands before an ``@``, as it does not where people are mentioned."""
    at = body.find("@")
    while at >= 0:
        if at and body[at - 1] in _MAILBOX:
            return True
        at = body.find("@", at + 1)
    return False


def _named(body: str) -> bool:
    lowered = body.lower()
    return any(name in lowered for name in _NAMES)
