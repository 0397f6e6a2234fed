"""What all boards share: their variables, annotations, links and the places of their panels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    AnnotationQuery,
    DashboardCursorSync,
    DashboardLinkType,
    GridPos,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.drawing import panel
from grafana.panels import BLUE, DATASOURCE, GREEN, RED
from grafana.queries import here, of

if TYPE_CHECKING:
    from grafana.panels import Part

FOLDER = Path(__file__).parent / "dashboards"
TAG = "driftwatch"
PAGES = "${pages}"
"""Where people reach the daemon's own pages: a variable of every board, for links."""
INCIDENT = f"{PAGES}/streams/${{__field.labels.stream}}/incidents/${{__value.raw}}"
"""The page of a window whose number is the value that was clicked."""

_ACROSS = 24
_EVERYTHING = VariableOption(text="All", value="$__all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Panels of one width and height under a heading."""

    title: str
    parts: tuple[Part, ...]
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """A dashboard.

    Args:
        name: of its file and address.
        title: of it.
        says: the question that it answers.
        rows: of its panels.
        by_stream: whether it asks by stream.
        by_detector: whether it asks by detector.
        begin: of the time shown, such as ``now-24h``.
    """

    name: str
    title: str
    says: str
    rows: tuple[Row, ...]
    by_stream: bool = True
    by_detector: bool = False
    begin: str = "now-24h"

    @property
    def uid(self) -> str:
        """Its address in Grafana."""
        return f"{TAG}-{self.name}"

    @property
    def path(self) -> Path:
        """Its file."""
        return FOLDER / f"{self.uid}.json"

    def rendered(self) -> str:
        """Return it as Grafana reads it."""
        return JSONEncoder(sort_keys=True, indent=2).encode(self._built().build()) + "\n"

    def _built(self) -> build.Dashboard:
        board = (
            build.Dashboard(f"{TAG} / {self.title}")
            .uid(self.uid)
            .tags([TAG])
            .description(self.says)
            .refresh("30s")
            .time(self.begin, "now")
            .timezone("browser")
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .readonly()
            .with_variable(build.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        )
        for variable in self._variables():
            board = board.with_variable(variable)
        board = board.with_variable(
            build.TextBoxVariable("pages")
            .label("Pages")
            .description("Where people reach the daemon's own pages; links lead there.")
            .default_value("http://127.0.0.1:9478")
        )
        for event in _EVENTS:
            board = board.annotation(event)
        return self._with_panels(board.link(_boards()).link(_status()))

    def _variables(self) -> list[build.QueryVariable]:
        found = [
            _variable("job", "Job", "driftwatch_build_info"),
            _variable("instance", "Instance", 'driftwatch_build_info{job=~"$job"}'),
        ]
        if self.by_stream:
            found.append(_variable("stream", "Stream", here("driftwatch_backlog_texts")))
        if self.by_detector:
            found.append(_variable("detector", "Detector", of("driftwatch_detector_score")))
        return found

    def _with_panels(self, board: build.Dashboard) -> build.Dashboard:
        number, top = 1, 0
        for row in self.rows:
            board = board.with_row(build.Row(row.title).id(number).grid_pos(GridPos(h=1, w=_ACROSS, x=0, y=top)))
            number, top = number + 1, top + 1
            places = _places(row, top)
            for part, place in zip(row.parts, places, strict=True):
                board = board.with_panel(panel(part, number=number, place=place))
                number += 1
            top = places[-1].y + row.height
        return board


class _Moments(AnnotationQuery):
    """An annotation whose series hold the moments themselves, which the kit's own class has no place for."""

    def to_json(self) -> dict[str, object]:
        """Return it as Grafana reads it."""
        return {
            **super().to_json(),
            "useValueForTime": True,
            "titleFormat": self.name,
            "textFormat": "stream {{stream}}",
            "tagKeys": "stream",
        }


@dataclass(frozen=True, slots=True)
class _Event(Builder[AnnotationQuery]):
    """Marks the moments when runs came into a state."""

    name: str
    state: str
    colour: str

    def build(self) -> AnnotationQuery:
        """Return the annotation."""
        moments = here("driftwatch_run_last_arrival_timestamp_seconds", f'state="{self.state}"')
        return _Moments(
            name=self.name, datasource=DATASOURCE, enable=True, icon_color=self.colour, expr=f"1000 * {moments}"
        )


_EVENTS = (
    _Event("Retraining asked for", "queued", BLUE),
    _Event("Promoted", "promoting", GREEN),
    _Event("Rolled back", "rolled-back", RED),
)


def _variable(name: str, label: str, series: str) -> build.QueryVariable:
    return (
        build.QueryVariable(name)
        .label(label)
        .query(f"label_values({series}, {name})")
        .datasource(DATASOURCE)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".+")
        .current(_EVERYTHING)
    )


def _boards() -> build.DashboardLink:
    return (
        build.DashboardLink("Boards")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .keep_time(keep_time=True)
        .include_vars(include_vars=True)
    )


def _status() -> build.DashboardLink:
    return (
        build.DashboardLink("Status page")
        .type(DashboardLinkType.LINK)
        .icon("external link")
        .tooltip("Streams, decisions, runs and incident pages, by the daemon itself")
        .url(f"{PAGES}/")
        .target_blank(target_blank=True)
    )


def _places(row: Row, top: int) -> list[GridPos]:
    across = _ACROSS // row.width
    return [
        GridPos(h=row.height, w=row.width, x=(i % across) * row.width, y=top + (i // across) * row.height)
        for i in range(len(row.parts))
    ]
