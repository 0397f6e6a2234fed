"""The kinds of panel the dashboards are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import common, stat, statetimeline, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
    RangeMap,
    RegexMap,
    SpecialValueMap,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "text"
LIMIT = "limit"
"""Series whose legend ends in this word are drawn dashed, without fill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An expression and what its series are called."""

    expr: str
    legend: str = ""
    instant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number with a colour.

    Args:
        title: what it is.
        says: what it means and what to do about it.
        query: gives one value.
        unit: Grafana's name of the unit.
        steps: (from this value on, colour), ascending; the first begins at no value.
        words: words instead of values, with their colours.
        empty: shown when there is no value.
        decimals: digits after the point.
        graph: whether the past is drawn behind the number.
    """

    title: str
    says: str
    query: Query
    unit: str = "short"
    steps: tuple[tuple[float | None, str], ...] = ((None, BLUE),)
    words: dict[str, tuple[str, str]] = field(default_factory=dict)
    empty: str = "-"
    decimals: int | None = None
    graph: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Values over time."""

    title: str
    says: str
    queries: tuple[Query, ...]
    unit: str = "short"
    least: float | None = None
    most: float | None = None
    stacked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """On and off over time."""

    title: str
    says: str
    query: Query
    words: dict[str, tuple[str, str]]


Part = Tile | Chart | States
Panel = stat.Panel | timeseries.Panel | statetimeline.Panel


def panel(part: Part, *, number: int, place: GridPos) -> Panel:
    """Return the part as a panel with its number and place."""
    match part:
        case Tile():
            made: Panel = _tile(part)
        case Chart():
            made = _chart(part)
        case States():
            made = _states(part)
    return made.id(number).grid_pos(place).title(part.title).description(part.says).datasource(DATASOURCE)


def _target(query: Query, ref: str) -> prom.Dataquery:
    target = prom.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref).datasource(DATASOURCE)
    return target.instant() if query.instant else target.range()


def _words(words: dict[str, tuple[str, str]]) -> list[ValueMap | RangeMap | RegexMap | SpecialValueMap]:
    options = {
        value: ValueMappingResult(text=text, color=colour, index=i)
        for i, (value, (text, colour)) in enumerate(words.items())
    }
    return [ValueMap(options=options)] if options else []


def _thresholds(steps: tuple[tuple[float | None, str], ...]) -> build.ThresholdsConfig:
    return (
        build.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in steps])
    )


def _tile(tile: Tile) -> stat.Panel:
    made = (
        stat.Panel()
        .with_target(_target(tile.query, "A"))
        .unit(tile.unit)
        .thresholds(_thresholds(tile.steps))
        .color_scheme(build.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(BigValueColorMode.BACKGROUND_SOLID if not tile.graph else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA if tile.graph else BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(values=False))
        .mappings(_words(tile.words))
        .no_value(tile.empty)
    )
    return made if tile.decimals is None else made.decimals(tile.decimals)


def _chart(chart: Chart) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .unit(chart.unit)
        .draw_style(GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(20 if chart.stacked else 0)
        .show_points(VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .override_by_regexp(
            f".* {LIMIT}$",
            [
                DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [6, 4]}),
                DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": ORANGE}),
            ],
        )
    )
    if chart.stacked:
        made = made.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if chart.least is not None:
        made = made.min(chart.least)
    if chart.most is not None:
        made = made.max(chart.most)
    for i, query in enumerate(chart.queries):
        made = made.with_target(_target(query, chr(ord("A") + i)))
    return made


def _states(states: States) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .with_target(_target(states.query, "A"))
        .mappings(_words(states.words))
        .color_scheme(build.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(GREY))
        .merge_values(merge_values=True)
        .row_height(0.8)
    )
