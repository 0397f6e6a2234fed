"""Who is let in: users, tokens, and nobody else; and that guessing costs the guesser, not the daemon."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bcrypt
import pytest
from web_client import Daemon, Shelf, app_of, client_of

from driftwatch.domain.rights import Right
from driftwatch.web import Health
from driftwatch.web.access import Access, Guard, Token, hashed
from driftwatch.web.access.passwords import AT_ONCE, WAITING, Passwords
from driftwatch.web.exchange import ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

PASSWORD = "correct horse"
USERS = {name: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)) for name in ("alice", "prometheus")}
TOKEN = "0123456789abcdef0123456789abcdef"
COLLECTOR = Token(name="collector", sha256=hashed(TOKEN), streams=frozenset({"support"}))
READER = Token(name="reader", sha256=hashed(TOKEN + "2"), may=(Right.METRICS,))
BOTH = Access(users=USERS, rights={"prometheus": (Right.METRICS,)}, tokens=(COLLECTOR, READER))
TEXTS = "/v1/streams/support/texts"
OPEN_TO_ALL = ("/-/healthy", "/-/ready")
PATHS = [
    ("GET", "/", Right.PAGES),
    ("GET", "/streams/support/windows/3", Right.PAGES),
    ("GET", "/streams/support/windows/3/report", Right.PAGES),
    ("GET", "/streams/support/incidents/3", Right.PAGES),
    ("GET", "/runs/r1", Right.PAGES),
    ("GET", "/metrics", Right.METRICS),
    ("POST", "/-/reload", Right.RELOAD),
    ("POST", TEXTS, Right.TEXTS),
]


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


@dataclass
class Asked:
    """A daemon that notes who reloaded it."""

    access: Access
    shelf: Shelf = field(default_factory=Shelf)
    daemon: Daemon = field(default_factory=Daemon)

    def ask(self, method: str, path: str, headers: Mapping[str, str]) -> httpx.Response:
        async def story() -> httpx.Response:
            app = app_of(self.shelf, self.daemon, guard=Guard(lambda: self.access))
            async with client_of(app) as client:
                sent = {"content-type": "application/json", **headers}
                return await client.request(method, path, headers=sent, content=b"{}" if method == "POST" else None)

        return asyncio.run(story())


@pytest.mark.parametrize(("method", "path", "right"), PATHS)
def test_without_a_login_nothing_is_answered(method: str, path: str, right: Right) -> None:
    asked = Asked(BOTH)
    answer = asked.ask(method, path, {})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Basic realm="driftwatch"')
    assert "Bearer" in answer.headers["www-authenticate"]
    assert asked.daemon.pages_asked == []
    assert asked.shelf.bodies == []
    assert right in Right


@pytest.mark.parametrize(("method", "path", "right"), PATHS)
def test_a_user_may_everything_unless_it_is_said_what(method: str, path: str, right: Right) -> None:
    asked = Asked(BOTH)
    assert asked.ask(method, path, basic("alice", PASSWORD)).status_code in (200, 202)
    limited = asked.ask(method, path, basic("prometheus", PASSWORD))
    assert limited.status_code == (200 if right is Right.METRICS else 403)


@pytest.mark.parametrize(
    "headers",
    [
        basic("alice", "wrong"),
        basic("alice", ""),
        basic("nobody", PASSWORD),
        basic("", ""),
        basic("alice", "x" * 500),
        {"authorization": "Basic !!!"},
        {"authorization": "Basic " + base64.b64encode(b"alice").decode()},
        {"authorization": "Basic " + base64.b64encode(b"\xff:x").decode()},
        {"authorization": "Basic " + "A" * 10_000},
        {"authorization": "Digest username=alice"},
        bearer("wrong"),
        bearer(""),
        bearer(TOKEN[:-1]),
        bearer(TOKEN.upper()),
    ],
)
def test_a_wrong_login_is_refused(headers: dict[str, str]) -> None:
    for path in ("/", "/metrics", *OPEN_TO_ALL):
        assert Asked(BOTH).ask("GET", path, headers).status_code == 401


def test_a_token_brings_texts_of_its_streams_and_nothing_else() -> None:
    asked = Asked(BOTH)
    assert asked.ask("POST", TEXTS, bearer(TOKEN)).status_code == 202
    for method, path in (("GET", "/metrics"), ("GET", "/"), ("POST", "/-/reload"), ("POST", "/v1/streams/sales/texts")):
        refused = asked.ask(method, path, bearer(TOKEN))
        assert refused.status_code == 403
        assert "token collector may not" in refused.json()["detail"]
    assert asked.ask("GET", "/metrics", bearer(TOKEN + "2")).status_code == 200
    assert asked.ask("POST", TEXTS, bearer(TOKEN + "2")).status_code == 403


def test_a_stream_that_does_not_exist_is_not_told_from_one_that_may_not_be_sent_to() -> None:
    asked = Asked(BOTH)
    answers = [asked.ask("POST", f"/v1/streams/{name}/texts", bearer(TOKEN)) for name in ("sales", "no-such-stream")]
    assert [answer.status_code for answer in answers] == [403, 403]


def test_tokens_alone_guard_intake_alone() -> None:
    asked = Asked(Access(tokens=(COLLECTOR,)))
    assert asked.ask("POST", TEXTS, {}).status_code == 401
    assert asked.ask("POST", TEXTS, bearer(TOKEN)).status_code == 202
    assert asked.ask("GET", "/metrics", {}).status_code == 200
    assert asked.ask("GET", "/", bearer(TOKEN)).status_code == 200


def test_where_nothing_is_set_up_nothing_is_asked() -> None:
    asked = Asked(Access())
    for method, path, _right in PATHS:
        assert asked.ask(method, path, {}).status_code in (200, 202)


def test_health_is_told_to_all_and_its_reasons_to_those_who_log_in() -> None:
    asked = Asked(BOTH, daemon=Daemon(health=Health(unready=("stream support: no reference yet",))))
    plain = asked.ask("GET", "/-/ready", {})
    assert (plain.status_code, "support" in plain.text) == (503, False)
    assert "support" in asked.ask("GET", "/-/ready", basic("alice", PASSWORD)).text
    assert asked.ask("GET", "/-/healthy", {}).status_code == 200


def test_a_reload_is_told_who_asked() -> None:
    asked = Asked(BOTH)
    asked.ask("POST", "/-/reload", basic("alice", PASSWORD))
    assert asked.daemon.reloaded_by == ["user alice from 127.0.0.1"]


def test_a_name_in_the_audit_log_is_one_short_line() -> None:
    from driftwatch.web.caller import Caller

    assert str(Caller(name="a\nb" + "x" * 500)) == "a?b" + "x" * 97


def test_the_operators_headers_are_on_every_answer_and_widen_no_policy() -> None:
    policy = "default-src *"
    asked = Asked(Access(headers={"strict-transport-security": "max-age=60", "content-security-policy": policy}))
    page = asked.ask("GET", "/", {})
    assert page.headers["strict-transport-security"] == "max-age=60"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["content-security-policy"].endswith(f", {policy}")  # both are held
    assert asked.ask("GET", "/metrics", {}).headers["content-security-policy"] == policy


def right(passwords: Passwords, user: str, password: str) -> bool:
    return asyncio.run(passwords.right(USERS, user, password.encode()))


def test_a_password_that_was_right_costs_bcrypt_once(monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[bytes] = []
    real = bcrypt.checkpw

    def counted(given: bytes, known: bytes) -> bool:
        checks.append(given)
        return real(given, known)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    passwords = Passwords()
    assert [right(passwords, "alice", PASSWORD) for _ in range(5)] == [True] * 5
    assert len(checks) == 1
    assert [right(passwords, "alice", "wrong") for _ in range(3)] == [False] * 3
    assert len(checks) == 4
    assert right(passwords, "prometheus", PASSWORD)  # what was remembered is alice's
    assert len(checks) == 5


def test_a_changed_hash_forgets_the_old_password() -> None:
    passwords = Passwords()
    assert right(passwords, "alice", PASSWORD)
    changed = {"alice": bcrypt.hashpw(b"another one", bcrypt.gensalt(4))}
    assert not asyncio.run(passwords.right(changed, "alice", PASSWORD.encode()))
    assert not asyncio.run(passwords.right({}, "alice", PASSWORD.encode()))


def test_no_memory_of_a_password_holds_it() -> None:
    passwords = Passwords()
    right(passwords, "alice", PASSWORD)
    assert PASSWORD.encode() not in b"".join(passwords._right)
    assert all(len(mark) == 32 for mark in passwords._right)


def test_an_unknown_user_takes_as_long_as_a_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are checked with one hash of the same cost, and bcrypt does its work for both."""
    checked: list[tuple[bytes, float]] = []
    check = bcrypt.checkpw

    def noted(password: bytes, hashed: bytes) -> bool:
        began = time.thread_time()
        matches = check(password, hashed)
        checked.append((hashed[:7], time.thread_time() - began))
        return matches

    monkeypatch.setattr(bcrypt, "checkpw", noted)
    users, passwords = {"alice": bcrypt.hashpw(b"x", bcrypt.gensalt(8))}, Passwords()
    for user in 9 * ("alice", "nobody"):
        assert not asyncio.run(passwords.right(users, user, b"wrong"))
    assert [cost for cost, _ in checked] == 18 * [b"$2b$08$"]
    known, unknown = (min(spent for _, spent in checked[first::2]) for first in (0, 1))
    assert unknown > known / 8, "a hash that bcrypt refuses costs a thousandth"


def test_more_logins_than_can_wait_are_sent_away_and_known_ones_are_not() -> None:
    passwords = Passwords()

    async def story() -> tuple[int, int, bool]:
        assert await passwords.right(USERS, "alice", PASSWORD.encode())
        asks = [passwords.right(USERS, "alice", f"guess {number}".encode()) for number in range(AT_ONCE + WAITING + 20)]
        flood = asyncio.gather(*asks, return_exceptions=True)
        await asyncio.sleep(0)
        known = await passwords.right(USERS, "alice", PASSWORD.encode())
        found = await flood
        sent_away = sum(isinstance(each, ProblemError) and each.status == 429 for each in found)
        return sent_away, sum(each is False for each in found), known

    assert asyncio.run(story()) == (20, AT_ONCE + WAITING, True)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:9478", "127.0.0.1.evil.example", "127.0.0.1@evil", "", "[::1", "a b"]
)
def test_a_page_whose_name_was_made_to_point_here_reads_nothing(host: str) -> None:
    asked = Asked(Access(names=frozenset({"localhost", "127.0.0.1", "::1"})))
    for method, path, _right in PATHS:
        assert asked.ask(method, path, {"host": host}).status_code == 421
    assert asked.daemon.pages_asked == []
    assert asked.daemon.reloaded_by == []


@pytest.mark.parametrize("host", ["localhost:9478", "127.0.0.1", "[::1]:9478", "LOCALHOST"])
def test_this_machine_s_own_names_are_answered(host: str) -> None:
    asked = Asked(Access(names=frozenset({"localhost", "127.0.0.1", "::1"})))
    assert asked.ask("GET", "/", {"host": host}).status_code == 200
