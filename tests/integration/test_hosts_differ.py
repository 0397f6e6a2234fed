"""Daemons that are configured otherwise than the one that leads: none takes over while one that agrees may."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from postgres import PostgresServer
from structlog.testing import capture_logs

from driftwatch.alert import messages
from driftwatch.daemon.company import GONE_AFTER, Company
from driftwatch.daemon.degraded import PATIENCE, Degraded
from driftwatch.daemon.gone import Gone
from driftwatch.daemon.leadership import Leadership
from driftwatch.domain.audit import HOSTS_AGREED
from driftwatch.domain.control import Identity
from driftwatch.domain.hosts import Agreement
from driftwatch.store import Store, open_store

START = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
OLD = Agreement(says={"policies": '"a"', "streams.docs.window": "500", "streams.docs.reload.webhook": '"https://x/1"'})
NEW = Agreement(says={**OLD.says, "streams.docs.window": "200"})


class Hand:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


@dataclass
class Host:
    """What a daemon does of all this, on a connection of its own."""

    name: str
    url: str
    clock: Hand
    agreement: Agreement
    starts: int = 0
    store: Store = field(init=False)
    lead: Leadership = field(init=False)

    def __post_init__(self) -> None:
        self.start(self.agreement)

    def start(self, agreement: Agreement) -> None:
        self.agreement, self.starts = agreement, self.starts + 1
        self.store = open_store(self.url, clock=self.clock)
        identity = Identity(
            instance=f"{self.name}-{self.starts}",
            version="1",
            config="c",
            settings="s",
            state_dir="/s",
            listen=self.name,
            started_at=self.clock.now(),
        )
        company = Company(
            self.store.host_book, name=self.name, identity=identity, own=lambda: self.agreement, clock=self.clock
        )
        self.lead = Leadership(self.store.lead(self.name), company)

    def looks(self) -> bool:
        self.lead.tend()
        return self.lead.leads

    def stop(self) -> None:
        self.lead.give_up()
        self.store.close()

    def dies(self) -> None:
        """End without a word to anybody, as its process' end would."""
        self.lead._lead.give_up()
        self.store.close()


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def hosts(postgres_server: PostgresServer, clock: Hand) -> Iterator[tuple[Host, Host, Host]]:
    url = postgres_server.fresh()
    made = (Host("a:1", url, clock, OLD), Host("b:1", url, clock, OLD), Host("c:1", url, clock, OLD))
    yield made
    for each in made:
        each.stop()


def differing(store: Store) -> dict[str, tuple[str, ...]]:
    found = store.hosts()
    assert found is not None
    return {each.name: each.differences for each in found.differing}


def test_one_that_differs_never_takes_over_from_one_that_agrees(hosts: tuple[Host, Host, Host], clock: Hand) -> None:
    a, b, c = hosts
    b.agreement = NEW
    assert [a.looks(), b.looks(), c.looks()] == [True, False, False]
    assert (a.lead.differs, c.lead.differs) == (None, None)
    assert b.lead.differs is not None
    assert "the configuration of b:1 is not that of the daemon that leads" in b.lead.differs
    assert "stream docs, window: 200 here, 500 agreed" in b.lead.differs
    assert differing(a.store) == {"b:1": ("stream docs, window: 200 here, 500 agreed",)}
    a.dies()
    assert [b.looks(), c.looks()] == [False, True], "the one that agrees, whoever asks first"
    clock.at += 11 * SECOND
    assert [b.looks(), c.looks()] == [False, True]
    b.agreement = OLD
    b.looks()
    assert b.lead.differs is None
    assert differing(b.store) == {}
    a.start(OLD)


def test_the_log_of_the_one_that_leads_names_the_others_once(hosts: tuple[Host, Host, Host]) -> None:
    a, b, c = hosts
    b.agreement = NEW
    with capture_logs() as said:
        for _ in range(3):
            for each in (a, b, c):
                each.looks()
    named = [each for each in said if each["event"] == "other_host_differs"]
    assert [(each["name"], each["differences"]) for each in named] == [
        ("b:1", ["stream docs, window: 200 here, 500 agreed"])
    ]
    assert [each["name"] for each in said if each["event"] == "host_differs"] == ["b:1"]


def test_it_waits_for_one_that_was_killed_and_takes_over_when_that_is_gone(
    hosts: tuple[Host, Host, Host], clock: Hand
) -> None:
    a, b, c = hosts
    assert a.looks()
    c.stop()
    b.agreement = NEW
    a.dies()
    assert not b.looks()
    clock.at += GONE_AFTER - SECOND
    assert not b.looks()
    clock.at += SECOND
    assert b.looks()
    assert b.lead.differs is None, "what it is configured with is what is agreed now"
    (entry,) = b.store.audit.recent(what=(HOSTS_AGREED,), limit=9)
    assert (entry.who, entry.detail["new"]) == ("b:1", "stream docs, window: 200 here, 500 agreed")
    a.start(OLD)
    assert not a.looks()
    assert a.lead.differs is not None
    c.start(OLD)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_change_of_configuration_goes_through_host_by_host(
    hosts: tuple[Host, Host, Host], order: tuple[int, int, int]
) -> None:
    """Somebody leads after each step, whichever host comes first; none leads by the new one before all have it."""
    for each in hosts:
        each.looks()
    for step, number in enumerate(order):
        hosts[number].stop()
        led = [each.looks() for at, each in enumerate(hosts) if at != number]
        assert sum(led) == 1
        hosts[number].start(NEW)
        assert sum(each.looks() for each in hosts) == 1
        (leader,) = [each for each in hosts if each.lead.leads]
        assert leader.agreement == (OLD if step < len(order) - 1 else NEW)
    assert [each.lead.differs for each in hosts] == [None] * 3
    assert differing(hosts[0].store) == {}
    assert len(hosts[0].store.audit.recent(what=(HOSTS_AGREED,), limit=9)) == 1


def test_rules_that_the_leader_reloads_are_agreed_at_once(hosts: tuple[Host, Host, Host]) -> None:
    reloaded = Agreement(says={**OLD.says, "policies": '"b"'})
    a, b, _ = hosts
    assert [a.looks(), b.looks()] == [True, False]
    a.agreement = reloaded
    assert a.looks(), "a leader that changes keeps the lead"
    assert a.lead.differs is None
    b.looks()
    assert b.lead.differs is not None
    b.agreement = reloaded
    b.looks()
    assert b.lead.differs is None


def test_what_differs_is_named_and_no_secret_is_shown() -> None:
    other = Agreement(
        says={
            "policies": '"b"',
            "streams.docs.window": "500",
            "streams.docs.reload.webhook": '"https://x/secret"',
            "streams.more.window": "1",
            "streams.more.model": "null",
        }
    )
    assert [str(each) for each in other.differences(OLD)] == [
        'policies: "b" here, "a" agreed',
        "stream docs, reload.webhook: another here",
        "streams.more: set here alone",
    ]
    assert [str(each) for each in OLD.differences(other)][-1] == "streams.more: not set here"
    assert OLD.differences(replace(OLD)) == ()


def test_the_alert_of_a_host_that_never_returns_ends(hosts: tuple[Host, Host, Host], clock: Hand) -> None:
    a, b, c = hosts
    for each in hosts:
        each.looks()
    troubles = ["the worker died"]
    watches = {
        each.name: Degraded(each.store, receivers=lambda: ("x",), reasons=lambda: troubles, clock=clock, name=each.name)
        for each in (b, c)
    }
    for watch in watches.values():
        watch.look()
    clock.at += PATIENCE
    for watch in watches.values():
        watch.look()
    a.store.outbox.put([messages.daemon_degraded(["x"], since=START, patience=MINUTE, name="earlier:1")], ("x",))
    gone = Gone(a.store, clock)
    b.dies()
    told = clock.at
    gone.look()
    assert names(a.store) == {"b:1", "c:1"}, "one that nobody ever wrote down ends at once"
    clock.at = told - PATIENCE + GONE_AFTER - SECOND
    a.looks()
    c.looks()
    gone.look()
    assert names(a.store) == {"b:1", "c:1"}
    clock.at += SECOND
    gone.look()
    assert names(a.store) == {"c:1"}
    assert [each.name for each in a.store.host_book.all()] == ["a:1", "c:1"]
    ends = [each.alert.ends_at for each in a.store.outbox.due(clock.now(), limit=9) if "b:1" in each.alert.key]
    assert ends == [clock.at]
    b.start(OLD)


def test_a_host_that_was_only_cut_off_tells_anew(hosts: tuple[Host, Host, Host], clock: Hand) -> None:
    a, b, _ = hosts
    a.looks()
    b.looks()
    watch = Degraded(b.store, receivers=lambda: ("x",), reasons=lambda: ("y",), clock=clock, name="b:1")
    watch.look()
    clock.at += PATIENCE
    watch.look()
    clock.at += GONE_AFTER
    a.looks()
    Gone(a.store, clock).look()
    assert names(a.store) == set()
    watch.look()
    clock.at += PATIENCE
    b.looks()
    watch.look()
    assert names(a.store) == {"b:1"}


def names(store: Store) -> set[str | None]:
    return {messages.degraded_name(key) for key in store.outbox.open_keys(messages.degraded_keys(None))}
