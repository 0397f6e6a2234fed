"""Every dashboard query and alert rule on a real Prometheus that scrapes a real exporter."""

from __future__ import annotations

import json
import math
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from figures import busy_snapshot
from web_client import Daemon

from driftwatch.metrics import Exposition
from driftwatch.web import Pages, create_app, serve
from grafana import overview

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 60.0
RULES = Path(overview.__file__).parent / "prometheus" / "driftwatch.rules.yml"

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None, reason="prometheus is not installed (Debian: prometheus)"
)


@contextmanager
def exporter() -> Iterator[int]:
    """Serve a busy daemon's metrics whose counters rise with every scrape."""
    daemon, scrapes = Daemon(), count(1)
    exposition = Exposition(lambda: busy_snapshot("support", "sales", at=datetime.now(UTC), scale=next(scrapes)))
    app = create_app(
        intake={},
        metrics=exposition.render,
        health=lambda: daemon.health,
        reload=lambda _who: daemon.reloaded,
        pages=Pages(
            status=lambda: daemon.view,
            window=daemon.window,
            incident=daemon.incident,
            report=daemon.report,
            run=daemon.run,
        ),
    )
    server = serve(app, "127.0.0.1", 0)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield server.port
    finally:
        server.should_exit = True
        thread.join(DEADLINE)


def wait_until(true: Callable[[], bool]) -> None:
    pause, end = threading.Event(), time.monotonic() + DEADLINE
    while not true():
        assert time.monotonic() < end, "Prometheus did not get there in time"
        pause.wait(0.2)


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[httpx.Client]:
    config = {
        "global": {"scrape_interval": "500ms", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "driftwatch", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=10) as client:
                wait_until(lambda: answers(client))
                yield client
        finally:
            process.terminate()


def answers(client: httpx.Client) -> bool:
    try:
        return len(ask(client, "count_over_time(driftwatch_store_bytes[1m]) >= 4")) > 0
    except httpx.TransportError:
        return False


def ask(client: httpx.Client, expression: str) -> list[float]:
    answer = client.get("/query", params={"query": expression})
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        return []
    body = answer.json()
    assert body["status"] == "success", (expression, body)
    return [float(series["value"][1]) for series in body["data"]["result"]]


def test_no_query_is_empty_and_no_rule_is_broken(tmp_path: Path) -> None:
    panels = [panel for panel in json.loads(overview.PATH.read_text())["panels"] if panel["type"] != "row"]
    with exporter() as target, prometheus(tmp_path, target) as client:
        for panel in panels:
            for query in panel["targets"]:
                expression = query["expr"].replace("$__rate_interval", "10s").replace("$stream", "support|sales")
                values = ask(client, expression)
                assert values, (panel["title"], expression)
                assert all(math.isfinite(value) for value in values), (panel["title"], expression, values)
        wait_until(lambda: all(rule["health"] == "ok" for rule in rules_of(client)))
        assert len(rules_of(client)) == RULES.read_text().count("- alert:")


def rules_of(client: httpx.Client) -> list[dict[str, str]]:
    return [rule for group in client.get("/rules").json()["data"]["groups"] for rule in group["rules"]]
