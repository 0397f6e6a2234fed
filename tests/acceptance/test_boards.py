"""The boards on a real daemon's life: quiet text, drift, a retraining, its probation; no panel empty or NaN."""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from board_files import chosen, panels
from board_pictures import MODULES, bundle, draw
from browser import PROGRAM as BROWSER
from browser import browser
from corpus import paragraphs
from deployment import DRIFTED, QUIET, STREAM, WINDOW, Daemon, Deployment, deploy, ready, run, until
from postgres import Stores
from prometheus_server import MISSING, PROGRAM, Prometheus, prometheus

from driftwatch.demo.workspace import free_port
from driftwatch.domain.run import RunState
from grafana.__main__ import BOARDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_800), pytest.mark.skipif(PROGRAM is None, reason=MISSING)]
MOST_WINDOWS = 14
UNFED = {
    "Audit: false alarms of the shadow stream": "a reference of 900 texts is too small to be audited: no budget",
    "What new texts say of groups": "these texts name no group",
    "Next pause ends in": "nothing is paused in this test",
}
"""Panels with a query that this life gives nothing to show, and why."""
PAUSE = (
    ("Overview", "Streams", "driftwatch_paused"),
    ("Overview", "Rules paused", "driftwatch_paused"),
    ("Retraining and bias", "Pauses in force", "driftwatch_paused"),
)
PAUSE_ENDS = ("Retraining and bias", "Next pause ends in", "driftwatch_paused_until")
"""Where a pause is shown: board, panel, and the metric that is asked for."""
RULES = f"""\
stream: [{STREAM}]
rules:
  - name: changed
    when: drift.alarm
    do: alert
  - name: worth-learning
    when: drift.alarm
    for: 4 windows
    do: retrain
    recipe: small
    need: {{fresh_texts: 200}}
    limits: {{cooldown: 24h}}
    gates: {{quality: {{min_gain: 0.0}}, forgetting: {{max_loss: 5.0}}, bias: {{max_increase: 50.0, neutral: 0}}}}
    promote: auto
    probation: {{windows: 2, max_increase: 5.0}}
"""
MORE = """
[streams.{stream}.evidence]
dependence = "independent"

[alerts.webhook]
url = "http://127.0.0.1:{port}/nobody"

[[streams.{stream}.drills]]
name = "new-topic"
texts = "drill.jsonl"
share = 1.0
every = "1m"
within = 120
"""


@dataclass
class Life:
    """A daemon and what it is fed: a text a second, by the texts' own times."""

    deployment: Deployment
    store: Store
    begin: datetime
    fed: int = 0

    def window(self, texts: list[str]) -> None:
        """Feed a window over HTTP, feedback on half of it first, and wait until it is assessed."""
        before = self.store.windows.position(STREAM).index
        named = [
            {"id": f"t{place}", "text": text, "time": (self.begin + timedelta(seconds=place)).isoformat()}
            for place, text in enumerate(texts, self.fed)
        ]
        self.fed += len(texts)
        said = [{"id": each["id"], "correct": place % 3 > 0} for place, each in enumerate(named[: WINDOW // 2])]
        self._post("feedback", said)
        self._post("texts", named)
        until(lambda: True if self.store.windows.position(STREAM).index > before else None, "a window", seconds=600)

    def states(self) -> list[RunState]:
        return [run.state for run in self.store.runs.list(stream=STREAM)]

    def alarmed(self) -> bool:
        return any(result.alarmed for result in self.store.windows.recent(STREAM, limit=1))

    def _post(self, kind: str, records: list[dict[str, str]] | list[dict[str, object]]) -> None:
        url = f"{self.deployment.url}/v1/streams/{STREAM}/{kind}"
        httpx.post(url, json=records, timeout=30).raise_for_status()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Iterator[Life]:
    deployment = deploy(tmp_path_factory.mktemp("boards") / "here", stores)
    drill = paragraphs(("torch/nn",), 300)
    (deployment.folder / "drill.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in drill))
    written = deployment.config.read_text().replace('type = "http"\n', 'type = "http"\ntime = "time"\n')
    written = written.replace(f"window = {WINDOW}\n", f'window = {WINDOW}\nfalse_alarms = "1 per 1h"\n')
    deployment.config.write_text(written + MORE.format(port=free_port(), stream=STREAM))
    (deployment.folder / "policies" / "policy.yaml").write_text(RULES)
    store = deployment.store()
    with Daemon(deployment) as daemon:
        until(lambda: ready(deployment), "the daemon to be ready")
        yield Life(deployment, store, begin=datetime.now(UTC) - timedelta(hours=1))
        assert daemon.stop() == 0
    store.close()


def said(life: Life) -> list[str]:
    """Return why the run stands where it does."""
    (run,) = life.store.runs.list(stream=STREAM)
    return [*(step.reason for step in run.transitions), *(f"{each.gate}: {each.detail}" for each in run.verdicts)]


def live(life: Life) -> None:
    """Feed quiet windows, then drifted ones until a run has been kept after its probation."""
    quiet, drifted = paragraphs(QUIET, 1_000 + 4 * WINDOW)[1_000:], paragraphs(DRIFTED, (MOST_WINDOWS + 3) * WINDOW)
    for number in range(4):
        life.window(quiet[number * WINDOW : (number + 1) * WINDOW])
    number = 0
    while not life.states():
        assert number < MOST_WINDOWS, "no alarm"
        life.window(drifted[number * WINDOW : (number + 1) * WINDOW])
        number += 1
    serving = (RunState.PROBATION, RunState.KEPT)
    until(
        lambda: True if any(state.final or state in serving for state in life.states()) else None,
        "the promotion",
        seconds=900,
    )
    assert life.states() == [RunState.PROBATION], said(life)
    for _ in range(2):
        life.window(drifted[number * WINDOW : (number + 1) * WINDOW])
        number += 1
    until(lambda: True if life.states() == [RunState.KEPT] else None, "the probation's end")


def test_no_panel_stays_empty_or_shows_what_is_no_number(life: Life, tmp_path: Path) -> None:
    with prometheus(tmp_path, life.deployment.port) as server:
        begin = time.time()
        live(life)
        until(lambda: True if server.now('driftwatch_runs{state="kept"} == 1') else None, "the last scrape")
        empty, odd = [], []
        for board in BOARDS:
            for panel in panels(board):
                for target in panel.get("targets", ()):
                    values = over(server, target["expr"], begin=begin)
                    where = (board.title, panel["title"], target["expr"])
                    empty += [] if values else [where]
                    odd += [] if all(map(math.isfinite, values)) else [where]
        assert {title for _, title, _ in empty} == UNFED.keys()
        assert odd == []
        if MODULES.exists() and BROWSER is not None:
            draw_all(server, tmp_path, begin=begin)


def test_a_pause_is_shown_where_somebody_wonders_why_nothing_happens(life: Life, tmp_path: Path) -> None:
    config = ("--config", str(life.deployment.config))
    with prometheus(tmp_path, life.deployment.port) as server:
        assert {place: server.now(asked(*place)) for place in PAUSE} == {place: [0] for place in PAUSE}
        assert server.now(asked(*PAUSE_ENDS)) == []
        run("pause", STREAM, "--for", "1h", "--because", "a test", *config)
        until(lambda: True if all(server.now(asked(*place)) == [1] for place in PAUSE) else None, "the pause")
        [left] = server.now(asked(*PAUSE_ENDS))
        assert 3_000 < left <= 3_600
        run("resume", STREAM, *config)
        until(lambda: True if all(server.now(asked(*place)) == [0] for place in PAUSE) else None, "its end")


def asked(board: str, title: str, name: str) -> str:
    """Return the query of a panel that asks for a metric; of the rule that is all of them, where it parts rules."""
    [found] = [each for each in BOARDS if each.title == board]
    [panel] = [each for each in panels(found) if each["title"] == title]
    [expression] = [target["expr"] for target in panel["targets"] if name in target["expr"]]
    by_rule = 'stream=~"$stream"}'
    parted = title == "Rules paused"
    return chosen(expression.replace(by_rule, f'{by_rule[:-1]},rule="*"}}') if parted else expression)


def draw_all(server: Prometheus, folder: Path, *, begin: float) -> None:
    """Draw the boards of that life; ``BOARD_PICTURES`` names a folder to keep them in."""
    keep, end = os.environ.get("BOARD_PICTURES"), time.time()
    files = bundle(folder)
    with browser(folder / "profile") as tab:
        for board in BOARDS:
            picture = draw(board, server, tab, files, begin=begin, end=end)
            assert picture.failed == [], board.title
            assert set(picture.empty) <= UNFED.keys(), board.title
            if keep is not None:
                (Path(keep) / f"board-{board.name}.png").write_bytes(picture.png)


def over(server: Prometheus, expression: str, *, begin: float) -> list[float]:
    """Return all values that a query had since a moment, the newest included."""
    asked, end = chosen(expression.replace("$__rate_interval", "10s")), time.time()
    series = server.over(asked, begin=end - (end - begin) // 1.0, end=end, step=1.0)
    return [value for _, values in series for _, value in values]
