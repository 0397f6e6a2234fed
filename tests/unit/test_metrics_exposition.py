from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from figures import (
    CATEGORIES,
    DRILLS,
    LOOPS,
    NOON,
    RECEIVERS,
    RULES,
    SOURCES,
    busy_snapshot,
    observed_figures,
    stream_figures,
)
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.registry import Collector

from driftwatch.domain.drift import DriftState
from driftwatch.drift.suffering import LEAST_INCREASE
from driftwatch.metrics import FAMILIES, Exposition
from driftwatch.metrics.cardinality import Shape, most_series
from driftwatch.metrics.detectors import DETECTORS
from driftwatch.metrics.family import Kind
from driftwatch.metrics.histogram import Histogram
from driftwatch.metrics.observations import LENGTHS
from driftwatch.metrics.reading import OTHER, TEXT_OUTCOMES
from driftwatch.metrics.snapshot import OutboxFigures, Snapshot, StreamFigures

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def scraped(snapshot: Snapshot) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    body, _ = Exposition(lambda: snapshot, process=False).render()
    families = parse_text(body.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


def value(snapshot: Snapshot, name: str, **labels: str) -> float | None:
    return scraped(snapshot).get((name, frozenset(labels.items())))


def quiet_snapshot() -> Snapshot:
    return replace(busy_snapshot(), streams=(StreamFigures(name="support"),), outbox=OutboxFigures())


def test_every_family_is_exported_by_a_busy_daemon() -> None:
    names = {re.sub("_(bucket|sum|count)$", "", name) for name, _ in scraped(busy_snapshot())}
    assert names == {family.name for family in FAMILIES}


def test_values_and_labels_come_from_the_snapshot() -> None:
    snapshot = busy_snapshot()
    assert value(snapshot, "driftwatch_texts_total", stream="support", source="file", outcome="stored") == 100
    assert value(snapshot, "driftwatch_drift_measure", stream="support", measure="tokens.jsd") == 0.25
    assert value(snapshot, "driftwatch_drift_measure_null_high", stream="support", measure="tokens.jsd") == 0.04
    assert value(snapshot, "driftwatch_drift_alarm", stream="support") == 1
    assert value(snapshot, "driftwatch_drift_evidence", stream="support") == 0.5
    assert value(snapshot, "driftwatch_drift_state", stream="support", state="harmful-drift") == 1
    assert value(snapshot, "driftwatch_drift_state", stream="support", state="stable") == 0
    assert value(snapshot, "driftwatch_drift_onset_timestamp_seconds", stream="support") == NOON.timestamp() - 7_200
    assert value(snapshot, "driftwatch_window_end_timestamp_seconds", stream="support") == NOON.timestamp() - 30
    assert value(snapshot, "driftwatch_decisions_total", stream="support", rule="topic-shift", action="retrain") == 5
    assert value(snapshot, "driftwatch_training_seconds_total", stream="support") == 5_400
    assert value(snapshot, "driftwatch_probation_loss_increase", stream="support") == 0.02
    assert value(snapshot, "driftwatch_probation_loss_increase_low", stream="support") == -0.01
    assert value(snapshot, "driftwatch_bias_change", stream="support", category="gender") == 0.03
    assert value(snapshot, "driftwatch_bias_limit", stream="support", category="gender") == 0.05
    group = {"stream": "support", "group": "women", "lexicon": "negative"}
    assert value(snapshot, "driftwatch_data_association_change", **group) == 0.7
    assert value(snapshot, "driftwatch_data_association_change_low", **group) == 0.2
    assert value(snapshot, "driftwatch_data_spoken_ill_groups", stream="support") == 1
    assert value(snapshot, "driftwatch_build_info", version="0.1.0") == 1
    assert value(snapshot, "driftwatch_outbox_deliveries", receiver="webhook", state="dead") == 1


def test_audit_and_drills_stand_beside_the_budget() -> None:
    snapshot = busy_snapshot()
    assert value(snapshot, "driftwatch_drift_alarms_total", stream="support") == 2
    assert value(snapshot, "driftwatch_false_alarm_budget_texts", stream="support") == 3e7
    assert value(snapshot, "driftwatch_shadow_budget_texts", stream="support") == 2_000
    assert value(snapshot, "driftwatch_shadow_texts_total", stream="support") == 1_000
    assert value(snapshot, "driftwatch_shadow_alarms_total", stream="support") == 1
    assert value(snapshot, "driftwatch_false_alarms_marked_total", stream="support") == 1
    assert value(snapshot, "driftwatch_drill_missed_total", stream="support", drill="slow") == 1
    assert value(snapshot, "driftwatch_drill_detection_delay_texts", stream="support", drill="slow") == 140


def test_what_counts_is_there_before_it_happens() -> None:
    for name in ("drift_alarms", "shadow_texts", "shadow_alarms", "false_alarms_marked"):
        assert value(quiet_snapshot(), f"driftwatch_{name}_total", stream="support") == 0
    for state in DriftState:
        assert value(quiet_snapshot(), "driftwatch_drift_state", stream="support", state=state.value) == 0
    assert value(quiet_snapshot(), "driftwatch_drift_alarm", stream="support") == 0
    for name in ("false_alarm", "shadow"):
        assert value(quiet_snapshot(), f"driftwatch_{name}_budget_texts", stream="support") is None


def test_what_has_not_happened_yet_has_no_timestamp_and_no_measure() -> None:
    names = {name for name, _ in scraped(quiet_snapshot())}
    assert "driftwatch_last_text_timestamp_seconds" not in names
    assert "driftwatch_drift_measure" not in names
    assert "driftwatch_outbox_oldest_pending_timestamp_seconds" not in names
    assert value(quiet_snapshot(), "driftwatch_run_progress_ratio", stream="support") == 0
    assert value(quiet_snapshot(), "driftwatch_backlog_texts", stream="support") == 0


def test_openmetrics_is_served_to_who_asks_for_it() -> None:
    body, content_type = Exposition(busy_snapshot, process=False).render(OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    families = parse_openmetrics(body.decode())  # type: ignore[no-untyped-call]
    assert len(list(families)) == len(FAMILIES)


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_no_created_series(accept: str) -> None:
    body, _ = Exposition(busy_snapshot).render(accept)
    assert b"_created" not in body


def test_process_metrics_are_added() -> None:
    body, _ = Exposition(busy_snapshot).render()
    assert b"process_cpu_seconds_total" in body


def test_series_grow_with_streams_not_with_traffic() -> None:
    one, busier = scraped(busy_snapshot()), scraped(busy_snapshot(scale=1_000))
    assert one.keys() == busier.keys()


def test_a_stream_has_no_more_series_than_is_bounded() -> None:
    shape = Shape(sources=len(SOURCES), rules=len(RULES), drills=len(DRILLS), categories=len(CATEGORIES))
    for names in (("a",), ("a", "b"), tuple("abcdefgh")):
        allowed = most_series([shape] * len(names), loops=len(LOOPS), receivers=len(RECEIVERS))
        assert len(scraped(busy_snapshot(*names))) <= allowed
    assert most_series([shape], loops=4, receivers=2) < 1_000


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_every_line_is_as_the_client_library_writes_it(accept: str) -> None:
    families = (parse_openmetrics if accept else parse_text)(
        Exposition(busy_snapshot, process=False).render(accept)[0].decode()
    )

    class Parsed(Collector):
        def collect(self) -> list[Metric]:
            return list(families)

    registry = CollectorRegistry()
    registry.register(Parsed())
    encode, _ = choose_encoder(accept)
    theirs = re.sub(r"\.0{9}$", ".0", encode(registry).decode(), flags=re.MULTILINE)  # as its parser reads a time
    own = Exposition(busy_snapshot, process=False)
    for _ in range(2):  # the second time with names that are remembered
        assert own.render(accept)[0].decode() == theirs


def test_names_with_odd_characters_are_escaped() -> None:
    odd = 'a "quoted" \\ line\nmore'
    assert value(busy_snapshot(odd), "driftwatch_backlog_texts", stream=odd) == 120


def test_exemplars_name_the_run_the_decision_and_the_window_in_openmetrics_alone() -> None:
    exposition = Exposition(busy_snapshot, process=False)
    families = list(parse_openmetrics(exposition.render(OPENMETRICS)[0].decode()))  # type: ignore[no-untyped-call]
    found = {sample.name: sample.exemplar.labels for each in families for sample in each.samples if sample.exemplar}
    assert found == {
        "driftwatch_assessment_duration_seconds_bucket": {"window": "12"},
        "driftwatch_decisions_total": {"decision": "7"},
        "driftwatch_run_arrivals_total": {"run": "support-w0000012"},
    }
    assert b" # {" not in exposition.render()[0]


def test_classes_of_a_histogram_add_up() -> None:
    lengths = Histogram(LENGTHS)
    lengths.observe([1, 16, 17, 1e6])
    stream = replace(stream_figures(), observed=replace(observed_figures(), lengths=lengths.figures()))
    taken = replace(busy_snapshot(), streams=(stream,))
    name = "driftwatch_text_length_characters"
    below = [value(taken, f"{name}_bucket", stream="support", le=le) for le in ("16.0", "64.0", "65536.0", "+Inf")]
    assert below == [2, 3, 3, 4]
    assert value(taken, f"{name}_count", stream="support") == 4
    assert value(taken, f"{name}_sum", stream="support") == 1_000_034


def test_each_text_is_seen_once() -> None:
    snapshot = busy_snapshot()
    beside = {"redacted", "cut", "quarantined", "clock-ahead"}
    beside |= {"unreadable-file", "unpacks-too-much", "row-group-too-large", "no-column"}
    expected = 100 * len({*TEXT_OUTCOMES, OTHER} - beside)
    assert value(snapshot, "driftwatch_texts_seen_total", stream="support", source="file") == expected


def test_detectors_have_their_limits() -> None:
    read = {
        (kind, detector): value(busy_snapshot(), f"driftwatch_detector_{kind}", stream="support", detector=detector)
        for kind in ("score", "limit", "p_value")
        for detector in DETECTORS
    }
    assert (read["score", "embedding"], read["limit", "embedding"], read["p_value", "embedding"]) == (0.25, 0.04, 0.25)
    assert (read["score", "evidence"], read["limit", "evidence"], read["p_value", "evidence"]) == (0.5, 0, None)
    assert (read["score", "looks"], read["p_value", "looks"]) == (None, 0.25)
    assert read["limit", "loss"] == LEAST_INCREASE


def test_label_names_are_of_the_bounded_kinds() -> None:
    bounded = {
        "asked",
        "bank",
        "category",
        "detector",
        "direction",
        "group",
        "lexicon",
        "drill",
        "gate",
        "rank",
        "stream",
        "source",
        "outcome",
        "measure",
        "rule",
        "action",
        "state",
        "loop",
        "receiver",
        "version",
    }
    assert {label for family in FAMILIES for label in family.labels} <= bounded


def test_names_follow_the_conventions() -> None:
    for family in FAMILIES:
        assert family.name.startswith("driftwatch_")
        assert family.name.endswith("_total") == (family.kind is Kind.COUNTER)
        assert family.meaning.endswith(".")
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)


def test_two_expositions_do_not_meet() -> None:
    first, second = busy_snapshot("a"), busy_snapshot("b")
    assert b'stream="a"' not in Exposition(lambda: second).render()[0]
    assert b'stream="a"' in Exposition(lambda: first).render()[0]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize("snapshot", [busy_snapshot(), quiet_snapshot()])
def test_promtool_finds_nothing_to_say(snapshot: Snapshot) -> None:
    body, _ = Exposition(lambda: snapshot, process=False).render()
    checked = subprocess.run(["promtool", "check", "metrics"], input=body, capture_output=True, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_the_documentation_lists_every_metric_as_it_is() -> None:
    rows = [
        f"| `{family.name}` | {family.kind.value} | {', '.join(f'`{label}`' for label in family.labels) or '-'} | "
        f"{family.meaning} |"
        for family in FAMILIES
    ]
    documented = [line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `driftwatch_")]
    assert documented == rows
