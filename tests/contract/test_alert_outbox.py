"""Delivery from the outbox, from the real store to real receivers."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from alert_samples import START, Hand, alert
from http_receiver import HttpReceiver
from hypothesis import given
from hypothesis import strategies as st

from driftwatch.alert.alertmanager import AlertmanagerNotifier
from driftwatch.alert.outbox import Pass, deliver_due, wait
from driftwatch.alert.settings import AlertmanagerSettings, WebhookSettings
from driftwatch.alert.webhook import WebhookNotifier
from driftwatch.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from driftwatch.domain.protocols import Notifier

pytestmark = pytest.mark.both_stores
MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def store(store_place: Path | str, clock: Hand) -> Iterator[Store]:
    opened = open_store(store_place, clock=clock)
    yield opened
    opened.close()


def webhook(receiver: HttpReceiver, clock: Hand) -> WebhookNotifier:
    return WebhookNotifier(WebhookSettings(url=receiver.url), clock=clock)


def alertmanager(receiver: HttpReceiver, clock: Hand) -> AlertmanagerNotifier:
    return AlertmanagerNotifier(AlertmanagerSettings(url=receiver.url), clock=clock)


def sent(receiver: HttpReceiver) -> list[str]:
    """Return the keys that the webhook's receiver took or refused, in order."""
    return [post.json["alerts"][0]["key"] for post in receiver.posts]


def test_an_alert_is_delivered_once_to_each_receiver(store: Store, clock: Hand) -> None:
    with HttpReceiver() as hook, HttpReceiver() as manager:
        notifiers: list[Notifier] = [webhook(hook, clock), alertmanager(manager, clock)]
        store.outbox.put([alert("a"), alert("b", ends_at=START)], ["webhook", "alertmanager"])
        store.outbox.put([alert("a")], ["webhook", "alertmanager"])
        assert deliver_due(store.outbox, notifiers, clock) == Pass(delivered=4)
        assert deliver_due(store.outbox, notifiers, clock) == Pass()
        assert sorted(sent(hook)) == ["a", "b"]
        assert [len(post.json) for post in manager.posts] == [2]


def test_a_failure_is_tried_again_after_a_while(store: Store, clock: Hand) -> None:
    with HttpReceiver([503, 503, 200]) as hook:
        store.outbox.put([alert("a")], ["webhook"])
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass(retried=1)
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass()
        clock.pass_by(timedelta(seconds=2))
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass(retried=1)
        clock.pass_by(timedelta(seconds=4))
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass(delivered=1)
        clock.pass_by(timedelta(days=1))
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass()
        assert sent(hook) == ["a", "a", "a"]


def test_a_refused_alert_is_given_up_and_stops_no_other(store: Store, clock: Hand) -> None:
    with HttpReceiver([400, 400, 200]) as manager:
        store.outbox.put([alert("a"), alert("b")], ["alertmanager"])
        assert deliver_due(store.outbox, [alertmanager(manager, clock)], clock) == Pass(delivered=1, dead=1)
        assert [len(post.json) for post in manager.posts] == [2, 1, 1]


def test_a_webhook_is_not_told_again_what_it_took_when_a_later_one_fails(store: Store, clock: Hand) -> None:
    with HttpReceiver([200, 503, 200]) as hook:
        store.outbox.put([alert("a"), alert("b"), alert("c")], ["webhook"])
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass(delivered=1, retried=2)
        clock.pass_by(timedelta(seconds=2))
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass(delivered=2)
        assert sent(hook) == ["a", "b", "b", "c"]


def test_a_webhook_that_refuses_one_takes_the_others(store: Store, clock: Hand) -> None:
    with HttpReceiver([200, 422, 200]) as hook:
        store.outbox.put([alert("a"), alert("b"), alert("c")], ["webhook"])
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass(delivered=2, dead=1)
        assert sent(hook) == ["a", "b", "c"]


def test_a_dead_receiver_keeps_no_other_waiting(store: Store, clock: Hand) -> None:
    with HttpReceiver([500]) as down, HttpReceiver() as up:
        store.outbox.put([alert("a")], ["alertmanager", "webhook"])
        found = deliver_due(store.outbox, [alertmanager(down, clock), webhook(up, clock)], clock)
        assert found == Pass(delivered=1, retried=1)


def test_a_receiver_that_is_gone_gives_its_alerts_up(store: Store, clock: Hand) -> None:
    store.outbox.put([alert("a")], ["webhook"])
    assert deliver_due(store.outbox, [], clock) == Pass(dead=1)
    assert deliver_due(store.outbox, [], clock) == Pass()


def test_what_fires_is_sent_to_alertmanager_again_and_again(store: Store, clock: Hand) -> None:
    with HttpReceiver() as manager:
        notifiers: list[Notifier] = [alertmanager(manager, clock)]
        store.outbox.put([alert("a"), alert("event", ends_at=START)], ["alertmanager"])
        assert deliver_due(store.outbox, notifiers, clock) == Pass(delivered=2)
        clock.pass_by(MINUTE / 2)
        assert deliver_due(store.outbox, notifiers, clock) == Pass()
        for _ in range(3):
            clock.pass_by(MINUTE)
            assert deliver_due(store.outbox, notifiers, clock) == Pass(delivered=1)
        ends = [datetime.fromisoformat(post.json[0]["endsAt"]) for post in manager.posts]
        assert all(later > earlier for earlier, later in itertools.pairwise(ends))


def test_a_webhook_hears_of_what_fires_once(store: Store, clock: Hand) -> None:
    with HttpReceiver() as hook:
        store.outbox.put([alert("a")], ["webhook"])
        deliver_due(store.outbox, [webhook(hook, clock)], clock)
        clock.pass_by(timedelta(days=1))
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass()


def test_a_resolved_alert_is_told_with_its_end_and_then_no_more(store: Store, clock: Hand) -> None:
    with HttpReceiver() as hook, HttpReceiver() as manager:
        notifiers: list[Notifier] = [webhook(hook, clock), alertmanager(manager, clock)]
        store.outbox.put([alert("a")], ["webhook", "alertmanager"])
        deliver_due(store.outbox, notifiers, clock)
        clock.pass_by(MINUTE / 3)
        store.outbox.resolve("a", at=clock.now())
        assert deliver_due(store.outbox, notifiers, clock) == Pass(delivered=2)
        assert hook.posts[-1].json["alerts"][0]["status"] == "resolved"
        assert manager.posts[-1].json[0]["endsAt"] == "2026-11-01T12:00:20.000+00:00"
        clock.pass_by(timedelta(days=1))
        assert deliver_due(store.outbox, notifiers, clock) == Pass()


def test_a_resend_that_fails_is_tried_again(store: Store, clock: Hand) -> None:
    with HttpReceiver([200, 503, 200]) as manager:
        notifiers: list[Notifier] = [alertmanager(manager, clock)]
        store.outbox.put([alert("a")], ["alertmanager"])
        deliver_due(store.outbox, notifiers, clock)
        clock.pass_by(2 * MINUTE)
        assert deliver_due(store.outbox, notifiers, clock) == Pass(retried=1)
        clock.pass_by(timedelta(minutes=10))
        assert deliver_due(store.outbox, notifiers, clock) == Pass(delivered=1)


def test_a_resend_that_fails_is_tried_again_before_alertmanager_forgets(store: Store, clock: Hand) -> None:
    with HttpReceiver() as manager:
        notifiers: list[Notifier] = [alertmanager(manager, clock)]
        store.outbox.put([alert("a")], ["alertmanager"])
        for _ in range(30):
            assert deliver_due(store.outbox, notifiers, clock) == Pass(delivered=1)
            clock.pass_by(MINUTE)
        manager.answers = [503, 200]
        assert deliver_due(store.outbox, notifiers, clock) == Pass(retried=1)
        clock.pass_by(timedelta(seconds=2))
        assert deliver_due(store.outbox, notifiers, clock) == Pass(delivered=1)


def test_what_was_given_up_is_kept_and_counted(store: Store, clock: Hand) -> None:
    with HttpReceiver([410]) as hook:
        store.outbox.put([alert("a")], ["webhook"])
        deliver_due(store.outbox, [webhook(hook, clock)], clock)
    assert store.outbox.counts() == {("webhook", "dead"): 1}
    assert store.outbox.oldest_pending() is None


def test_an_alert_resolved_before_it_was_told_is_told_as_over(store: Store, clock: Hand) -> None:
    with HttpReceiver([503, 200]) as hook:
        store.outbox.put([alert("a")], ["webhook"])
        deliver_due(store.outbox, [webhook(hook, clock)], clock)
        clock.pass_by(MINUTE)
        store.outbox.resolve("a", at=clock.now())
        assert deliver_due(store.outbox, [webhook(hook, clock)], clock) == Pass(delivered=1)
        assert hook.posts[-1].json["alerts"][0]["status"] == "resolved"


def test_many_alerts_are_delivered_over_several_passes(store: Store, clock: Hand) -> None:
    with HttpReceiver() as manager:
        many = [alert(f"k{n}", ends_at=START) for n in range(250)]
        store.outbox.put(many, ["alertmanager"])
        passes = [deliver_due(store.outbox, [alertmanager(manager, clock)], clock).delivered for _ in range(4)]
        assert sum(passes) == 250
        assert passes[-1] == 0


@given(st.integers(1, 10**9), st.integers(0, 10**6))
def test_waits_double_up_to_ten_minutes_and_are_the_same_every_time(delivery: int, attempts: int) -> None:
    found = wait(delivery, attempts)
    assert found == wait(delivery, attempts)
    longest = min(2 * 2 ** min(max(attempts - 1, 0), 12), 600)
    assert longest / 2 <= found.total_seconds() <= longest


def test_waits_of_different_deliveries_differ() -> None:
    assert len({wait(n, 5) for n in range(20)}) > 15
