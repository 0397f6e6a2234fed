"""What `make stack` runs: quiet text, then drift, through the real Prometheus and Alertmanager to a receiver."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from deployment import run, until
from http_receiver import HttpReceiver
from prometheus_server import RULES
from stack_life import Told, processes, stack_life

from driftwatch.demo.workspace import STREAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack_life import StackLife

PROGRAMS = ("prometheus", "prometheus-alertmanager")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2_400),
    pytest.mark.skipif(
        not all(map(shutil.which, PROGRAMS)), reason="not installed (Debian: prometheus prometheus-alertmanager)"
    ),
]
ROOT = Path(__file__).resolve().parents[2]
DRIFT, DETECTED, STARTED, PROMOTED = "DriftwatchDriftAlarm", "DriftDetected", "RetrainStarted", "RunPromoted"
QUIET = {
    ("overview", "Alerts firing"): 0,
    ("overview", "Drift alarms in force"): 0,
    ("overview", "Streams"): 0,  # its first column: alarm
    ("embedding", "Drift alarms in force"): 0,
}
"""Panels and what they say while nothing drifts; a number or more of it once something does."""
RISING = {
    ("overview", "Evidence of drift"): 0.0,
    ("embedding", "Evidence now"): 0.0,
    ("embedding", "Loss over its baseline"): 0.1,
    ("overview", "New share of the traffic"): 0.05,
}
"""Panels and what they reach with drift alone."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackLife]:
    with (
        HttpReceiver() as receiver,
        stack_life(tmp_path_factory.mktemp("stack"), receiver, "--wait", "--interval", "1s") as running,
    ):
        yield running


def now(life: StackLife, expression: str) -> bool | None:
    """Whether an expression holds in Prometheus, or None for not yet."""
    return True if life.server.now(expression) else None


def reaches(life: StackLife, panel: tuple[str, str], limit: float) -> bool | None:
    return True if max(life.shown(*panel)) >= limit else None


def has_told(life: StackLife, name: str, status: str = "firing") -> bool | None:
    return True if Told(name, status) in life.told() else None


def test_all_that_runs_is_as_shipped(life: StackLife) -> None:
    copied = life.folder / "stack"
    assert (copied / RULES.name).read_bytes() == RULES.read_bytes()
    for name in ("prometheus.yml", "alertmanager.yml"):
        here, shipped = ((folder / name).read_text() for folder in (copied, RULES.parent))
        assert re.sub(r"127.0.0.1:\d+|_interval: 1s", "", here) == re.sub(r"127.0.0.1:\d+|_interval: 15s", "", shipped)
    assert httpx.get(f"{life.addresses['status page']}/").is_success


def test_quiet_text_raises_nothing(life: StackLife) -> None:
    until(lambda: now(life, "driftwatch_window_index >= 1"), "two windows")
    assert {panel: life.shown(*panel) for panel in QUIET} == {panel: [value] for panel, value in QUIET.items()}
    for panel, limit in RISING.items():
        assert max(life.shown(*panel)) < limit, panel
    assert life.shown("embedding", "Since the onset") == []
    assert life.server.now("ALERTS") == []
    assert (life.firing(), life.told()) == ({}, [])


def test_the_shipped_alert_fires_and_the_boards_show_the_drift(life: StackLife) -> None:
    life.drift()
    until(lambda: life.firing().get(DRIFT), "the shipped alert in Alertmanager")
    alert = life.firing()[DRIFT]
    assert (alert["labels"]["stream"], alert["labels"]["severity"], alert["status"]["state"]) == (
        STREAM,
        "ticket",
        "active",
    )
    assert (ROOT / alert["annotations"]["runbook"]).is_file()
    for panel, before in QUIET.items():
        assert max(life.shown(*panel)) > before, panel
    for panel, limit in RISING.items():
        until(lambda: reaches(life, panel, limit), str(panel))  # noqa: B023 - it is called before the next round
    assert life.shown("embedding", "Since the onset")[0] > 0
    until(lambda: True if {DRIFT, DETECTED} <= life.firing().keys() else None, "driftwatch's own alert beside it")
    until(lambda: has_told(life, DRIFT), "word of it")


def test_a_retraining_is_told_once(life: StackLife) -> None:
    until(lambda: has_told(life, STARTED), "word of the retraining")
    alertmanager = f"{life.addresses['Alertmanager']}/api/v2/alerts"
    sent = life.firing()[STARTED]
    again = {name: sent[name] for name in ("labels", "annotations", "startsAt", "endsAt")}
    httpx.post(alertmanager, json=[again], trust_env=False).raise_for_status()  # as after a crash while it was sent
    until(lambda: now(life, 'driftwatch_runs{state="kept"} == 1'), "the new model to be kept", seconds=900)
    until(lambda: has_told(life, PROMOTED), "word of the promotion")
    assert life.shown("overview", "Runs going on") == [0]


def test_it_is_over_once_the_model_has_learnt_the_text(life: StackLife) -> None:
    until(lambda: now(life, "driftwatch_drift_alarm == 0"), "the alarm's end")
    # As shipped, the alert outlasts the alarm by five minutes and people hear of its end within five more.
    life.reload(RULES.name, "max_over_time(driftwatch_drift_alarm[5m])", "max_over_time(driftwatch_drift_alarm[15s])")
    life.reload("alertmanager.yml", "group_interval: 5m", "group_interval: 5s")
    until(lambda: has_told(life, DETECTED, "resolved"), "the end of driftwatch's own alert")
    until(lambda: has_told(life, DRIFT, "resolved"), "the end of Prometheus'")
    until(lambda: True if not {DRIFT, DETECTED} & life.firing().keys() else None, "Alertmanager to forget")
    told = Counter(life.told())
    assert (told[Told(STARTED, "firing")], told[Told(PROMOTED, "firing")]) == (1, 1)
    assert set(told) == {
        Told(STARTED, "firing"),
        Told(PROMOTED, "firing"),
        *(Told(name, status) for name in (DRIFT, DETECTED) for status in ("firing", "resolved")),
    }


def test_it_leaves_nothing_behind_not_even_a_run_at_work(life: StackLife) -> None:
    asked = ("--rule", "model-suffers", "--force", "--because", "a test", "--config", str(life.config))
    until(lambda: now(life, "driftwatch_window_index >= 1"), "windows to train on")
    run("retrain", STREAM, *asked)
    until(lambda: {*processes("driftwatch job")} & {*processes(str(life.config))} or None, "the run's job")
    assert life.interrupt() == 0, life.said
    until(lambda: processes(str(life.folder)) == [] or None, "the last process to be gone", seconds=60)
    assert "stopped" in life.said
    for address in life.addresses.values():
        with pytest.raises(httpx.ConnectError):
            httpx.get(address, trust_env=False)
