"""A real Prometheus (Debian: prometheus) that scrapes something on loopback with the shipped rules."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

DEADLINE = 60.0
RULES = Path(__file__).resolve().parents[1] / "grafana" / "prometheus" / "driftwatch.rules.yml"
PROGRAM = shutil.which("prometheus")
MISSING = "prometheus is not installed (Debian: prometheus)"

Series = list[tuple["Mapping[str, str]", list[tuple[float, float]]]]
"""Labels, and moments with values."""


class Prometheus:
    """Asks it.

    Args:
        client: of its API.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def now(self, expression: str) -> list[float]:
        """Return the present values of an expression; none while it is starting."""
        answer = self._client.get("/query", params={"query": expression})
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return []
        body = answer.json()
        assert body["status"] == "success", (expression, body)
        return [float(series["value"][1]) for series in body["data"]["result"]]

    def last_scrape(self, *, begin: float, end: float) -> float:
        """Return when a scrape last succeeded: on a machine that is busy some do not, and leave a gap."""
        [(_, scraped)] = self.over("min(up == 1)", begin=begin, end=end, step=1.0)
        return scraped[-1][0]

    def over(self, expression: str, *, begin: float, end: float, step: float) -> Series:
        """Return the values of an expression over time."""
        params: dict[str, str | float] = {"query": expression, "start": begin, "end": end, "step": step}
        body = self._client.get("/query_range", params=params).json()
        assert body["status"] == "success", (expression, body)
        return [
            (series["metric"], [(float(at), float(value)) for at, value in series["values"]])
            for series in body["data"]["result"]
        ]

    def rules(self) -> list[dict[str, str]]:
        """Return its rules as they stand."""
        groups = self._client.get("/rules").json()["data"]["groups"]
        return [rule for group in groups for rule in group["rules"]]

    def exemplars(self, series: str, *, begin: float, end: float) -> list[dict[str, str]]:
        """Return the labels of the exemplars of a series."""
        found = self._client.get("/query_exemplars", params={"query": series, "start": begin, "end": end}).json()
        return [each["labels"] for of in found["data"] for each in of["exemplars"]]


def wait_until(true: Callable[[], bool], *, seconds: float = DEADLINE) -> None:
    """Look again and again until something is true."""
    pause, end = threading.Event(), time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "Prometheus did not get there in time"
        pause.wait(0.2)


@contextmanager
def prometheus(folder: Path, target: int) -> Iterator[Prometheus]:
    """Run it on a target's port, with all that the boards ask of it, until it has scraped four times."""
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [{"job_name": "driftwatch", "static_configs": [{"targets": [f"127.0.0.1:{target}"]}]}],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert PROGRAM is not None, MISSING
    command = [
        PROGRAM,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=10) as client:
                server = Prometheus(client)
                wait_until(lambda: _answers(server))
                yield server
        finally:
            process.terminate()


def _answers(server: Prometheus) -> bool:
    try:
        return len(server.now("count_over_time(driftwatch_store_bytes[1m]) >= 4")) > 0
    except httpx.TransportError:
        return False
