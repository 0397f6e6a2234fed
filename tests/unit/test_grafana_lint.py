"""The rules of grafana/dashboard-linter, which is a Go program that reads files: here they read ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
from board_files import NAMES, chosen, panels, read

from grafana.__main__ import BOARDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grafana.boards import Board

UNITS = {
    *("none", "short", "suffix:/s", "percentunit", "bool_yes_no", "dateTimeFromNow"),
    *("bytes", "s"),
}
"""Of Grafana's own, those in use here."""
AS_THEY_STAND = {
    "driftwatch_shadow_alarms_total": "since the reference came into force, against what is allowed since then",
    "driftwatch_shadow_texts_total": "likewise",
    "driftwatch_false_alarms_marked_total": "falls when a mark is taken back (docs/metrics.md)",
}
"""Counters that no rate is taken of, and why."""
WITHOUT_A_SCRAPE = {"ALERTS": "of Prometheus itself; an absence alert has no instance"}

every_board = pytest.mark.parametrize("board", BOARDS, ids=NAMES)


def variables(board: Board) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in read(board)["templating"]["list"]}


def nodes(node: Any, parents: tuple[Any, ...] = ()) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Walk a query, each part with what it stands in."""
    yield node, parents
    for name in ("lhs", "rhs", "expr", "args", "vector_selector"):
        below = getattr(node, name, None)
        for each in below if isinstance(below, list) else [below]:
            if each is not None:
                yield from nodes(each, (*parents, node))


def parts(board: Board) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
    for panel in panels(board):
        for target in panel.get("targets", ()):
            for node, parents in nodes(promql_parser.parse(chosen(target["expr"]))):
                yield target["expr"], node, parents


@every_board
def test_template_datasource_rule(board: Board) -> None:
    source = variables(board)["datasource"]
    assert (source["type"], source["query"], source["label"]) == ("datasource", "prometheus", "Data source")


@every_board
@pytest.mark.parametrize(("name", "label"), [("job", "Job"), ("instance", "Instance")])
def test_template_job_and_instance_rules(board: Board, name: str, label: str) -> None:
    variable = variables(board)[name]
    assert (variable["type"], variable["label"]) == ("query", label)
    assert variable["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert variable["multi"]
    assert variable["includeAll"]
    assert variable["allValue"] == ".+"


@every_board
def test_template_label_promql_and_on_time_change_reload_rules(board: Board) -> None:
    queries = [each for each in variables(board).values() if each["type"] == "query"]
    assert len(queries) >= 3
    for each in queries:
        series, label = each["query"].removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
        promql_parser.parse(chosen(series))
        assert label == each["name"]
        assert each["refresh"] == 2


@every_board
def test_variables_are_used_and_what_is_used_is_one(board: Board) -> None:
    text, declared = board.path.read_text(), variables(board)
    for name in declared:
        assert f"${name}" in text or f"${{{name}}}" in text, name
    for name in ("job", "instance", "stream", "detector"):
        assert (f"${name}" in text) == (name in declared)


@every_board
def test_panel_datasource_rule(board: Board) -> None:
    assert "${DS_" not in board.path.read_text()
    for panel in panels(board):
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert all(target["datasource"] == panel["datasource"] for target in panel.get("targets", ()))


@every_board
def test_panel_title_description_units_and_no_targets_rules(board: Board) -> None:
    for panel in panels(board):
        assert panel["title"]
        assert panel["description"]
        assert bool(panel.get("targets")) == (panel["type"] != "text"), panel["title"]
        if panel["type"] != "text":
            fields = panel["fieldConfig"]
            units = [each["value"] for o in fields["overrides"] for each in o["properties"] if each["id"] == "unit"]
            assert {fields["defaults"]["unit"], *units} <= UNITS, panel["title"]


@every_board
def test_target_rate_interval_rule(board: Board) -> None:
    for expression, node, _ in parts(board):
        if isinstance(node, promql_parser.Call) and node.func.name in {"rate", "irate"}:
            assert "$__rate_interval" in expression


@every_board
def test_target_job_and_instance_rules(board: Board) -> None:
    for expression, node, _ in parts(board):
        assert expression.count('job=~"$job"') == expression.count('instance=~"$instance"')
        if isinstance(node, promql_parser.VectorSelector) and node.name not in WITHOUT_A_SCRAPE:
            found = {each.name for each in node.matchers.matchers}
            assert {"job", "instance"} <= found, expression


@every_board
def test_target_counter_agg_rule(board: Board) -> None:
    for expression, node, parents in parts(board):
        if isinstance(node, promql_parser.VectorSelector) and str(node.name).endswith(("_total", "_bucket", "_count")):
            if node.name in AS_THEY_STAND:
                continue
            assert isinstance(parents[-1], promql_parser.MatrixSelector), expression
            assert isinstance(parents[-2], promql_parser.Call), expression
            assert parents[-2].func.name in {"rate", "irate", "increase"}, expression


@every_board
def test_uneditable_dashboard_rule(board: Board) -> None:
    assert read(board)["editable"] is False
