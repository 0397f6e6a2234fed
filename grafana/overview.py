"""The Overview dashboard: is anything wrong, is anything happening, and why.

``python -m grafana.overview`` writes ``grafana/dashboards/driftwatch-overview.json``.
"""

from __future__ import annotations

from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    GridPos,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.panels import BLUE, DATASOURCE, GREEN, GREY, ORANGE, RED, Chart, Part, Query, States, Tile, panel

PATH = Path(__file__).parent / "dashboards" / "driftwatch-overview.json"
_WORKING = "queued|collecting|probing|training|judging|promoting"
_ON_OFF = {"0": ("no", GREEN), "1": ("yes", RED)}
_STREAM = 'stream=~"$stream"'

STATUS = (
    Tile(
        title="Daemon",
        says="Whether driftwatch takes in and assesses texts. Not ready: /-/ready says why. Away: it is not scraped.",
        query=Query(expr="min(driftwatch_ready)"),
        steps=((None, RED), (1, GREEN)),
        words={"0": ("not ready", RED), "1": ("ready", GREEN)},
        empty="away",
    ),
    Tile(
        title="Drift alarms in force",
        says="Streams whose text has drifted, within the false-alarm budget; the incident page says what.",
        query=Query(expr=f"sum(driftwatch_drift_alarm{{{_STREAM}}})"),
        steps=((None, GREEN), (1, ORANGE)),
    ),
    Tile(
        title="Rules holding",
        says="Rules whose condition holds in the last window: something drifted. The panels below say what.",
        query=Query(expr=f"sum(driftwatch_rule_holding{{{_STREAM}}})"),
        steps=((None, GREEN), (1, ORANGE)),
        empty="no rules",
    ),
    Tile(
        title="Approvals wanted",
        says="Runs that wait for a person: driftwatch runs list --state awaiting-approval.",
        query=Query(expr=f'sum(driftwatch_runs{{{_STREAM},state="awaiting-approval"}})'),
        steps=((None, GREEN), (1, ORANGE)),
    ),
    Tile(
        title="Alerts undeliverable",
        says="Alert deliveries that a receiver refused for good, see driftwatch status.",
        query=Query(expr='sum(driftwatch_outbox_deliveries{state="dead"})'),
        steps=((None, GREEN), (1, RED)),
        empty="no receivers",
    ),
    Tile(
        title="Runs going on",
        says="Retraining runs at work now.",
        query=Query(expr=f'sum(driftwatch_runs{{{_STREAM},state=~"{_WORKING}"}})'),
        steps=((None, GREY), (1, BLUE)),
    ),
    Tile(
        title="Texts a second",
        says="Texts taken in and stored.",
        query=Query(
            expr=f'sum(rate(driftwatch_texts_total{{{_STREAM},outcome="stored"}}[$__rate_interval]))',
        ),
        graph=True,
        decimals=2,
    ),
    Tile(
        title="Since the last text",
        says="Age of the newest text of the stream that has been silent longest.",
        query=Query(expr=f"time() - min(driftwatch_last_text_timestamp_seconds{{{_STREAM}}})"),
        unit="s",
        steps=((None, GREEN), (3600, ORANGE)),
        empty="no text yet",
    ),
    Tile(
        title="Texts waiting",
        says="Stored texts not assessed yet; fewer than a window is normal.",
        query=Query(expr=f"sum(driftwatch_backlog_texts{{{_STREAM}}})"),
        graph=True,
    ),
)


def _measure(title: str, name: str, says: str, unit: str) -> Chart:
    chosen = f'{{{_STREAM},measure="{name}"}}'
    return Chart(
        title=title,
        says=says,
        unit=unit,
        queries=(
            Query(expr=f"driftwatch_drift_measure{chosen}", legend="{{stream}}"),
            Query(expr=f"driftwatch_drift_measure_null_high{chosen}", legend="{{stream}} limit"),
        ),
    )


DRIFT = (
    Chart(
        title="Evidence of drift",
        says="Log10 of the evidence over its threshold: from 0 on it is an alarm within the false-alarm budget.",
        unit="short",
        queries=(
            Query(expr=f"driftwatch_drift_evidence{{{_STREAM}}}", legend="{{stream}}"),
            Query(expr=f"0 * driftwatch_drift_evidence{{{_STREAM}}}", legend="{{stream}} limit"),
        ),
    ),
    States(
        title="State",
        says="Has the text drifted, and does the model suffer? Benign drift needs no retraining, harmful drift does.",
        query=Query(expr=f"driftwatch_drift_state{{{_STREAM}}}", legend="{{stream}} {{state}}"),
        words=_ON_OFF,
    ),
    Chart(
        title="New share of the traffic",
        says="At least this share of the last window's texts is not explained by the reference.",
        unit="percentunit",
        queries=(
            Query(
                expr=f'driftwatch_drift_measure{{{_STREAM},measure="drift.new_share"}}',
                legend="{{stream}}",
            ),
        ),
    ),
    _measure(
        "Meaning: embedding MMD²",
        "embedding.mmd2",
        "Distance of the last window's embeddings from the reference's. Dashed: up to here it lies without drift.",
        "short",
    ),
    _measure(
        "Words: token divergence",
        "tokens.jsd",
        "Jensen-Shannon divergence of the token distribution, in bits. Dashed: up to here it lies without drift.",
        "short",
    ),
    _measure(
        "Model: rise of the loss",
        "loss.increase",
        "The champion's loss over the reference's, in nats (per token, masked token or labelled text): does it suffer?",
        "short",
    ),
    _measure(
        "Unknown tokens",
        "tokens.unknown_share",
        "Share of tokens that the reference does not hold.",
        "percentunit",
    ),
    Chart(
        title="Known word for word",
        says="Share of the last window's texts that the reference knows word for word: they are no evidence of drift, "
        "and no part of the comparisons beside.",
        unit="percentunit",
        queries=(
            Query(
                expr=f'driftwatch_drift_measure{{{_STREAM},measure="window.known_share"}}',
                legend="{{stream}}",
            ),
        ),
        least=0,
    ),
    States(
        title="Rules holding",
        says="Which rules' conditions held, window by window.",
        query=Query(expr=f"driftwatch_rule_holding{{{_STREAM}}}", legend="{{stream}} {{rule}}"),
        words=_ON_OFF,
    ),
    Chart(
        title="Decisions",
        says="Decisions that did something, per hour.",
        queries=(
            Query(
                expr="sum by (stream, rule, action) "
                f'(increase(driftwatch_decisions_total{{{_STREAM},action!="hold"}}[1h]))',
                legend="{{stream}} {{rule}}: {{action}}",
            ),
        ),
        least=0,
    ),
)
PROMISES = (
    Chart(
        title="Audit: false alarms of the shadow stream",
        says="Alarms on a stream that cannot drift. Dashed: so many its own budget allows on average by now.",
        queries=(
            Query(expr=f"driftwatch_shadow_alarms_total{{{_STREAM}}}", legend="{{stream}}"),
            Query(
                expr=f"driftwatch_shadow_texts_total{{{_STREAM}}} / driftwatch_shadow_budget_texts{{{_STREAM}}}",
                legend="{{stream}} limit",
            ),
        ),
        least=0,
    ),
    Chart(
        title="Alarms begun, and marked false",
        says="Drift alarms that began within a day, and how many a person has marked false in all.",
        queries=(
            Query(expr=f"increase(driftwatch_drift_alarms_total{{{_STREAM}}}[1d])", legend="{{stream}} begun a day"),
            Query(expr=f"driftwatch_false_alarms_marked_total{{{_STREAM}}}", legend="{{stream}} marked false"),
        ),
        least=0,
    ),
    Chart(
        title="Drills: delay of detection",
        says="Texts from the begin of a drill's synthetic drift to its alarm, the last time it was detected.",
        queries=(Query(expr=f"driftwatch_drill_detection_delay_texts{{{_STREAM}}}", legend="{{stream}} {{drill}}"),),
        least=0,
    ),
    Chart(
        title="Drills missed",
        says="Drills of the last week that ended without an alarm: drift like theirs would go unseen.",
        queries=(
            Query(expr=f"increase(driftwatch_drill_missed_total{{{_STREAM}}}[7d])", legend="{{stream}} {{drill}}"),
        ),
        least=0,
    ),
)
TEXTS = (
    Chart(
        title="Texts by what became of them",
        says="Anything but stored, duplicate and sampled-out points at broken input.",
        queries=(
            Query(
                expr=f"sum by (outcome) (rate(driftwatch_texts_total{{{_STREAM}}}[$__rate_interval])) > 0",
                legend="{{outcome}}",
            ),
        ),
        unit="cps",
        least=0,
        stacked=True,
    ),
    Chart(
        title="Distinct share of the last window",
        says="A fall is a flood of repeats: an incident, not drift of language.",
        queries=(
            Query(
                expr=f"driftwatch_window_distinct_texts{{{_STREAM}}} / driftwatch_window_texts{{{_STREAM}}}",
                legend="{{stream}}",
            ),
        ),
        unit="percentunit",
        least=0,
        most=1,
    ),
    Chart(
        title="Windows assessed",
        says="Windows per hour by how their assessment ended.",
        queries=(
            Query(
                expr=f"sum by (stream, outcome) (increase(driftwatch_windows_total{{{_STREAM}}}[1h]))",
                legend="{{stream}} {{outcome}}",
            ),
        ),
        least=0,
    ),
)
FEEDBACK = (
    Chart(
        title="Right answers by feedback",
        says="Share of right answers in the last window, of its texts with feedback. Few texts: a rough figure.",
        queries=(Query(expr=f"driftwatch_feedback_accuracy_ratio{{{_STREAM}}}", legend="{{stream}}"),),
        unit="percentunit",
        least=0,
        most=1,
    ),
    Chart(
        title="Texts with feedback",
        says="Texts of the last window that feedback is about, and how many the window has. Dashed: all of them.",
        queries=(
            Query(expr=f"driftwatch_feedback_texts{{{_STREAM}}}", legend="{{stream}}"),
            Query(expr=f"driftwatch_window_texts{{{_STREAM}}}", legend="{{stream}} limit"),
        ),
        least=0,
    ),
    Chart(
        title="Feedback by what it says",
        says="Pieces of feedback an hour. Unknown: about texts that are not stored; check the ids that are sent.",
        queries=(
            Query(
                expr=f"sum by (outcome) (increase(driftwatch_feedback_total{{{_STREAM}}}[1h]))",
                legend="{{outcome}}",
            ),
        ),
        least=0,
        stacked=True,
    ),
)
RUNS = (
    Chart(
        title="Progress of the stage",
        says="Share of the present stage of the run that goes on.",
        queries=(Query(expr=f"driftwatch_run_progress_ratio{{{_STREAM}}}", legend="{{stream}}"),),
        unit="percentunit",
        least=0,
        most=1,
    ),
    Chart(
        title="Runs by state",
        says="All runs by the state they are in now, ended ones included.",
        queries=(Query(expr=f"sum by (state) (driftwatch_runs{{{_STREAM}}}) > 0", legend="{{state}}"),),
        least=0,
        stacked=True,
    ),
    Chart(
        title="Age of champion and reference",
        says="How long the serving model and the reference have been in force.",
        queries=(
            Query(expr=f"time() - driftwatch_champion_timestamp_seconds{{{_STREAM}}}", legend="{{stream}} champion"),
            Query(expr=f"time() - driftwatch_reference_timestamp_seconds{{{_STREAM}}}", legend="{{stream}} reference"),
        ),
        unit="s",
        least=0,
    ),
)
DAEMON = (
    Chart(
        title="Silence of the loops",
        says="Time since each loop last came round.",
        queries=(
            Query(
                expr="time() - (driftwatch_loop_heartbeat_timestamp_seconds > 0)",
                legend="{{loop}}",
            ),
        ),
        unit="s",
        least=0,
    ),
    Chart(
        title="Failures",
        says="Failed rounds of loops and restarts of the analysis worker, per hour.",
        queries=(
            Query(expr="sum by (loop) (increase(driftwatch_loop_failures_total[1h]))", legend="{{loop}}"),
            Query(expr="increase(driftwatch_worker_restarts_total[1h])", legend="worker restarts"),
        ),
        least=0,
    ),
    Chart(
        title="Alert deliveries",
        says="Deliveries by receiver and state.",
        queries=(
            Query(
                expr='sum by (receiver, state) (driftwatch_outbox_deliveries{state!="delivered"})',
                legend="{{receiver}} {{state}}",
            ),
        ),
        least=0,
    ),
    Chart(
        title="Store",
        says="Size of the database and its log.",
        queries=(Query(expr="driftwatch_store_bytes", legend="{{instance}}"),),
        unit="bytes",
        least=0,
    ),
)

ROWS: tuple[tuple[str, tuple[Part, ...], int, int], ...] = (
    ("Is anything wrong? Is anything happening?", STATUS, 3, 4),
    ("Drift", DRIFT, 12, 8),
    ("Does the detector keep its promises?", PROMISES, 6, 7),
    ("Texts", TEXTS, 8, 7),
    ("Feedback", FEEDBACK, 8, 7),
    ("Runs and models", RUNS, 8, 7),
    ("The daemon itself", DAEMON, 6, 7),
)
"""Title, parts, width and height of each row's panels."""


def overview() -> build.Dashboard:
    """Return the dashboard."""
    board = (
        build.Dashboard("driftwatch / Overview")
        .uid("driftwatch-overview")
        .tags(["driftwatch"])
        .description("Is anything wrong, is anything happening, and why: drift, runs and the daemon itself.")
        .refresh("30s")
        .time("now-24h", "now")
        .timezone("browser")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .editable()
        .with_variable(build.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(
            build.QueryVariable("stream")
            .label("Stream")
            .query("label_values(driftwatch_backlog_texts, stream)")
            .datasource(DATASOURCE)
            .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(VariableSort.ALPHABETICAL_ASC)
            .multi(multi=True)
            .include_all(include_all=True)
            .current(VariableOption(text="All", value="$__all"))
        )
    )
    number, top = 1, 0
    for title, parts, width, height in ROWS:
        board = board.with_row(build.Row(title).id(number).grid_pos(GridPos(h=1, w=24, x=0, y=top)))
        number, top = number + 1, top + 1
        for part, place in zip(parts, _places(len(parts), width=width, height=height, top=top), strict=True):
            board = board.with_panel(panel(part, number=number, place=place))
            number += 1
            bottom = place.y + place.h
        top = bottom
    return board


def rendered() -> str:
    """Return the dashboard as Grafana reads it."""
    return JSONEncoder(sort_keys=True, indent=2).encode(overview().build()) + "\n"


def _places(count: int, *, width: int, height: int, top: int) -> list[GridPos]:
    across = 24 // width
    return [GridPos(h=height, w=width, x=(i % across) * width, y=top + (i // across) * height) for i in range(count)]


if __name__ == "__main__":
    PATH.write_text(rendered())
