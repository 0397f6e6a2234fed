"""The Embedding drift board: has the meaning of the text moved, by which detector, and does the model suffer?"""

from __future__ import annotations

from grafana.boards import Board, Row
from grafana.panels import GREEN, LIMIT, ORANGE, RED, Chart, Column, Query, Rows, Tile
from grafana.queries import by_detector, of
from grafana.shared import DRIFT_ALARMS, EVIDENCE, NEW_SHARE, STATE, WINDOWS, banded, now, plain

_STATUS = (
    DRIFT_ALARMS,
    Tile(
        title="Evidence now",
        says="Highest evidence among the streams, log10 over the threshold: from 0 on it is an alarm.",
        query=Query(expr=f"max({of('driftwatch_drift_evidence')})"),
        steps=((None, GREEN), (-1, ORANGE), (0, RED)),
        decimals=1,
        empty="none yet",
    ),
    now(
        "New share",
        "drift.new_share",
        "At least this share of the last window is not explained by the reference; the stream with most of it.",
        unit="percentunit",
        steps=((None, GREEN), (0.05, ORANGE), (0.2, RED)),
    ),
    now(
        "Loss over its baseline",
        "loss.increase",
        "The model's loss over its baseline, nats; from 0.05 on (for sure) the model suffers.",
        steps=((None, GREEN), (0.05, RED)),
        decimals=3,
    ),
    Tile(
        title="Since the onset",
        says="How long ago the oldest drift in force is estimated to have begun.",
        query=Query(expr=f"time() - min({of('driftwatch_drift_onset_timestamp_seconds')})"),
        unit="s",
        steps=((None, ORANGE), (86_400, RED)),
        empty="no drift",
    ),
    Tile(
        title="Reference is old",
        says="Age of the oldest reference that windows are compared with; it is rebuilt with a promoted model.",
        query=Query(expr=f"time() - min({of('driftwatch_reference_timestamp_seconds')})"),
        unit="s",
        steps=((None, GREEN), (15_552_000, ORANGE)),
        empty="no reference",
    ),
)

_EVIDENCE = (
    EVIDENCE,
    Chart(
        title="What carries the evidence",
        says="Log10 of what the strongest channel of each bank adds, while an alarm is in force: directions and twins "
        "are of embeddings, tokens of words, witness of learnt scores, loss and length of the model and the text.",
        queries=(Query(expr=of("driftwatch_drift_bank_evidence"), legend="{{stream}} {{bank}}"),),
    ),
    STATE,
    NEW_SHARE,
)

_MEANING = (
    banded(
        "Embedding MMD²",
        "embedding.mmd2",
        "Distance of the last window's embeddings from the reference's (unbiased squared MMD).",
    ),
    banded(
        "Can a classifier tell them apart?",
        "embedding.auc",
        "How well a classifier tells window and reference apart: 0.5 not at all, 1 wholly.",
    ),
)

_MODEL = (
    plain(
        "Rise of the loss",
        "loss.increase",
        "The champion's loss over its baseline, in nats (per token, masked token or labelled text). From the line on, "
        "for sure, the model suffers.",
        steps=((None, GREEN), (0.05, RED)),
    ),
    plain(
        "Where the text is new",
        "loss.where_new",
        "The part of the loss's rise that comes from new texts, every text alike, nats: rare and short ones count too.",
        steps=((None, GREEN), (0.05, RED)),
    ),
    plain(
        "Perplexity over its baseline",
        "loss.perplexity_ratio",
        "The champion's perplexity on the window over what it is without drift: 1 is no change.",
        steps=((None, GREEN), (1.05, RED)),
    ),
)

_DETECTORS = (
    Rows(
        title="Detectors now",
        says="What each chosen detector measured on the last windows, and from where on that says drift. Only the "
        "evidence decides; the others say what kind of drift it is.",
        labels=("stream", "detector"),
        columns=(
            Column(name="Score", expr=by_detector("driftwatch_detector_score"), decimals=4),
            Column(name="Limit", expr=by_detector("driftwatch_detector_limit"), decimals=4),
            Column(
                name="Above it by",
                expr=f"{by_detector('driftwatch_detector_score')} - {by_detector('driftwatch_detector_limit')}",
                decimals=4,
                steps=((None, GREEN), (0, RED)),
            ),
            Column(name="p-value", expr=by_detector("driftwatch_detector_p_value"), decimals=3),
        ),
    ),
    Chart(
        title="Scores of the chosen detectors",
        says="Each in its own unit, the length of texts on the axis to the right: choose one detector above to read "
        "its axis. Dashed: from here on it says drift.",
        queries=(
            Query(expr=by_detector("driftwatch_detector_score"), legend="{{stream}} {{detector}}"),
            Query(expr=by_detector("driftwatch_detector_limit"), legend=f"{{{{stream}}}} {{{{detector}}}} {LIMIT}"),
        ),
        apart=".* length( .*)?",
    ),
    Chart(
        title="p-values",
        says="Each valid for one planned look at one window: looked at again and again they fall below 5% without "
        "drift. They help to read an alarm and raise none.",
        queries=(Query(expr=of("driftwatch_detector_p_value"), legend="{{stream}} {{detector}}"),),
        unit="percentunit",
        least=0,
        most=1,
    ),
    WINDOWS,
)

BOARD = Board(
    name="embedding",
    title="Embedding drift",
    says="Has the meaning of the text moved, which detectors see it, and does the model suffer?",
    by_detector=True,
    rows=(
        Row(title="Now", parts=_STATUS, width=4, height=4),
        Row(title="Is it drift?", parts=_EVIDENCE, width=12, height=8),
        Row(title="How far has the meaning moved?", parts=_MEANING, width=12, height=8),
        Row(title="Does the model suffer?", parts=_MODEL, width=8, height=7),
        Row(title="Detectors", parts=_DETECTORS, width=12, height=10),
    ),
)
