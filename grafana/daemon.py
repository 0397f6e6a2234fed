"""The Daemon health board: do the loops come round, are windows assessed, do alerts get through?"""

from __future__ import annotations

from grafana.boards import PAGES, Board, Row
from grafana.panels import BLUE, GREEN, LIMIT, ORANGE, RED, Chart, Link, Query, States, Tile
from grafana.queries import equal, here, of, other, quantile
from grafana.shared import PLAIN

_MISSED = f"sum by (loop) (increase({here('driftwatch_loop_misses_total')}[1h]))"
_ROUNDS = f"sum by (loop) (increase({here('driftwatch_loop_rounds_total')}[1h]))"

_BUDGET = 0.01
_FAST, _SLOW = 14.4 * _BUDGET, 6 * _BUDGET

_STATUS = (
    Tile(
        title="Daemon",
        says="Whether driftwatch takes in and assesses texts. Not ready: /-/ready says why. Away: it is not scraped.",
        query=Query(expr=f"min({here('driftwatch_ready')})"),
        steps=((None, RED), (1, GREEN)),
        words={"0": ("not ready", RED), "1": ("ready", GREEN)},
        empty="away",
        link=Link(title="Why", url=f"{PAGES}/-/ready"),
    ),
    Tile(
        title="Streams not in order",
        says="Streams whose windows cannot be assessed: no reference, or a worker that dies.",
        query=Query(expr=f"count({of('driftwatch_assessment_ready')}) - sum({of('driftwatch_assessment_ready')})"),
        steps=((None, GREEN), (1, RED)),
    ),
    Tile(
        title="Configuration",
        says="Whether the last reload took the files as they are, or kept the old ones for their errors.",
        query=Query(expr=f"min({here('driftwatch_config_reload_success')})"),
        steps=((None, RED), (1, GREEN)),
        words={"0": ("kept the old", RED), "1": ("in force", GREEN)},
        empty="away",
    ),
    Tile(
        title="Worker restarts, 24 h",
        says="How often the analysis worker had to be started again within a day; often for want of memory.",
        query=Query(expr=f"sum(increase({here('driftwatch_worker_restarts_total')}[1d]))"),
        steps=((None, GREEN), (1, ORANGE), (4, RED)),
        decimals=0,
    ),
    Tile(
        title="Alerts undeliverable",
        says="Alert deliveries that a receiver refused for good, see driftwatch status.",
        query=Query(expr=f"sum({here('driftwatch_outbox_deliveries', equal('state', 'dead'))})"),
        steps=((None, GREEN), (1, RED)),
        empty="no receivers",
    ),
    Tile(
        title="Oldest alert waiting",
        says="How long the oldest undelivered alert has waited for its receiver.",
        query=Query(expr=f"time() - min({here('driftwatch_outbox_oldest_pending_timestamp_seconds')})"),
        unit="s",
        steps=((None, GREEN), (300, ORANGE), (900, RED)),
        empty="none waits",
    ),
    Tile(
        title="Age of the figures",
        says="How old the figures are that the daemon shows; it reads them anew every two seconds.",
        query=Query(expr=f"time() - min({here('driftwatch_snapshot_timestamp_seconds')})"),
        unit="s",
        steps=((None, GREEN), (60, ORANGE), (300, RED)),
        empty="away",
    ),
    Tile(
        title="Up for",
        says="How long the daemon has run since its last start.",
        query=Query(expr=f"time() - min({here('driftwatch_start_timestamp_seconds')})"),
        unit="s",
        steps=PLAIN,
        empty="away",
    ),
)

_ASSESSMENT = (
    States(
        title="Streams in order",
        says="Whether windows of the stream can be assessed; /-/ready says why not.",
        query=Query(expr=of("driftwatch_assessment_ready"), legend="{{stream}}"),
        words={"0": ("cannot be assessed", RED), "1": ("in order", GREEN)},
    ),
    Chart(
        title="Budget of assessments",
        says="Share of the last hour, and of the last six, in which windows could not be assessed. 1% of a month is "
        "the budget; from the lines on it is spent so fast that an alert fires.",
        queries=(
            Query(expr=f"1 - avg_over_time({of('driftwatch_assessment_ready')}[1h])", legend="{{stream}} 1 h"),
            Query(expr=f"1 - avg_over_time({of('driftwatch_assessment_ready')}[6h])", legend="{{stream}} 6 h"),
        ),
        unit="percentunit",
        least=0,
        steps=((None, GREEN), (_SLOW, ORANGE), (_FAST, RED)),
        room=0.2,
    ),
    Chart(
        title="Attempts to assess",
        says="Attempts an hour by how they ended. Failed ones are tried again; after three deaths of the worker the "
        "texts are set aside.",
        queries=(
            Query(
                expr=f"sum by (stream, outcome) (increase({of('driftwatch_assessments_total')}[1h]))",
                legend="{{stream}} {{outcome}}",
            ),
        ),
        least=0,
    ),
    Chart(
        title="Duration of an assessment",
        says="Half and 90% of the hour's attempts took at most so long (by classes: a rough figure). Longer than a "
        "window takes to fill, and texts pile up.",
        queries=(
            Query(
                expr=quantile(0.5, "driftwatch_assessment_duration_seconds"), legend="{{stream}} half", exemplar=True
            ),
            Query(expr=quantile(0.9, "driftwatch_assessment_duration_seconds"), legend="{{stream}} 90%"),
        ),
        unit="s",
        least=0,
    ),
    Chart(
        title="Texts waiting",
        says="Stored texts not assessed yet; at the limit the stream takes no more over HTTP (429).",
        queries=(
            Query(expr=of("driftwatch_backlog_texts"), legend="{{stream}}"),
            Query(expr=here("driftwatch_backlog_limit_texts"), legend=f"{{{{instance}}}} {LIMIT}"),
        ),
        least=0,
    ),
    Chart(
        title="Worker restarts",
        says="Starts of another analysis worker per hour, since the one before had died.",
        queries=(Query(expr=f"increase({here('driftwatch_worker_restarts_total')}[1h])", legend="{{instance}}"),),
        least=0,
        steps=((None, GREEN), (3, RED)),
    ),
)

_LOOPS = (
    Chart(
        title="Silence of the loops",
        says="Time since each loop last came round, as a share of its patience: from 100% on the daemon is stuck.",
        queries=(
            Query(
                expr=f"(time() - ({here('driftwatch_loop_heartbeat_timestamp_seconds')} > 0)) / "
                f"{here('driftwatch_loop_patience_seconds')}",
                legend="{{loop}}",
            ),
        ),
        unit="percentunit",
        least=0,
        steps=((None, GREEN), (1, RED)),
        room=1,
    ),
    Chart(
        title="Rounds that begin late",
        says="How late the newest round of each loop began: the process does not get the processor.",
        queries=(Query(expr=here("driftwatch_loop_delay_seconds"), legend="{{loop}}"),),
        unit="s",
        least=0,
        steps=((None, GREEN), (60, RED)),
    ),
    Chart(
        title="Rounds left out",
        says="Share of an hour's rounds left out since the one before still went on: normal of those that take long "
        "(assess).",
        queries=(Query(expr=f"{_MISSED} / clamp_min({_MISSED} + {_ROUNDS}, 1)", legend="{{loop}}"),),
        unit="percentunit",
        least=0,
        most=1,
    ),
    Chart(
        title="Failed rounds",
        says="Rounds per hour that ended in an error; the log has them as round_failed, with cause and cure.",
        queries=(
            Query(
                expr=f"sum by (loop) (increase({here('driftwatch_loop_failures_total')}[1h]))",
                legend="{{loop}}",
            ),
        ),
        least=0,
        steps=((None, GREEN), (20, RED)),
    ),
)

_MACHINE = (
    Chart(
        title="Alert deliveries",
        says="Deliveries waiting or given up, by receiver; none of them is how it should be.",
        queries=(
            Query(
                expr=f"sum by (receiver, state) ({here('driftwatch_outbox_deliveries', other('state', 'delivered'))})",
                legend="{{receiver}} {{state}}",
            ),
        ),
        least=0,
    ),
    Chart(
        title="Processor",
        says="Processor time of the daemon itself, without its worker and jobs: 100% is one core.",
        queries=(Query(expr=f"rate({here('process_cpu_seconds_total')}[$__rate_interval])", legend="{{instance}}"),),
        unit="percentunit",
        least=0,
    ),
    Chart(
        title="Memory",
        says="Resident memory of the daemon itself; it stays flat, so a rise over days is a leak.",
        queries=(Query(expr=here("process_resident_memory_bytes"), legend="{{instance}}"),),
        unit="bytes",
        least=0,
    ),
    Chart(
        title="Store",
        says="Size of the database and its log; retention bounds it.",
        queries=(Query(expr=here("driftwatch_store_bytes"), legend="{{instance}}"),),
        unit="bytes",
        least=0,
    ),
    Chart(
        title="Open files",
        says="Open file descriptors of the daemon. Dashed: as many as it may have.",
        queries=(
            Query(expr=here("process_open_fds"), legend="{{instance}}"),
            Query(expr=here("process_max_fds"), legend=f"{{{{instance}}}} {LIMIT}"),
        ),
        least=0,
    ),
    Chart(
        title="Cost of a scrape",
        says="How long Prometheus waits for the metrics.",
        queries=(Query(expr=here("scrape_duration_seconds"), legend="{{instance}}"),),
        unit="s",
        least=0,
        steps=((None, GREEN), (1, ORANGE), (10, RED)),
    ),
    Chart(
        title="Series",
        says="Series that a scrape brings: they follow from the configuration, not from the traffic.",
        queries=(Query(expr=here("scrape_samples_scraped"), legend="{{instance}}"),),
        least=0,
    ),
    Chart(
        title="Loads of the policies",
        says="Loads within a day, by what asked for them and what they came to; refused ones keep the old rules.",
        queries=(
            Query(
                expr=f"sum by (asked, outcome) (increase({here('driftwatch_policy_loads_total')}[1d]))",
                legend="{{asked}} {{outcome}}",
            ),
        ),
        least=0,
    ),
    Chart(
        title="Policy files looked at",
        says="How long ago the policy files were last looked at for changes, and last to be loaded.",
        queries=(
            Query(expr=f"time() - {here('driftwatch_policy_watch_timestamp_seconds')}", legend="looked at"),
            Query(expr=f"time() - {here('driftwatch_policy_load_tried_timestamp_seconds')}", legend="loaded"),
        ),
        unit="s",
        least=0,
    ),
    States(
        title="Policy files watched",
        says="Whether changes of policy files are noticed at once, or only within a minute.",
        query=Query(expr=here("driftwatch_policy_watch_up"), legend="{{instance}}"),
        words={"0": ("within a minute", ORANGE), "1": ("at once", GREEN)},
    ),
    Chart(
        title="Configuration loaded",
        says="How long ago the configuration and the policies in force were loaded.",
        queries=(Query(expr=f"time() - {here('driftwatch_config_loaded_timestamp_seconds')}", legend="{{instance}}"),),
        unit="s",
        least=0,
    ),
    States(
        title="Hosts",
        says="Which of several daemons on a store leads. One that differs is configured otherwise than the one that "
        "leads, so it takes texts in and does not take over; the status page says in what.",
        query=Query(
            expr=f"{here('driftwatch_leader')} - (1 - {here('driftwatch_configuration_agrees')})",
            legend="{{instance}}",
        ),
        words={"-1": ("differs", ORANGE), "0": ("follows", BLUE), "1": ("leads", GREEN)},
    ),
)

BOARD = Board(
    name="daemon",
    title="Daemon health",
    says="Do the loops come round, are windows assessed, do alerts get through?",
    rows=(
        Row(title="Now", parts=_STATUS, width=3, height=4),
        Row(title="Are windows assessed?", parts=_ASSESSMENT, width=8, height=8),
        Row(title="Do the loops come round?", parts=_LOOPS, width=6, height=7),
        Row(title="What does it take?", parts=_MACHINE, width=6, height=7),
    ),
)
