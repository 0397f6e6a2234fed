"""Parts that stand on more than one board."""

from __future__ import annotations

from grafana.boards import INCIDENT, PAGES
from grafana.panels import BLUE, GREEN, GREY, LIMIT, ORANGE, RED, Chart, Link, Query, States, Steps, Tile, Words
from grafana.queries import equal, measure, of

ON_OFF: Words = {"0": ("no", GREEN), "1": ("yes", RED)}
SINCE_ZERO: Steps = ((None, GREEN), (0, RED))

DRIFT_ALARMS = Tile(
    title="Drift alarms in force",
    says="Streams whose text has drifted, within the false-alarm budget; the incident page says what.",
    query=Query(expr=f"sum({of('driftwatch_drift_alarm')})"),
    steps=((None, GREEN), (1, ORANGE)),
    link=Link(title="Status page", url=f"{PAGES}/"),
)
PAUSED: Words = {"0": ("no", GREEN), "1": ("paused", ORANGE)}
EVIDENCE = Chart(
    title="Evidence of drift",
    says="Log10 of the evidence over its threshold: from 0 on it is an alarm within the false-alarm budget. Decides.",
    queries=(Query(expr=of("driftwatch_drift_evidence"), legend="{{stream}}"),),
    steps=SINCE_ZERO,
)
_STATES = {
    "stable": ("stable", GREEN),
    "benign-drift": ("benign drift", BLUE),
    "silent-decay": ("silent decay", ORANGE),
    "harmful-drift": ("harmful drift", RED),
}
STATE = States(
    title="State",
    says="Has the text drifted, and does the model suffer? Benign drift needs no retraining, harmful drift does; "
    "silent decay is a model that does worse on text that looks as it did.",
    query=Query(
        expr="sum by (stream) ("
        + " or ".join(
            f"{number} * {of('driftwatch_drift_state', equal('state', state))}"
            for number, state in enumerate(_STATES, 1)
        )
        + ")",
        legend="{{stream}}",
    ),
    words={"0": ("not known yet", GREY), **{str(number): said for number, said in enumerate(_STATES.values(), 1)}},
)
NEW_SHARE = Chart(
    title="New share of the traffic",
    says="At least this share of the last window's texts is not explained by the reference.",
    unit="percentunit",
    queries=(Query(expr=measure("drift.new_share"), legend="{{stream}}"),),
    least=0,
    room=0.2,
)
WINDOWS = Chart(
    title="Windows: click one for its incident page",
    says="Numbers of the windows assessed; a line that stands still is a stream that is not assessed. A click on a "
    "point leads to what changed in that window, in words.",
    unit="none",
    queries=(Query(expr=of("driftwatch_window_index"), legend="{{stream}}"),),
    link=Link(title="Incident page of this window", url=INCIDENT),
)


def banded(title: str, name: str, says: str, *, unit: str = "short", least: float | None = None) -> Chart:
    """Return a measure over time, with the upper end of where it lies without drift.

    Args:
        title: of the panel.
        name: of the measure.
        says: what it is, in a sentence.
        unit: Grafana's name of its unit.
        least: end of the axis.
    """
    return Chart(
        title=title,
        says=f"{says} Dashed: up to here it lies without drift.",
        unit=unit,
        queries=(
            Query(expr=measure(name), legend="{{stream}}"),
            Query(expr=measure(name, end="_null_high"), legend=f"{{{{stream}}}} {LIMIT}"),
        ),
        least=least,
    )


def plain(title: str, name: str, says: str, *, unit: str = "short", steps: Steps = ()) -> Chart:
    """Return a measure over time, with fixed limits where it has some; a share of 0 leaves room above it."""
    share = unit == "percentunit"
    return Chart(
        title=title,
        says=says,
        unit=unit,
        queries=(Query(expr=measure(name), legend="{{stream}}"),),
        steps=steps,
        least=0 if share else None,
        room=0.2 if share else None,
    )


def now(title: str, name: str, says: str, *, unit: str = "short", steps: Steps, decimals: int | None = None) -> Tile:
    """Return the greatest present value of a measure among the streams."""
    return Tile(
        title=title,
        says=says,
        query=Query(expr=f"max({measure(name)})"),
        unit=unit,
        steps=steps,
        decimals=decimals,
        empty="not measured",
    )


PLAIN: Steps = ((None, GREY),)
"""For numbers of which no value is bad."""
