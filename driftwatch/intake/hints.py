"""What a text must at least hold for personal data or secrets to be found in it: cheap tests, never too strict.

Most texts hold nothing. Looking for that with one pattern after the other costs more than taking a text in, so what
every match needs is asked for first, of all texts together (``telltales``): digits, an ``@``, one of a few words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from driftwatch.intake.telltales import Hint, told

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Hint", "hints"]

_SECRET, _NUMBER, _ADDRESS = int(Hint.SECRET), int(Hint.NUMBER), int(Hint.ADDRESS)
_DIGIT = re.compile(r"\d")
_MANY_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
_DOTTED = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d")
_COLONED = re.compile(r":[0-9A-Fa-f]{0,4}:")
_NAMES = ("key", "token", "secret", "passw", "pwd")
_BEARER = "bearer "


def hints(bodies: Sequence[str]) -> list[int]:
    """Return what may be found in each text, as a sum of ``Hint``; what is not in it is certainly not there.

    The texts are looked through as one string, which is several times quicker than one by one.
    """
    ascii_only = [body.isascii() for body in bodies]
    if all(ascii_only):
        return told(bodies)
    plain = iter(told([body for body, is_plain in zip(bodies, ascii_only, strict=True) if is_plain]))
    others = [body for body, is_plain in zip(bodies, ascii_only, strict=True) if not is_plain]
    known = (_of_other_scripts(body, hint) for body, hint in zip(others, told(others), strict=True))
    return [next(plain) if is_plain else next(known) for is_plain in ascii_only]


def _of_other_scripts(body: str, hint: int) -> int:
    """Return what may be found in a text beyond ASCII, given what its bytes tell.

    Digits of other scripts are digits to a pattern. Kelvin signs and long s are letters to one that takes both cases:
    folding knows them, lowering does not.
    """
    found = hint & ~(_NUMBER | _ADDRESS)
    if _DIGIT.search(body) is not None:
        if _MANY_DIGITS.search(body) is not None:
            found |= _NUMBER
        if (":" in body and _COLONED.search(body)) or ("." in body and _DOTTED.search(body)):
            found |= _ADDRESS
    folded = body.casefold()
    named = (":" in body or "=" in body) and any(name in folded for name in _NAMES)
    return found | _SECRET if named or _BEARER in folded else found
