from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import promql_parser
import pytest

from driftwatch.metrics import FAMILIES
from grafana import overview

METRICS = {family.name: set(family.labels) for family in FAMILIES}
SCRAPED = {"instance", "job"}


@pytest.fixture(scope="module")
def board() -> dict[str, object]:
    loaded = json.loads(overview.PATH.read_text())
    assert isinstance(loaded, dict)
    return loaded


def panels() -> list[dict[str, object]]:
    found = json.loads(overview.PATH.read_text())["panels"]
    return [panel for panel in found if panel["type"] != "row"]


def expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel["targets"]]  # type: ignore[attr-defined]


def plain(expression: str) -> str:
    return expression.replace("$__rate_interval", "1m").replace("$stream", ".*")


def test_what_is_checked_in_is_what_the_source_says() -> None:
    assert overview.PATH.read_text() == overview.rendered()


def test_it_is_of_the_schema_that_grafana_11_writes(board: dict[str, object]) -> None:
    assert board["schemaVersion"] == 41
    assert board["uid"] == "driftwatch-overview"


def test_the_data_source_is_a_variable_everywhere(board: dict[str, object]) -> None:
    text = json.dumps(board)
    assert "${DS_" not in text
    assert all(panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"} for panel in panels())
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}  # type: ignore[index]
    assert variables["datasource"]["type"] == "datasource"
    assert variables["stream"]["multi"]
    assert variables["stream"]["includeAll"]


def test_panels_are_numbered_and_do_not_lie_on_each_other(board: dict[str, object]) -> None:
    everything: list[dict[str, object]] = board["panels"]  # type: ignore[assignment]
    assert len({panel["id"] for panel in everything}) == len(everything)
    places: list[dict[str, int]] = [panel["gridPos"] for panel in everything]  # type: ignore[misc]
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y
    assert all(place["x"] + place["w"] <= 24 for place in places)


def test_how_much_is_known_word_for_word_has_a_panel() -> None:
    assert any('measure="window.known_share"' in expression for expression in expressions())


def test_every_panel_says_what_it_means_and_in_which_unit() -> None:
    for panel in panels():
        assert panel["title"]
        assert len(str(panel["description"])) > 20
        assert panel["type"] == "state-timeline" or panel["fieldConfig"]["defaults"]["unit"]  # type: ignore[index]


def test_the_first_row_asks_whether_anything_is_wrong_and_whether_anything_happens(board: dict[str, object]) -> None:
    everything: list[dict[str, object]] = board["panels"]  # type: ignore[assignment]
    assert everything[0]["title"] == "Is anything wrong? Is anything happening?"
    first = [panel["title"] for panel in everything if panel["gridPos"]["y"] == 1]  # type: ignore[index]
    assert first[:3] == ["Daemon", "Drift alarms in force", "Rules holding"]
    assert "Texts a second" in first


@pytest.mark.parametrize("expression", expressions())
def test_queries_parse_and_name_only_what_is_exported(expression: str) -> None:
    promql_parser.parse(plain(expression))
    named = set(re.findall(r"driftwatch_[a-z0-9_]+", expression))
    assert named
    assert named <= METRICS.keys()


@pytest.mark.parametrize("expression", expressions())
def test_matchers_and_groupings_name_only_labels_that_exist(expression: str) -> None:
    known = SCRAPED.union(*(METRICS[name] for name in re.findall(r"driftwatch_[a-z0-9_]+", expression)))
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    grouped = [name.strip() for names in re.findall(r"by \(([^)]*)\)", expression) for name in names.split(",")]
    assert {*matched, *grouped} <= known


def test_provisioning_is_whole() -> None:
    folder = Path(overview.__file__).parent / "provisioning"
    assert {path.parent.name for path in folder.rglob("*.yaml")} == {"dashboards", "datasources"}
