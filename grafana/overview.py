"""The Overview board: is anything wrong, is anything happening, and where."""

from __future__ import annotations

from grafana.boards import PAGES, Board, Row
from grafana.panels import A_SECOND, BLUE, GREEN, GREY, ORANGE, RED, Chart, Column, Link, Query, Rows, States, Tile
from grafana.queries import among, equal, here, measure, of, other
from grafana.shared import DRIFT_ALARMS, EVIDENCE, NEW_SHARE, ON_OFF, PAUSED, STATE, WINDOWS

_WORKING = "queued|collecting|probing|training|judging|promoting"

_STATUS = (
    Tile(
        title="Daemon",
        says="Whether driftwatch takes in and assesses texts. Not ready: /-/ready says why. Away: it is not scraped.",
        query=Query(expr=f"min({here('driftwatch_ready')})"),
        steps=((None, RED), (1, GREEN)),
        words={"0": ("not ready", RED), "1": ("ready", GREEN)},
        empty="away",
    ),
    Tile(
        title="Alerts firing",
        says="Alerts of the shipped rules that fire now; each has its runbook in docs/runbooks.",
        query=Query(expr='sum(ALERTS{alertname=~"Driftwatch.*",alertstate="firing"}) or vector(0)'),
        steps=((None, GREEN), (1, RED)),
    ),
    DRIFT_ALARMS,
    Tile(
        title="Approvals wanted",
        says="Runs that wait for a person: driftwatch runs list --state awaiting-approval.",
        query=Query(expr=f"sum({of('driftwatch_runs', equal('state', 'awaiting-approval'))})"),
        steps=((None, GREEN), (1, ORANGE)),
    ),
    Tile(
        title="Runs going on",
        says="Retraining runs at work now.",
        query=Query(expr=f"sum({of('driftwatch_runs', among('state', _WORKING))})"),
        steps=((None, GREY), (1, BLUE)),
    ),
    Tile(
        title="Texts a second",
        says="Texts that come in, whatever becomes of them.",
        query=Query(expr=f"sum(rate({of('driftwatch_texts_seen_total')}[$__rate_interval]))"),
        unit=A_SECOND,
        graph=True,
        decimals=2,
    ),
    Tile(
        title="Since the last text",
        says="Age of the newest text of the stream that has been silent longest.",
        query=Query(expr=f"time() - min({of('driftwatch_last_text_timestamp_seconds')})"),
        unit="s",
        steps=((None, GREEN), (3_600, ORANGE), (21_600, RED)),
        empty="no text yet",
    ),
    Tile(
        title="Texts waiting",
        says="Stored texts not assessed yet; fewer than a window is normal.",
        query=Query(expr=f"sum({of('driftwatch_backlog_texts')})"),
        steps=((None, GREEN), (20_000, ORANGE), (200_000, RED)),
        graph=True,
    ),
)

_STREAMS = (
    Rows(
        title="Streams",
        says="Every stream's present figures. Paused: a rule of it, or all, neither alerts nor retrains now. The "
        "number of its last window leads to what changed in it, in words.",
        labels=("stream",),
        columns=(
            Column(
                name="Alarm",
                expr=of("driftwatch_drift_alarm"),
                unit="none",
                words={"0": ("no", GREEN), "1": ("drifted", RED)},
            ),
            Column(
                name="Evidence",
                expr=of("driftwatch_drift_evidence"),
                decimals=1,
                steps=((None, GREEN), (0, RED)),
            ),
            Column(name="New share", expr=measure("drift.new_share"), unit="percentunit", decimals=1),
            Column(
                name="Rise of the loss",
                expr=measure("loss.increase"),
                decimals=3,
                steps=((None, GREEN), (0.05, RED)),
            ),
            Column(
                name="Assessed",
                expr=of("driftwatch_assessment_ready"),
                unit="none",
                words={"0": ("no", RED), "1": ("yes", GREEN)},
            ),
            Column(name="Rules", expr=of("driftwatch_paused"), unit="none", words={**PAUSED, "0": ("act", GREEN)}),
            Column(name="Waiting", expr=of("driftwatch_backlog_texts"), decimals=0),
            Column(
                name="Window",
                expr=of("driftwatch_window_index"),
                unit="none",
                link=Link(
                    title="Incident page of this window",
                    url=f"{PAGES}/streams/${{__data.fields.stream}}/incidents/${{__value.raw}}",
                ),
            ),
            Column(
                name="Its last text",
                expr=f"1000 * {of('driftwatch_window_end_timestamp_seconds')}",
                unit="dateTimeFromNow",
            ),
            Column(
                name="Model since",
                expr=f"1000 * {of('driftwatch_champion_timestamp_seconds')}",
                unit="dateTimeFromNow",
            ),
        ),
    ),
)

_DRIFT = (EVIDENCE, STATE, NEW_SHARE, WINDOWS)

_RULES = (
    States(
        title="Rules holding",
        says="Which rules' conditions held, window by window.",
        query=Query(expr=of("driftwatch_rule_holding"), legend="{{stream}} {{rule}}"),
        words=ON_OFF,
    ),
    Chart(
        title="Decisions",
        says="Decisions that did something, per hour; docs/policies.md says when rules act.",
        queries=(
            Query(
                expr="sum by (stream, rule, action) "
                f"(increase({of('driftwatch_decisions_total', other('action', 'hold'))}[1h]))",
                legend="{{stream}} {{rule}}: {{action}}",
                exemplar=True,
            ),
        ),
        least=0,
    ),
)

_POLICY = (
    States(
        title="Rules paused",
        says="Rules that a person paused: they judge, and do nothing. * is every rule of the stream.",
        query=Query(expr=of("driftwatch_paused"), legend="{{stream}} {{rule}}"),
        words=PAUSED,
    ),
    Chart(
        title="Windows that a rule could not judge",
        says="Windows per hour in which a condition was neither true nor false: not measured, or an error.",
        queries=(
            Query(
                expr=f"sum by (stream, rule) (increase({of('driftwatch_policy_unjudged_total')}[1h]))",
                legend="{{stream}} {{rule}}",
            ),
        ),
        least=0,
    ),
)

_PROMISES = (
    Chart(
        title="Audit: false alarms of the shadow stream",
        says="Alarms on a stream that cannot drift. Dashed: so many its own budget allows on average by now.",
        queries=(
            Query(expr=of("driftwatch_shadow_alarms_total"), legend="{{stream}}"),
            Query(
                expr=f"{of('driftwatch_shadow_texts_total')} / {of('driftwatch_shadow_budget_texts')}",
                legend="{{stream}} limit",
            ),
        ),
        least=0,
    ),
    Chart(
        title="Alarms begun, and marked false",
        says="Drift alarms that began within a day, and how many a person has marked false in all.",
        queries=(
            Query(expr=f"increase({of('driftwatch_drift_alarms_total')}[1d])", legend="{{stream}} begun a day"),
            Query(expr=of("driftwatch_false_alarms_marked_total"), legend="{{stream}} marked false"),
        ),
        least=0,
    ),
    Chart(
        title="Drills: delay of detection",
        says="Texts from the begin of a drill's synthetic drift to its alarm, the last time it was detected.",
        queries=(Query(expr=of("driftwatch_drill_detection_delay_texts"), legend="{{stream}} {{drill}}"),),
        least=0,
    ),
    Chart(
        title="Drills missed",
        says="Drills of the last week that ended without an alarm: drift like theirs would go unseen.",
        queries=(Query(expr=f"increase({of('driftwatch_drill_missed_total')}[7d])", legend="{{stream}} {{drill}}"),),
        least=0,
        steps=((None, GREEN), (1, RED)),
    ),
)

_TEXTS = (
    Chart(
        title="Texts by what became of them",
        says="Anything but stored, duplicate and sampled-out points at broken input.",
        queries=(
            Query(
                expr=f"sum by (outcome) (rate({of('driftwatch_texts_total')}[$__rate_interval])) > 0",
                legend="{{outcome}}",
            ),
        ),
        unit=A_SECOND,
        least=0,
        stacked=True,
    ),
    Chart(
        title="Distinct share of the last window",
        says="A fall is a flood of repeats: an incident, not drift of language.",
        queries=(
            Query(
                expr=f"{of('driftwatch_window_distinct_texts')} / {of('driftwatch_window_texts')}",
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
                expr=f"sum by (stream, outcome) (increase({of('driftwatch_windows_total')}[1h]))",
                legend="{{stream}} {{outcome}}",
            ),
        ),
        least=0,
    ),
)

_FEEDBACK = (
    Chart(
        title="Right answers by feedback",
        says="Share of right answers in the last window, of its texts with feedback. Few texts: a rough figure.",
        queries=(Query(expr=of("driftwatch_feedback_accuracy_ratio"), legend="{{stream}}"),),
        unit="percentunit",
        least=0,
        most=1,
    ),
    Chart(
        title="Texts with feedback",
        says="Texts of the last window that feedback is about, and how many the window has. Dashed: all of them.",
        queries=(
            Query(expr=of("driftwatch_feedback_texts"), legend="{{stream}}"),
            Query(expr=of("driftwatch_window_texts"), legend="{{stream}} limit"),
        ),
        least=0,
    ),
    Chart(
        title="Feedback by what it says",
        says="Pieces of feedback an hour. Unknown: about texts that are not stored; check the ids that are sent.",
        queries=(
            Query(
                expr=f"sum by (outcome) (increase({of('driftwatch_feedback_total')}[1h]))",
                legend="{{outcome}}",
            ),
        ),
        least=0,
        stacked=True,
    ),
)

BOARD = Board(
    name="overview",
    title="Overview",
    says="Is anything wrong, is anything happening, and where: streams, drift, rules and texts.",
    rows=(
        Row(title="Is anything wrong? Is anything happening?", parts=_STATUS, width=3, height=4),
        Row(title="Which stream?", parts=_STREAMS, width=24, height=7),
        Row(title="Drift", parts=_DRIFT, width=12, height=8),
        Row(title="Rules", parts=(*_RULES, *_POLICY), width=12, height=7),
        Row(title="Does the detector keep its promises?", parts=_PROMISES, width=6, height=7),
        Row(title="Texts", parts=_TEXTS, width=8, height=7),
        Row(title="Feedback", parts=_FEEDBACK, width=8, height=7),
    ),
)
