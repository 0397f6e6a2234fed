"""Every board's queries and every rule on a real Prometheus that scrapes a real exporter."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import pytest
from board_files import chosen, events, panels
from busy_exporter import exporter
from prometheus_server import MISSING, PROGRAM, RULES, Prometheus, prometheus, wait_until

from grafana.__main__ import BOARDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder: Path = tmp_path_factory.mktemp("prometheus")
    with exporter() as target, prometheus(folder, target) as asked:
        yield asked


def test_no_query_of_a_board_is_empty_or_no_number(server: Prometheus) -> None:
    for board in BOARDS:
        for panel in panels(board):
            for query in panel.get("targets", ()):
                expression = chosen(query["expr"].replace("$__rate_interval", "10s"))
                values = server.now(expression)
                assert values, (board.title, panel["title"], expression)
                assert all(math.isfinite(value) for value in values), (panel["title"], expression, values)


def test_annotations_are_moments_in_milliseconds(server: Prometheus) -> None:
    for each in events(BOARDS[0]):
        for value in server.now(chosen(each["expr"])):
            assert 0 < time.time() - value / 1_000 < 3_600


def test_every_rule_is_evaluated_without_an_error(server: Prometheus) -> None:
    wait_until(lambda: all(rule["health"] == "ok" for rule in server.rules()))
    text = RULES.read_text()
    assert len(server.rules()) == text.count("- alert:") + text.count("- record:")


def test_exemplars_arrive(server: Prometheus) -> None:
    now = time.time()
    wait_until(lambda: bool(server.exemplars("driftwatch_run_arrivals_total", begin=now - 600, end=now + 60)))
    found = server.exemplars("driftwatch_run_arrivals_total", begin=now - 600, end=now + 60)
    assert {"run": "support-w0000012"} in found
