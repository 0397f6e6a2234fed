"""Searching parts of a text for telephone numbers finds what searching all of it does."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import Leniency, PhoneNumberMatcher

from driftwatch.intake.phones import spans_of_phones

PIECES = st.sampled_from(
    [
        "+44 20 7946 0958",
        "020 7946 0958",
        "(212) 555-2368",
        "212.555.2368",
        "030 901820",
        "030 1234",
        "0800 1111",
        "+290 22222",
        "\uff0b49 30 901820",
        "+1 (650) 253-0000 ext. 4567",
        " extension   123",
        ";ext=12",
        "  \t x 9",
        " - 12#",
        "1985",
        "645-646",
        "1129->1155",
        "(1936--2015)",
        "12/12/2026",
        " 08:30",
        ":30",
        "2026-01-01 08",
        "pp. 12-44",
        "41",
        "$",
        "%",
        "x",
        "e",
        "\u0664\u0665\u0666\u0667\u0668",
        " ",
        "  ",
        ", ",
        "\n",
        "(",
        "+",
        "/",
        "~",
        "no. ",
        "call ",
    ]
)
BODIES = st.lists(st.one_of(PIECES, st.text("0123456789 +-()./x,e", max_size=8)), max_size=9).map("".join)


@pytest.mark.parametrize("regions", [("US", "GB", "DE"), ("FR",), ()])
@given(body=BODIES)
@example(body="see 41 and 1985, p. 12, then call (212) 555-2368 ext. 4567 or 7")
@settings(max_examples=500, deadline=None)
def test_parts_hold_what_the_whole_holds(regions: tuple[str, ...], body: str) -> None:
    whole = [
        (match.start, match.end)
        for region in regions or (None,)
        for match in PhoneNumberMatcher(body, region, Leniency.VALID)
    ]
    assert list(dict.fromkeys(spans_of_phones(body, regions))) == list(dict.fromkeys(whole))
