"""The real Alertmanager of the distribution takes, shows and ends our alerts."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest
from alert_samples import DECISION, RESULT, STATE, Hand, alert, run
from http_receiver import HttpReceiver

from driftwatch.alert import messages
from driftwatch.alert.alertmanager import AlertmanagerNotifier
from driftwatch.alert.settings import AlertmanagerSettings
from driftwatch.demo.workspace import free_port
from driftwatch.domain.run import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROGRAM = shutil.which("prometheus-alertmanager")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="prometheus-alertmanager is not installed")

CONFIG = """\
route: {{receiver: hook, group_by: [alertname], group_wait: 0s, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: hook
    webhook_configs: [{{url: "{url}/", send_resolved: true}}]
"""


def until(met: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as hook:
        yield hook


@pytest.fixture
def url(tmp_path: Path, receiver: HttpReceiver) -> Iterator[str]:
    config = tmp_path / "alertmanager.yml"
    config.write_text(CONFIG.format(url=receiver.url))
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(PROGRAM),
        f"--config.file={config}",
        f"--storage.path={tmp_path}/data",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until(lambda: ready(f"http://{address}"))
        yield f"http://{address}"
        process.terminate()


def told(receiver: HttpReceiver, status: str) -> set[str]:
    """Return the names of the alerts that Alertmanager passed on as firing or resolved."""
    alerts = [alert for post in receiver.posts for alert in post.json["alerts"]]
    return {alert["labels"]["alertname"] for alert in alerts if alert["status"] == status}


def test_alerts_are_taken_shown_passed_on_and_ended(url: str, receiver: HttpReceiver) -> None:
    now = datetime.now(UTC)
    notifier = AlertmanagerNotifier(AlertmanagerSettings(url=url, link="http://watch:9478/"), clock=Hand(now))
    drift = messages.drift_detected(DECISION, result=RESULT, state=STATE, labels={"severity": "page", "team": "nlp"})
    (promoted,) = messages.for_transition(
        run(RunState.PROMOTING), to=RunState.PROBATION, reason="all gates hold", at=now - timedelta(hours=3)
    )
    notifier.notify([drift, promoted])
    until(lambda: told(receiver, "firing") == {"DriftDetected", "RunPromoted"})
    shown = httpx.get(f"{url}/api/v2/alerts", trust_env=False).json()
    by_name = {alert["labels"]["alertname"]: alert for alert in shown}
    assert by_name["DriftDetected"]["labels"] == {
        "alertname": "DriftDetected",
        "stream": "s",
        "severity": "page",
        "team": "nlp",
        "rule": "tell",
    }
    assert "tensor" in by_name["DriftDetected"]["annotations"]["description"]
    assert by_name["DriftDetected"]["generatorURL"] == "http://watch:9478/streams/s/incidents/12"

    ended = AlertmanagerNotifier(AlertmanagerSettings(url=url), clock=Hand(datetime.now(UTC)))
    over = messages.drift_detected(DECISION, result=RESULT, state=STATE, labels={"severity": "page", "team": "nlp"})
    ended.notify([replace(over, ends_at=datetime.now(UTC))])
    until(lambda: "DriftDetected" in told(receiver, "resolved"))
    assert "RunPromoted" not in told(receiver, "resolved")


def test_a_repeat_of_the_same_alert_stays_one(url: str) -> None:
    notifier = AlertmanagerNotifier(AlertmanagerSettings(url=url), clock=Hand(datetime.now(UTC)))
    for _ in range(3):
        notifier.notify([alert(starts_at=datetime.now(UTC))])
    assert len(httpx.get(f"{url}/api/v2/alerts", trust_env=False).json()) == 1
