from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
import yaml
from board_files import NAMES, chosen, events, expressions, panels, read

from driftwatch.metrics import FAMILIES
from driftwatch.metrics.family import HistogramFamily
from driftwatch.web.routes import Route
from grafana.__main__ import BOARDS
from grafana.boards import FOLDER
from grafana.panels import GREY

if TYPE_CHECKING:
    from grafana.boards import Board

ROOT = Path(__file__).resolve().parents[2]
SCRAPED = {"instance", "job"}
OTHERS = {
    "ALERTS": {"alertname", "alertstate"},
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
    "process_open_fds": set[str](),
    "process_max_fds": set[str](),
    "scrape_duration_seconds": set[str](),
    "scrape_samples_scraped": set[str](),
}
"""What the process and Prometheus itself export."""
METRICS = {
    **{family.name: set(family.labels) for family in FAMILIES if not isinstance(family, HistogramFamily)},
    **{
        f"{family.name}_{end}": {*family.labels, "le"}
        for family in FAMILIES
        if isinstance(family, HistogramFamily)
        for end in ("bucket", "sum", "count")
    },
    **OTHERS,
}

every_board = pytest.mark.parametrize("board", BOARDS, ids=NAMES)
every_query = pytest.mark.parametrize(
    "expression",
    sorted({each for board in BOARDS for each in (*expressions(board), *(a["expr"] for a in events(board)))}),
)


def named(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:driftwatch|process|scrape)_[a-z0-9_]+|\bALERTS\b", expression))


@every_board
def test_what_is_checked_in_is_what_the_source_says(board: Board) -> None:
    assert board.path.read_text() == board.rendered()


def test_there_is_no_file_without_its_board() -> None:
    assert set(FOLDER.iterdir()) == {board.path for board in BOARDS}
    assert len({board.uid for board in BOARDS}) == len(BOARDS) == 5


@every_board
def test_it_is_of_the_schema_that_grafana_11_writes(board: Board) -> None:
    loaded = read(board)
    assert loaded["schemaVersion"] == 41
    assert loaded["uid"] == f"driftwatch-{board.name}"
    assert loaded["description"].endswith((".", "?"))


@every_board
def test_panels_are_numbered_and_do_not_lie_on_each_other(board: Board) -> None:
    everything = read(board)["panels"]
    assert len({panel["id"] for panel in everything}) == len(everything)
    places: list[dict[str, int]] = [panel["gridPos"] for panel in everything]
    for one, other in combinations(places, 2):
        apart_x = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart_y = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert apart_x or apart_y, (one, other)
    assert all(place["x"] + place["w"] <= 24 for place in places)


@every_board
def test_every_panel_says_what_it_means_and_in_which_unit(board: Board) -> None:
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(titles)) == len(titles)
    for panel in panels(board):
        assert len(panel["description"]) > 20, panel["title"]
        assert panel["description"].endswith((".", "?")), panel["title"]
        assert panel["type"] == "text" or panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@every_board
def test_colours_of_values_mean_something(board: Board) -> None:
    """A value's colour has at least two grades or words, unless no value is bad: then it has no signal's."""
    for panel in panels(board):
        steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps", [])
        if panel["type"] == "stat" and len(steps) < 2:
            assert steps[0]["color"] in {GREY, "blue"}, panel["title"]
        values = [step["value"] for step in steps]
        assert values[:1] in ([], [None])
        assert values[1:] == sorted(values[1:])


def test_the_first_row_asks_whether_anything_is_wrong_and_whether_anything_happens() -> None:
    everything = read(BOARDS[0])["panels"]
    assert everything[0]["title"] == "Is anything wrong? Is anything happening?"
    first = [panel["title"] for panel in everything if panel["gridPos"]["y"] == 1]
    assert first == [
        "Daemon",
        "Alerts firing",
        "Drift alarms in force",
        "Approvals wanted",
        "Runs going on",
        "Texts a second",
        "Since the last text",
        "Texts waiting",
    ]


@every_query
def test_queries_parse_and_name_only_what_is_exported(expression: str) -> None:
    promql_parser.parse(chosen(expression))
    assert named(expression) or "vector(" in expression
    assert named(expression) <= METRICS.keys()


@every_query
def test_matchers_and_groupings_name_only_labels_that_exist(expression: str) -> None:
    known = SCRAPED.union(*(METRICS[name] for name in named(expression)))
    matched = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression)
    grouped = [name.strip() for names in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for name in names.split(",")]
    assert {*matched, *grouped} <= known


def test_every_metric_is_on_a_board_or_in_a_rule() -> None:
    rules = (FOLDER.parent / "prometheus" / "driftwatch.rules.yml").read_text()
    shown = named(rules).union(*(named(each) for board in BOARDS for each in expressions(board)))
    shown |= {name for board in BOARDS for each in events(board) for name in named(each["expr"])}
    variables = {name for board in BOARDS for each in read(board)["templating"]["list"] for name in named(str(each))}
    sums = {name for name in METRICS if name.endswith("_sum")}
    unshown = METRICS.keys() - shown - variables - sums
    assert unshown <= {
        "driftwatch_drift_measure_null_low",  # the bands' lower ends: a fall of a distance is no drift
        "driftwatch_run_round",  # on the run's page, which says what the round is about
        "driftwatch_rule_fired_timestamp_seconds",  # decisions are charted by what they did
        "driftwatch_reference_texts",  # on the status page
        "driftwatch_worker_up",  # restarts say more
        "driftwatch_false_alarm_budget_texts",  # configured
        "driftwatch_paused_since_timestamp_seconds",  # beside the pause's state
    }


@every_board
def test_retrainings_promotions_and_rollbacks_are_marked_at_their_own_time(board: Board) -> None:
    assert [each["name"] for each in events(board)] == ["Retraining asked for", "Promoted", "Rolled back"]
    for each in events(board):
        assert each["useValueForTime"]
        assert each["expr"].startswith("1000 * driftwatch_run_last_arrival_timestamp_seconds{")


@every_board
def test_it_leads_to_the_other_boards_and_to_the_daemons_pages(board: Board) -> None:
    boards, status = read(board)["links"]
    assert (boards["type"], boards["tags"], boards["includeVars"]) == ("dashboards", ["driftwatch"], True)
    assert board.uid in {each.uid for each in BOARDS if "driftwatch" in read(each)["tags"]}
    assert status["url"] == "${pages}/"


def links(anything: Any) -> list[str]:
    """Return every address in a board's file, wherever it stands."""
    if isinstance(anything, dict):
        found = [anything["url"]] if isinstance(anything.get("url"), str) else []
        return found + [url for value in anything.values() for url in links(value)]
    if isinstance(anything, list):
        return [url for each in anything for url in links(each)]
    return re.findall(r"\]\((\$\{pages\}[^)]*)\)", anything) if isinstance(anything, str) else []


@every_board
def test_every_link_leads_to_a_page_that_the_daemon_has(board: Board) -> None:
    routes = [
        Route("GET", path, lambda: None)  # type: ignore[arg-type, return-value] # never asked for an answer
        for path in ("/", "/-/ready", "/streams/*/incidents/*", "/streams/*/windows/*", "/runs/*")
    ]
    answered = "".join((ROOT / "driftwatch" / "web" / name).read_text() for name in ("operating.py", "pages.py"))
    assert all(f'"GET", "{route.path}"' in answered for route in routes)
    for url in links(read(board)):
        assert url.startswith("${pages}/"), url
        path = re.sub(r"\$\{[^}]*\}", "x", url.removeprefix("${pages}")).strip("/")
        assert any(route.matches(tuple(path.split("/"))) for route in routes), url


def test_incident_pages_are_a_click_away_from_drift() -> None:
    for name in ("overview", "embedding", "tokens"):
        board = next(each for each in BOARDS if each.name == name)
        assert any("/incidents/" in url for url in links(read(board)))


def test_runbooks_name_boards_and_panels_that_exist() -> None:
    boards = {board.title for board in BOARDS}
    titles = {panel["title"] for board in BOARDS for panel in read(board)["panels"]}
    for page in (ROOT / "docs" / "runbooks").glob("*.md"):
        [looks] = re.findall(r"## What to look at\n(.*?)\n\n## ", page.read_text(), re.DOTALL)
        assert set(re.findall(r"[Bb]oard \*([^*]+)\*", looks)) <= boards, page
        assert set(re.findall(r'"([^"]+)"', looks)) <= titles, page


def test_provisioning_reads_the_folder_and_names_the_exemplars_pages() -> None:
    folder = FOLDER.parent / "provisioning"
    assert {path.parent.name for path in folder.rglob("*.yaml")} == {"dashboards", "datasources"}
    [provider] = yaml.safe_load((folder / "dashboards" / "driftwatch.yaml").read_text())["providers"]
    assert not provider["allowUiUpdates"]
    [source] = yaml.safe_load((folder / "datasources" / "driftwatch.yaml").read_text())["datasources"]
    assert source["type"] == "prometheus"
    assert [each["name"] for each in source["jsonData"]["exemplarTraceIdDestinations"]] == ["run"]
