"""What every receiver's notifier keeps to, against real HTTP servers."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from alert_samples import START, Hand, alert
from http_receiver import HttpReceiver

from driftwatch.alert.alertmanager import AlertmanagerNotifier
from driftwatch.alert.settings import AlertmanagerSettings, WebhookSettings
from driftwatch.alert.webhook import WebhookNotifier
from driftwatch.domain.errors import NotifyError
from driftwatch.domain.protocols import Notifier
from driftwatch.domain.secrets import Secret
from driftwatch.domain.signature import sign

WAIT = timedelta(seconds=60)
Make = Callable[[str], Notifier]


def alertmanager(url: str, *, timeout: timedelta = WAIT) -> AlertmanagerNotifier:
    return AlertmanagerNotifier(AlertmanagerSettings(url=url, timeout=timeout, link="http://watch:9478"), clock=Hand())


def webhook(url: str, *, timeout: timedelta = WAIT, secret: Secret | None = None) -> WebhookNotifier:
    return WebhookNotifier(
        WebhookSettings(url=f"{url}/hook?token=hidden", timeout=timeout), clock=Hand(), secret=secret
    )


MAKERS = pytest.mark.parametrize("make", [alertmanager, webhook])


@MAKERS
def test_it_has_a_name_that_stays(make: Make) -> None:
    assert make("http://127.0.0.1:1").name == make("http://127.0.0.1:2").name


@MAKERS
def test_every_alert_arrives(make: Make) -> None:
    with HttpReceiver() as receiver:
        make(receiver.url).notify([alert("a"), alert("b")])
        bodies = b"".join(post.body for post in receiver.posts)
    assert bodies.count("zwölf Wörter … 文".encode()) == 2
    assert all(post.headers["Content-Type"] == "application/json" for post in receiver.posts)


@MAKERS
def test_nothing_to_tell_is_no_error(make: Make) -> None:
    with HttpReceiver() as receiver:
        make(receiver.url).notify([])


@MAKERS
@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_success_is_any_2xx(make: Make, status: int) -> None:
    with HttpReceiver([status]) as receiver:
        make(receiver.url).notify([alert()])


@MAKERS
@pytest.mark.parametrize("status", [302, 408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_worth_another_try(make: Make, status: int) -> None:
    with HttpReceiver([status]) as receiver, pytest.raises(NotifyError, match=f"answered {status}") as raised:
        make(receiver.url).notify([alert()])
    assert raised.value.retryable


@MAKERS
@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_a_refusal_is_final(make: Make, status: int) -> None:
    with HttpReceiver([status]) as receiver, pytest.raises(NotifyError, match=f"answered {status}") as raised:
        make(receiver.url).notify([alert()])
    assert not raised.value.retryable


@MAKERS
def test_a_refusal_says_what_the_receiver_said_but_not_the_url_s_token(make: Make) -> None:
    said = b"no such route \xff\n" * 1_000
    with HttpReceiver([404], say=said) as receiver, pytest.raises(NotifyError) as raised:
        make(receiver.url).notify([alert()])
    assert "no such route" in str(raised.value)
    assert "hidden" not in str(raised.value)
    assert len(str(raised.value)) < 400


@MAKERS
def test_nobody_listening_is_worth_another_try(make: Make) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotifyError, match="did not answer: ConnectError") as raised:
            make(f"http://127.0.0.1:{taken.getsockname()[1]}").notify([alert()])
    assert raised.value.retryable


@pytest.mark.parametrize("make", [alertmanager, webhook])
def test_silence_is_worth_another_try(make: Callable[..., Notifier]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        notifier = make(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=timedelta(milliseconds=100))
        with pytest.raises(NotifyError, match="did not answer: ReadTimeout") as raised:
            notifier.notify([alert()])
    assert raised.value.retryable


@MAKERS
def test_proxies_of_the_environment_are_not_used(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with HttpReceiver() as receiver:
        make(receiver.url).notify([alert()])


def test_the_webhook_s_form() -> None:
    with HttpReceiver() as receiver:
        webhook(receiver.url).notify([alert(ends_at=START + timedelta(hours=1))])
        (post,) = receiver.posts
    assert post.path == "/hook?token=hidden"
    assert post.json == {
        "version": 1,
        "alerts": [
            {
                "key": "drift:s:r:1",
                "status": "resolved",
                "name": "DriftDetected",
                "stream": "s",
                "severity": "ticket",
                "summary": "the text has drifted",
                "description": "zwölf Wörter … 文",
                "starts_at": "2026-11-01T12:00:00Z",
                "ends_at": "2026-11-01T13:00:00Z",
                "labels": {"rule": "r"},
                "annotations": {"runbook_url": "https://example.org/r"},
            }
        ],
    }


def test_the_webhook_repeats_under_the_same_key_and_resolves_under_another() -> None:
    with HttpReceiver([500, 200]) as receiver:
        notifier = webhook(receiver.url)
        with pytest.raises(NotifyError):
            notifier.notify([alert("k")])
        notifier.notify([alert("k")])
        notifier.notify([alert("k", ends_at=START + timedelta(hours=1)), alert("e", ends_at=START)])
        keys = [post.headers["Idempotency-Key"] for post in receiver.posts]
    assert keys == ["k:firing", "k:firing", "k:resolved", "e:event"]


def test_the_webhook_is_signed_as_the_manual_says() -> None:
    with HttpReceiver() as receiver:
        webhook(receiver.url, secret=Secret("s3cret")).notify([alert()])
        (post,) = receiver.posts
    stamp = post.headers["X-Driftwatch-Timestamp"]
    assert stamp == str(int(START.timestamp()))
    wanted = hmac.new(b"s3cret", stamp.encode() + b"." + post.body, hashlib.sha256).hexdigest()
    assert post.headers["X-Driftwatch-Signature"] == f"v1={wanted}"
    assert b"s3cret" not in post.body


def test_without_a_secret_there_is_no_signature() -> None:
    with HttpReceiver() as receiver:
        webhook(receiver.url).notify([alert()])
        assert "X-Driftwatch-Signature" not in receiver.posts[0].headers


def test_a_signature_depends_on_body_time_and_secret() -> None:
    base = sign(b"body", timestamp="1", secret=Secret("a"))
    others = [
        sign(b"bodz", timestamp="1", secret=Secret("a")),
        sign(b"body", timestamp="2", secret=Secret("a")),
        sign(b"body", timestamp="1", secret=Secret("b")),
    ]
    assert base not in others


def test_alertmanager_gets_all_in_one_request_with_labels_and_ends() -> None:
    resolved = alert("b", ends_at=START - timedelta(minutes=5))
    event = alert("c", name="RunPromoted", ends_at=START)
    with HttpReceiver() as receiver:
        alertmanager(f"{receiver.url}/").notify([alert("a"), resolved, event])
        (post,) = receiver.posts
    assert post.path == "/api/v2/alerts"
    firing, over, once = post.json
    assert firing["labels"] == {"rule": "r", "alertname": "DriftDetected", "stream": "s", "severity": "ticket"}
    assert firing["annotations"]["summary"] == "the text has drifted"
    assert firing["generatorURL"] == "http://watch:9478"
    assert firing["startsAt"] == "2026-11-01T12:00:00.000+00:00"
    assert firing["endsAt"] == "2026-11-01T12:04:00.000+00:00"
    assert over["endsAt"] == "2026-11-01T11:55:00.000+00:00"
    assert once["endsAt"] == "2026-11-01T12:15:00.000+00:00"


INCIDENT_PATH = "/streams/s/incidents/12"


@pytest.mark.parametrize(
    ("link", "shown"),
    [(None, INCIDENT_PATH), ("https://watch.example.org/drift/", f"https://watch.example.org/drift{INCIDENT_PATH}")],
)
def test_both_name_the_incident_page_by_its_whole_address_where_it_is_known(link: str | None, shown: str) -> None:
    told = replace(alert("a"), annotations={"incident": INCIDENT_PATH})
    with HttpReceiver() as receiver:
        AlertmanagerNotifier(AlertmanagerSettings(url=receiver.url, link=link), clock=Hand()).notify([told])
        WebhookNotifier(WebhookSettings(url=receiver.url, link=link), clock=Hand()).notify([told])
        over_there, hook = receiver.posts
    assert over_there.json[0]["annotations"]["incident"] == shown
    assert over_there.json[0].get("generatorURL") == (shown if link else None)
    assert hook.json["alerts"][0]["annotations"]["incident"] == shown
