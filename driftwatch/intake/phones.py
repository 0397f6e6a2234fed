"""Telephone numbers in a text, found by Google's rules, which are asked only about what may be one."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_BETWEEN = (
    "[-x\u2010-\u2015\u2212\u30fc\uff0d-\uff0f \u00a0\u00ad\u200b\u2060\u3000"
    "()\uff08\uff09\uff3b\uff3d.\\[\\]/~\u2053\u223c\uff5e]{0,4}"
)
"""What phonenumbers lets stand between the digits of one number."""

_RUN = re.compile(rf"\d(?:{_BETWEEN}\d)*")
_DIGIT = re.compile(r"\d")
_BEFORE = 16  # characters in front of a run's first digit: pluses and brackets, and what must not stand before them
_AFTER = 16  # behind it: the seconds of a time, a letter that would go on
_EXTENSION = re.compile(r"\D*\d{0,21}")
_FEWEST_ABROAD = 5
"""Digits of a number that says its country itself: the shortest has two for the country and four of its own."""


def spans_of_phones(body: str, regions: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield where numbers of some countries, or with a country's own, stand; one may be found for several countries.

    A search costs a fifth of a millisecond a country, most of it for numbers too short to be one. So only the part of
    the text is searched that holds digits enough for the country, with all that the rules look at around it.
    """
    from phonenumbers import Leniency, PhoneNumberMatcher

    runs = [(match.start(), match.end(), len(_DIGIT.findall(match[0]))) for match in _RUN.finditer(body)]
    fewest = _FEWEST_ABROAD if "+" in body or "\uff0b" in body else None
    for region in (*regions,) or (None,):
        least = fewest if fewest is not None or region is None else _fewest(region)
        enough = [(start, end) for start, end, digits in runs if digits >= (least or _FEWEST_ABROAD)]
        if enough:
            begin = max(enough[0][0] - _BEFORE, 0)
            extended = _EXTENSION.match(body, enough[-1][1])
            end = (extended.end() if extended is not None else enough[-1][1]) + _AFTER
            for match in PhoneNumberMatcher(body[begin:end], region, Leniency.VALID):
                yield begin + match.start, begin + match.end


@cache
def _fewest(region: str) -> int:
    """Return the digits of the shortest number that is valid in a country."""
    from phonenumbers import PhoneMetadata

    about = PhoneMetadata.metadata_for_region(region)
    lengths = about.general_desc.possible_length if about is not None and about.general_desc is not None else ()
    return min((length for length in lengths if length > 0), default=1)
