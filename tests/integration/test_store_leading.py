"""Which daemon leads: one at a time, another within a moment after a kill −9, none that has lost its database."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from postgres import PostgresServer

from driftwatch.domain.errors import StoreUnavailableError
from driftwatch.store import Hosts, Store, open_store
from driftwatch.store.leading import TRUSTED_SECONDS, Lead


class Still:
    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC)


class Seconds:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def url(postgres_server: PostgresServer) -> str:
    return postgres_server.fresh()


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url, clock=Still())
    yield opened
    opened.close()


def test_one_of_two_leads_and_the_other_takes_over(store: Store) -> None:
    one, other = store.lead("a:1"), store.lead("b:1")
    assert (one.look(), other.look()) == (True, False)
    assert (one.look(), other.look()) == (True, False)
    assert other.hosts == store.hosts() == Hosts(leader="a:1", members=("a:1", "b:1"))
    one.give_up()
    assert not one.leads
    assert other.look()
    assert (other.leads, other.hosts.leader) == (True, "b:1")
    assert not one.look()
    for each in (one, other):
        each.give_up()
    until(lambda: store.hosts() == Hosts(leader=None, members=()))


def until(holds: Callable[[], bool]) -> None:
    """Ask a server that has been told until it has done it."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() < began + 120, "it never came true"


def test_stores_do_not_share_a_leader(store: Store, postgres_server: PostgresServer) -> None:
    elsewhere = open_store(postgres_server.fresh(), clock=Still())
    one, other = store.lead("a:1"), elsewhere.lead("b:1")
    assert (one.look(), other.look()) == (True, True)
    assert elsewhere.hosts() == Hosts(leader="b:1", members=("b:1",))
    for each in (one, other):
        each.give_up()
    elsewhere.close()


def test_a_leader_that_could_not_ask_for_long_follows_until_it_has(store: Store) -> None:
    seconds = Seconds()
    lead = Lead(store._database, "a:1", now=seconds)
    assert lead.look()
    seconds.at = TRUSTED_SECONDS - 0.1
    assert lead.leads
    seconds.at = TRUSTED_SECONDS
    assert not lead.leads
    assert lead.look()
    assert lead.leads
    lead.give_up()


def test_a_lost_session_is_a_lost_lead(store: Store, postgres_server: PostgresServer, url: str) -> None:
    one, other = store.lead("a:1"), store.lead("b:1")
    assert one.look()
    postgres_server.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'driftwatch daemon a:1'"
    )
    until(lambda: store.hosts() == Hosts(leader=None, members=()))
    assert other.look()
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        one.look()
    assert not one.leads
    assert not one.look(), "asked anew, it follows"
    assert one.hosts.leader == "b:1"
    for each in (one, other):
        each.give_up()
    assert url


LEADER = """
import sys
from driftwatch.store import open_store
lead = open_store(sys.argv[1], clock=None).lead("killed:1")
print(lead.look(), flush=True)
sys.stdin.read()
"""


def test_a_killed_leader_is_followed(store: Store, url: str) -> None:
    command = [sys.executable, "-c", LEADER, url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as leader:
        assert leader.stdout is not None
        assert leader.stdout.readline() == b"True\n"
        other = store.lead("b:1")
        assert not other.look()
        assert other.hosts.leader == "killed:1"
        leader.kill()
        began = time.monotonic()
        until(other.look)
        took = time.monotonic() - began
    print(f"taken over after {took:.3f} s")
    other.give_up()


def test_with_sqlite_the_only_daemon_leads(tmp_path: Path) -> None:
    store = open_store(tmp_path / "driftwatch.db", clock=Still())
    lead = store.lead("a:1")
    assert (lead.alone, lead.leads, lead.look()) == (True, True, True)
    assert store.hosts() is None
    lead.give_up()
    assert lead.leads
    store.close()
