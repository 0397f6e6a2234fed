from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from driftwatch.intake.hints import Hint, hints
from driftwatch.intake.redact import KINDS, Redactor, RedactSettings

REDACTOR = Redactor(RedactSettings())
PIECES = [
    "a@b.org",
    "+44 20 7946 0958",
    "(212) 555-2368",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "203.0.113.7",
    "2001:db8::1",
    "AKIAIOSFODNN7EXAMPLE",
    "password=",
    "secret: ",
    "Bearer ",
    "sk-abcdefghijklmnopqrstuv",
    "GB82WEST12345698765432",
    "1",
    "22",
    " ",
    "-",
    ".",
    ":",
    "=",
    "x",
    "<",
]


@pytest.mark.parametrize(
    ("body", "clean"),
    [
        ("write to jane.doe+x@mail.example.co.uk today", "write to <EMAIL> today"),
        ("two: a@b.org, c@d.net.", "two: <EMAIL>, <EMAIL>."),
        ("call +44 20 7946 0958 now", "call <PHONE> now"),
        ("call (212) 555-2368 or 030 901820", "call <PHONE> or <PHONE>"),
        ("card 4111 1111 1111 1111 please", "card <CARD> please"),
        ("card 4111-1111-1111-1111.", "card <CARD>."),
        ("pay to DE89 3704 0044 0532 0130 00 soon", "pay to <IBAN> soon"),
        ("pay to GB82WEST12345698765432", "pay to <IBAN>"),
        ("from 203.0.113.7 and 2001:db8::8a2e:370:7334", "from <IP> and <IP>"),
        ("key AKIAIOSFODNN7EXAMPLE here", "key <SECRET> here"),
        ("token ghp_" + "a1B2" * 9 + " leaked", "token <SECRET> leaked"),
        ("Authorization: Bearer abcdefghijklmnop123456", "Authorization: Bearer <SECRET>"),
        ('"api_key": "s3cr3t-value-1"', '"api_key": "<SECRET>"'),
        ("Bearer abcdefghijklmnopqrst== end", "Bearer <SECRET> end"),
        ("DB_PASSWORD=hunter2hunter2", "DB_PASSWORD=<SECRET>"),
        ("AWS_SECRET_ACCESS_KEY: wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY: <SECRET>"),
        ("password=hunter2hunter2 ok", "password=<SECRET> ok"),
        ("jwt eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.SflKxwRJSMeKKF2Q end", "jwt <SECRET> end"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nrest",
            "<SECRET>\nrest",
        ),
    ],
)
def test_personal_data_and_secrets_become_placeholders(body: str, clean: str) -> None:
    assert REDACTOR.redact(body)[0] == clean
    assert REDACTOR.redact(clean) == (clean, {})


@pytest.mark.parametrize(
    "body",
    [
        "numpy 1.26.4 and scipy 1.11.3 are fine",
        "the year 2026 had 365 days and 8760 hours",
        "order 1234567890123 is no card",
        "ratio 12:30:45 is a time",
        "see @someone and a@b",
        "localhost is 127.0.0.1",
        "the secret of success: patience",
    ],
)
def test_plain_text_stays(body: str) -> None:
    assert REDACTOR.redact(body) == (body, {})


def test_only_the_wanted_kinds_are_replaced() -> None:
    redactor = Redactor(RedactSettings(kinds=("email",)))
    assert redactor.redact("a@b.org from 203.0.113.7") == ("<EMAIL> from 203.0.113.7", {"email": 1})


def test_unknown_kinds_and_regions_are_refused() -> None:
    with pytest.raises(ValueError, match='"names" cannot be redacted; known kinds: ' + ", ".join(KINDS)):
        RedactSettings(kinds=("names",))
    with pytest.raises(ValueError, match="is no country"):
        RedactSettings(regions=("Germany",))


@given(st.lists(st.sampled_from(PIECES), max_size=8))
@settings(max_examples=300, deadline=None)
def test_doing_it_twice_changes_nothing_more(pieces: list[str]) -> None:
    clean, found = REDACTOR.redact("".join(pieces))
    assert REDACTOR.redact(clean) == (clean, {})
    assert sum(clean.count(f"<{kind.upper()}>") for kind in KINDS) <= sum(found.values())


ODD = st.one_of(
    st.sampled_from(
        [*PIECES, "to\u212aen: ", "pa\u017f\u017fword=", "\u0664\u0665", "ghp_" + "a1" * 18, "eyJ", "0\0", "AKIA", "@"]
    ),
    st.text("abcKEYkey019:=-_.@+ \u212a\u017f\u0661\0/", max_size=12),
)
ALL = int(sum(Hint))
MANY_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")


@given(st.lists(st.lists(ODD, max_size=7).map("".join), min_size=1, max_size=5))
@settings(max_examples=600, deadline=None)
def test_what_no_hint_points_at_is_not_there(bodies: list[str]) -> None:
    together = hints(bodies)
    assert together == [hints([body])[0] for body in bodies]
    changed = dict(REDACTOR.redact_all(bodies))
    for place, body in enumerate(bodies):
        # Looked at only near digits: by their form "::add" is an address and "030 12" a telephone number.
        every = ALL & ~(0 if any(sign.isdecimal() for sign in body) else Hint.ADDRESS)
        every &= ~(0 if MANY_DIGITS.search(body) else Hint.NUMBER)
        thorough, found = REDACTOR._replaced(body, int(every))
        assert REDACTOR.redact(body) == (thorough, found)
        assert changed.get(place, body) == thorough
        assert (place in changed) == bool(found)


PLAIN = ["Where is it?", "a-b: c = d_e.f"]


@given(
    st.lists(st.lists(ODD, max_size=7).map("".join), min_size=1, max_size=24),
    st.integers(0, 80),
    st.sampled_from(["", "\0", "\u00e9"]),
)
@example(["-----BEGIN PRIVATE KEY-----x"], 80, "")
@example(["xoxb-0123456789ab", "ghp_" + "a1" * 18, "github_pat_" + "a1" * 18, "glpat-" + "a1" * 18], 64, "")
@example(["password  :  hunter22", 'pwd"  \t : hunter22', "API-Key = hunter22"], 64, "")
@example(["secret_access=hunter22", "SECRET-ACCESS : hunter22", "secretaccess: hunter22"], 64, "")
@settings(max_examples=600, deadline=None)
def test_many_together_come_out_as_each_alone(odd: list[str], after: int, end: str) -> None:
    bodies = [*odd, *(PLAIN * after)[:after], end]
    for several in (bodies, bodies[::-1], [*bodies[-after:], *odd]):
        changed = dict(REDACTOR.redact_all(several))
        for place, body in enumerate(several):
            alone, found = REDACTOR.redact(body)
            assert changed.get(place, body) == alone
            assert (place in changed) == bool(found)


@pytest.mark.parametrize(
    "name", ["secret_access", "SECRET-ACCESS ", "client_secret", "api-key", "access_token", "pwd'"]
)
def test_what_follows_a_name_is_found_in_a_crowd(name: str) -> None:
    bodies = [*PLAIN * 40, f"{name}=hunter22", f"the {name}: hunter22", *PLAIN]
    assert [place for place, _ in REDACTOR.redact_all(bodies)] == [80, 81]


@pytest.mark.parametrize("body", ["Where is my card?", "Hi @someone, see p. 3 - thanks!", "caf\u00e9 \u2014 closed"])
def test_plain_words_give_no_hint(body: str) -> None:
    assert hints([body]) == [0]
