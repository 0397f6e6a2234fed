"""The Retraining and bias board: what do runs cost and bring, which gate stops them, and how fair is the candidate?"""

from __future__ import annotations

from grafana.boards import PAGES, Board, Row
from grafana.panels import BLUE, GREEN, GREY, LIMIT, ORANGE, RED, Chart, Column, Link, Query, Rows, States, Tile
from grafana.queries import among, equal, of
from grafana.shared import PLAIN

_WORKING = "queued|collecting|probing|training|judging|promoting"
_UNFINISHED = f"{_WORKING}|awaiting-approval|probation"
_ENDS = "kept|declined|rejected|failed|cancelled|rolled-back"
_RUNS = Link(title="Runs on the status page", url=f"{PAGES}/")

_STATUS = (
    Tile(
        title="Runs going on",
        says="Retraining runs at work now.",
        query=Query(expr=f"sum({of('driftwatch_runs', among('state', _WORKING))})"),
        steps=((None, GREY), (1, BLUE)),
        link=_RUNS,
    ),
    Tile(
        title="Approvals wanted",
        says="Runs that wait for a person: driftwatch runs list --state awaiting-approval.",
        query=Query(expr=f"sum({of('driftwatch_runs', equal('state', 'awaiting-approval'))})"),
        steps=((None, GREEN), (1, ORANGE)),
        link=_RUNS,
    ),
    Tile(
        title="In probation",
        says="New models that serve and are still compared with their predecessors.",
        query=Query(expr=f"sum({of('driftwatch_runs', equal('state', 'probation'))})"),
        steps=((None, GREY), (1, BLUE)),
    ),
    Tile(
        title="Since the last success",
        says="How long ago a run last ended with its model kept.",
        query=Query(
            expr=f"time() - max({of('driftwatch_run_last_arrival_timestamp_seconds', equal('state', 'kept'))})",
        ),
        unit="s",
        steps=PLAIN,
        empty="none yet",
    ),
    Tile(
        title="Failed within a week",
        says="Runs that ended in an error within seven days; their pages say in which.",
        query=Query(expr=f"sum(increase({of('driftwatch_run_arrivals_total', equal('state', 'failed'))}[7d]))"),
        steps=((None, GREEN), (1, ORANGE), (3, RED)),
        decimals=0,
    ),
    Tile(
        title="Device time, 30 days",
        says="Time trained times devices, probes included: GPU hours where there are GPUs.",
        query=Query(expr=f"sum(increase({of('driftwatch_training_device_seconds_total')}[30d]))"),
        unit="s",
        steps=PLAIN,
    ),
    Tile(
        title="Pauses in force",
        says="Rules, or whole streams, that a person paused: they ask for no run. driftwatch status says who and why.",
        query=Query(expr=f"sum({of('driftwatch_paused')})"),
        steps=((None, GREEN), (1, ORANGE)),
        link=_RUNS,
    ),
    Tile(
        title="Next pause ends in",
        says="How long it takes until the first of the pauses in force ends by itself; driftwatch resume ends it now.",
        query=Query(expr=f"min({of('driftwatch_paused_until_timestamp_seconds')}) - time()"),
        unit="s",
        steps=PLAIN,
        empty="no pause",
    ),
)

_COURSE = (
    Chart(
        title="Runs by how they ended",
        says="Ends of runs per day. Declined: the probe found nothing worth learning. Rejected: a gate refused.",
        queries=(
            Query(
                expr=f"sum by (state) (increase({of('driftwatch_run_arrivals_total', among('state', _ENDS))}[1d]))",
                legend="{{state}}",
                exemplar=True,
            ),
        ),
        least=0,
        bars=True,
        stacked=True,
    ),
    States(
        title="Where the runs stand",
        says="Which states have a run now, those that have not ended; several streams may stand in one.",
        query=Query(
            expr=f"sum by (state) ({of('driftwatch_runs', among('state', _UNFINISHED))}) > bool 0",
            legend="{{state}}",
        ),
        words={"0": ("none", GREY), "1": ("run", BLUE)},
    ),
    Chart(
        title="Progress of the stage",
        says="Share of the present stage of the run that goes on.",
        queries=(Query(expr=of("driftwatch_run_progress_ratio"), legend="{{stream}}"),),
        unit="percentunit",
        least=0,
        most=1,
    ),
    Chart(
        title="Duration of a run",
        says="From its asking to its end, of the run that ended last, and how long the one that goes on has taken.",
        queries=(
            Query(expr=of("driftwatch_run_duration_seconds"), legend="{{stream}} last"),
            Query(
                expr=f"time() - {of('driftwatch_run_asked_timestamp_seconds')}",
                legend="{{stream}} going on",
            ),
        ),
        unit="s",
        least=0,
    ),
    Chart(
        title="Training a day",
        says="Time trained within a day, probes included; max_hours of the rule bounds a run.",
        queries=(Query(expr=f"increase({of('driftwatch_training_seconds_total')}[1d])", legend="{{stream}}"),),
        unit="s",
        least=0,
    ),
    Chart(
        title="Age of champion and reference",
        says="How long the serving model and the reference have been in force.",
        queries=(
            Query(expr=f"time() - {of('driftwatch_champion_timestamp_seconds')}", legend="{{stream}} champion"),
            Query(expr=f"time() - {of('driftwatch_reference_timestamp_seconds')}", legend="{{stream}} reference"),
        ),
        unit="s",
        least=0,
    ),
)


def _gate(title: str, gate: str, measure: str, says: str) -> Chart:
    chosen = (equal("gate", gate), equal("measure", measure))
    return Chart(
        title=title,
        says=f"{says} With its 95% interval; dashed: the limit of the rule that asked for the run.",
        queries=(
            Query(expr=of("driftwatch_gate_measure", *chosen), legend="{{stream}}"),
            Query(expr=of("driftwatch_gate_measure_low", *chosen), legend="{{stream}} at least"),
            Query(expr=of("driftwatch_gate_measure_high", *chosen), legend="{{stream}} at most"),
            Query(expr=of("driftwatch_gate_limit", *chosen), legend=f"{{{{stream}}}} {LIMIT}"),
        ),
    )


_GATES = (
    Rows(
        title="What the gates said last",
        says="The newest word of each gate on a candidate of the stream; the run's page says why.",
        labels=("stream", "gate"),
        columns=tuple(
            Column(
                name=name,
                expr=of("driftwatch_gate_outcome", equal("outcome", outcome)),
                unit="none",
                words={"0": ("–", GREY), "1": (name.lower(), colour)},
            )
            for name, outcome, colour in (
                ("Passed", "passed", GREEN),
                ("Refused", "refused", RED),
                ("Not shown", "not-shown", ORANGE),
            )
        ),
    ),
    _gate(
        "Gain on fresh text",
        "quality",
        "gain",
        "Fall of the loss on fresh held-out text, nats; above the limit it passes.",
    ),
    _gate(
        "Forgetting",
        "forgetting",
        "loss",
        "Rise of the loss on the reference's held-out text, nats; up to the limit it passes.",
    ),
    Chart(
        title="Probation",
        says="Loss of the model in probation over its predecessor's on the same texts, with its interval. Beyond the "
        "rule's max_increase for sure, it is rolled back. Empty outside a probation.",
        queries=(
            Query(expr=of("driftwatch_probation_loss_increase"), legend="{{stream}}"),
            Query(expr=of("driftwatch_probation_loss_increase_low"), legend="{{stream}} at least"),
            Query(expr=of("driftwatch_probation_loss_increase_high"), legend="{{stream}} at most"),
        ),
        steps=((None, GREEN), (0, ORANGE)),
    ),
)

_OVER = (
    f"({of('driftwatch_bias_change_high')} > bool {of('driftwatch_bias_limit')}) + "
    f"({of('driftwatch_bias_change_low')} > bool {of('driftwatch_bias_limit')})"
)
_BIAS = (
    Rows(
        title="Bias by category",
        says="How the candidate judged last moved from the champion, by category; above 0 towards stereotypes. "
        "Refused: the whole interval lies above the limit. Not shown: a part of it does.",
        labels=("stream", "category"),
        wide="category",
        columns=(
            Column(name="Change", expr=of("driftwatch_bias_change"), decimals=3),
            Column(name="At least", expr=of("driftwatch_bias_change_low"), decimals=3),
            Column(name="At most", expr=of("driftwatch_bias_change_high"), decimals=3),
            Column(name="Limit", expr=of("driftwatch_bias_limit"), decimals=3),
            Column(
                name="Verdict",
                expr=_OVER,
                unit="none",
                words={"0": ("passes", GREEN), "1": ("not shown", ORANGE), "2": ("refused", RED)},
            ),
        ),
    ),
    Chart(
        title="Change of bias over the candidates",
        says="Mean score of the candidate less the champion's, by category, in the gate's unit; dashed: the most "
        "allowed. A step is another candidate.",
        queries=(
            Query(expr=of("driftwatch_bias_change"), legend="{{stream}} {{category}}"),
            Query(expr=f"max by (stream) ({of('driftwatch_bias_limit')})", legend=f"{{{{stream}}}} {LIMIT}"),
        ),
    ),
)

_ILL = "driftwatch_data_association_change"
_DATA = (
    Rows(
        title="What new texts say of groups",
        says="By how much more negative words and insults stand near a group's names in the last run's new texts than "
        "in the reference, log odds. Above 0 for sure: the new texts speak ill of the group.",
        labels=("stream", "group", "lexicon"),
        columns=(
            Column(name="Change", expr=of(_ILL), decimals=2),
            Column(name="At least", expr=of(f"{_ILL}_low"), decimals=2, steps=((None, GREEN), (0, ORANGE))),
            Column(name="At most", expr=of(f"{_ILL}_high"), decimals=2),
        ),
        by="At least",
    ),
    Chart(
        title="Groups that new texts speak ill of",
        says="Of how many groups beyond doubt, all comparisons taken together; the run's page names them.",
        queries=(Query(expr=of("driftwatch_data_spoken_ill_groups"), legend="{{stream}}"),),
        least=0,
        steps=((None, GREEN), (1, ORANGE)),
        room=2,
    ),
)

BOARD = Board(
    name="retraining",
    title="Retraining and bias",
    says="What do runs cost and bring, which gate stops them, and how fair is the candidate?",
    begin="now-7d",
    rows=(
        Row(title="Now", parts=_STATUS, width=3, height=4),
        Row(title="Runs", parts=_COURSE, width=8, height=8),
        Row(title="Gates", parts=_GATES, width=12, height=8),
        Row(title="Bias", parts=(*_BIAS, *_DATA), width=12, height=9),
    ),
)
