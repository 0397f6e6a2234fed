"""Alerts to people through Apprise's own library, to a web server and a mail server of this machine."""

from __future__ import annotations

import email
import email.policy
import json
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from alert_samples import START, Hand, alert
from http_receiver import HttpReceiver
from typer.testing import CliRunner, Result

from driftwatch.alert import messages
from driftwatch.alert.alertmanager import AlertmanagerNotifier
from driftwatch.alert.apprise import AppriseNotifier
from driftwatch.alert.outbox import deliver_due
from driftwatch.alert.people import ended, message
from driftwatch.alert.settings import AlertmanagerSettings, AppriseSettings, WebhookSettings
from driftwatch.alert.webhook import WebhookNotifier
from driftwatch.cli import app
from driftwatch.demo.workspace import free_port
from driftwatch.domain.alert import DeliveryState
from driftwatch.domain.errors import ConfigError, NotifyError
from driftwatch.domain.secrets import Secret
from driftwatch.store import Store, open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.domain.protocols import Notifier

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SETTINGS = AppriseSettings(url="env:SERVICE", link="http://watch:9478")


class Mailbox:
    """A mail server's handler that keeps what comes."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"


def service(receiver: HttpReceiver, **change: Any) -> AppriseNotifier:
    address = receiver.url.replace("http://", "json://")
    return AppriseNotifier("chat", replace(SETTINGS, **change), url=Secret(f"{address}/?token=hidden"))


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def store(tmp_path: Path, clock: Hand) -> Iterator[Store]:
    opened = open_store(tmp_path / "driftwatch.db", clock=clock)
    yield opened
    opened.close()


def test_one_alert_is_one_message_with_all_it_says() -> None:
    told = replace(alert(), annotations={"incident": "/streams/s/incidents/3", "runbook_url": "https://example.org/r"})
    with HttpReceiver() as receiver:
        service(receiver).notify([told])
        (post,) = receiver.posts
    assert post.json["title"] == "[firing] the text has drifted"
    assert post.json["type"] == "warning"
    for line in (told.description, "Page: http://watch:9478/streams/s/incidents/3", "Runbook: https://example.org/r"):
        assert line in post.json["message"]


def test_a_mail_arrives() -> None:
    box = Mailbox()
    port = free_port()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    try:
        address = f"mailto://127.0.0.1:{port}/?from=watch@example.org&to=ops@example.org&format=text&mode=insecure"
        AppriseNotifier("mail", SETTINGS, url=Secret(address)).notify([alert()])
    finally:
        server.stop()
    (mail,) = box.mails
    assert mail["Subject"] == "[firing] the text has drifted"
    assert "ops@example.org" in mail["To"]
    body = mail.get_body(("plain",))
    assert body is not None
    assert "zwölf Wörter … 文" in body.get_content()


def test_alerts_below_the_least_severity_are_not_told() -> None:
    with HttpReceiver() as receiver:
        service(receiver, least="page").notify([alert()])
        service(receiver, least="ticket").notify([replace(alert(), severity="info")])
        assert receiver.posts == []
        service(receiver, least="page").notify([replace(alert(), severity="page"), alert("k2")])
        (post,) = receiver.posts
    assert post.json["title"] == "[firing] the text has drifted"


@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_is_not_taken_is_tried_again(status: int) -> None:
    with HttpReceiver([status]) as receiver, pytest.raises(NotifyError) as found:
        service(receiver).notify([alert()])
    assert found.value.retryable
    assert "hidden" not in str(found.value)


def test_an_address_that_is_none_is_told_without_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="no address that Apprise knows") as found:
        AppriseNotifier("chat", SETTINGS, url=Secret("nonsense://hidden"))
    assert "hidden" not in str(found.value) + "".join(capsys.readouterr())


def test_what_is_over_says_since_when_and_what_it_was() -> None:
    over = ended(replace(alert(), ends_at=START + timedelta(days=1, hours=3)))
    assert over.summary == "over: the text has drifted"
    assert over.description.startswith("Over since 2026-11-02 15:00:00 UTC, after 1 d 3 h.")
    for part in ("By itself: ", "You: ", "It was:\nzwölf"):
        assert part in over.description
    assert ended(alert()) == alert()
    assert ended(replace(alert(), ends_at=START)) == replace(alert(), ends_at=START)


def test_many_are_a_line_each_with_the_worst_tone() -> None:
    many = [replace(alert(f"k{n}", starts_at=START + n * HOUR), severity="info") for n in range(50)]
    made = message([*many, replace(alert("worst"), severity="page")], None)
    assert made.title == "driftwatch: 51 messages"
    assert made.tone == "failure"
    assert "(11 older ones are left out" in made.body
    assert made.body.index("2026-11-02 00:00:00") < made.body.index("2026-11-03 13:00:00")


def a_day_of_alerts(store: Store, clock: Hand, notifiers: list[Notifier]) -> None:
    """Let a day go by, twenty minutes at a time: an alert every three hours, a drift that ends, one that goes on."""
    names = [notifier.name for notifier in notifiers]
    for minute in range(0, 24 * 60, 20):
        if minute % 180 == 0:
            begun = clock.now()
            store.outbox.put([alert(f"event:{minute}", name="RunPromoted", starts_at=begun, ends_at=begun)], names)
        if minute == 40:
            store.outbox.put([alert("drift:short", starts_at=clock.now())], names)
        if minute == 100:
            store.outbox.resolve("drift:short", at=clock.now())
            store.outbox.put([alert("drift:long", starts_at=clock.now())], names)
        deliver_due(store.outbox, notifiers, clock)
        clock.pass_by(20 * MINUTE)


def test_people_get_one_message_after_a_day_without_them(store: Store, clock: Hand) -> None:
    with HttpReceiver([503]) as receiver:
        chat = service(receiver)
        a_day_of_alerts(store, clock, [chat])
        tries = len(receiver.posts)
        assert tries < 24 * 14, "a receiver that is down is asked a few times an hour"
        receiver.answers[:] = [200]
        receiver.posts.clear()
        for _ in range(6):
            deliver_due(store.outbox, [chat], clock)
            clock.pass_by(10 * MINUTE)
        (post,) = receiver.posts
    assert post.json["title"] == "driftwatch: 10 messages"
    assert post.json["message"].count("RunPromoted") == 8
    assert "over: the text has drifted, over since 2026-11-01 13:40:00 UTC" in post.json["message"]
    assert store.outbox.counts() == {("apprise:chat", DeliveryState.DELIVERED): 10}


def test_a_program_gets_each_once_after_a_day(store: Store, clock: Hand) -> None:
    with HttpReceiver([503]) as receiver:
        hook = WebhookNotifier(WebhookSettings(url=receiver.url), clock=clock)
        a_day_of_alerts(store, clock, [hook])
        receiver.answers[:] = [200]
        receiver.posts.clear()
        for _ in range(6):
            deliver_due(store.outbox, [hook], clock)
            clock.pass_by(10 * MINUTE)
        keys = [post.headers["Idempotency-Key"] for post in receiver.posts]
    assert len(keys) == len(set(keys)) == 10
    assert "drift:short:resolved" in keys


def test_alertmanager_gets_all_in_one_request_after_a_day(store: Store, clock: Hand) -> None:
    with HttpReceiver([503]) as receiver:
        manager = AlertmanagerNotifier(AlertmanagerSettings(url=receiver.url, resend=10 * HOUR / 10), clock=clock)
        a_day_of_alerts(store, clock, [manager])
        receiver.answers[:] = [200]
        receiver.posts.clear()
        for _ in range(6):
            deliver_due(store.outbox, [manager], clock)
            clock.pass_by(10 * MINUTE)
        told = [len(post.json) for post in receiver.posts]
    assert sum(told) == 10
    assert len(told) <= 8, "waits are drawn apart, so some come later"


def test_a_degraded_daemon_is_told_once_and_so_is_its_end(store: Store, clock: Hand) -> None:
    from driftwatch.daemon.degraded import PATIENCE, Degraded

    troubles: list[str] = ["stream docs: the worker died"]
    watch = Degraded(store, receivers=lambda: ("webhook",), reasons=lambda: troubles, clock=clock)
    watch.look()
    clock.pass_by(PATIENCE - MINUTE)
    watch.look()
    assert store.outbox.due(clock.now(), limit=9) == []
    clock.pass_by(MINUTE)
    for _ in range(3):
        watch.look()
        clock.pass_by(MINUTE)
    (told,) = store.outbox.due(clock.now(), limit=9)
    assert (told.alert.name, told.alert.starts_at, told.alert.ends_at) == ("DaemonDegraded", START, None)
    assert "- stream docs: the worker died" in told.alert.description
    store.outbox.delivered(told.id)
    troubles.clear()
    watch.look()
    (over,) = store.outbox.due(clock.now(), limit=9)
    assert over.alert.ends_at == clock.now()


def test_what_an_earlier_daemon_told_of_itself_is_ended(store: Store, clock: Hand) -> None:
    from driftwatch.daemon.degraded import Degraded

    store.outbox.put([messages.daemon_degraded(["x"], since=START, patience=MINUTE)], ("webhook",))
    Degraded(store, receivers=tuple, reasons=tuple, clock=clock).look()
    assert store.outbox.open_keys("daemon:degraded:") == []


def configured(folder: Path, chat: HttpReceiver, hook: HttpReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT", chat.url.replace("http://", "json://"))
    (folder / "driftwatch.toml").write_text(
        f'[alerts.webhook]\nurl = "{hook.url}/hook"\n[alerts.apprise.chat]\nurl = "env:CHAT"\n'
        'least = "page"\n[streams.s]\n'
    )


def tried(folder: Path, *more: str) -> Result:
    return CliRunner().invoke(app, ["alert", "test", *more, "--config", str(folder / "driftwatch.toml")])


def test_alert_test_reaches_every_receiver_and_says_which_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpReceiver() as chat, HttpReceiver([200, 500]) as hook:
        configured(tmp_path, chat, hook, monkeypatch)
        done = tried(tmp_path)
        assert (done.exit_code, done.output) == (0, "webhook: took it\napprise:chat: took it\n")
        assert "nothing happened" in chat.posts[0].json["title"]
        assert hook.posts[0].json["alerts"][0]["name"] == "Test"
        failed = tried(tmp_path, "--json")
        assert failed.exit_code == 1
        assert [each["error"] is None for each in json.loads(failed.stdout)] == [False, True]
        assert tried(tmp_path, "--receiver", "apprise:chat").exit_code == 0
        assert tried(tmp_path, "--receiver", "pager").exit_code == 4
