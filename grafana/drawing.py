"""From a part to Grafana's panel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import common, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.builders import dashboard as build
from grafana_foundation_sdk.builders import prometheus as prom
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataTransformerConfig,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from grafana.panels import BLUE, DATASOURCE, GREY, LIMIT, ORANGE, Chart, Note, Rows, States, Tile

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import DashboardLink, RangeMap, RegexMap, SpecialValueMap

    from grafana.panels import Column, Link, Part, Query, Steps, Words

Panel = stat.Panel | timeseries.Panel | statetimeline.Panel | table.Panel | text.Panel
_BARS = 60
_NARROW = 70
_WIDE = 190
_WORDY, _WORDY_WIDE = ("dateTimeFromNow",), 150
"""Units whose values are words, such as *a few seconds ago*, and what those take."""


def panel(part: Part, *, number: int, place: GridPos) -> Panel:
    """Return the part as a panel with its number and place."""
    match part:
        case Tile():
            made: Panel = _tile(part)
        case Chart():
            made = _chart(part)
        case States():
            made = _states(part)
        case Rows():
            made = _table(part)
        case Note():
            made = text.Panel().mode(TextMode.MARKDOWN).content(part.text)
    return made.id(number).grid_pos(place).title(part.title).description(part.says).datasource(DATASOURCE)


def _target(query: Query, ref: str) -> prom.Dataquery:
    target = prom.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref).datasource(DATASOURCE).range()
    return target.exemplar(exemplar=True) if query.exemplar else target


def _words(words: Words) -> list[ValueMap | RangeMap | RegexMap | SpecialValueMap]:
    options = {
        value: ValueMappingResult(text=text, color=colour, index=i)
        for i, (value, (text, colour)) in enumerate(words.items())
    }
    return [ValueMap(options=options)] if options else []


def _thresholds(steps: Steps) -> build.ThresholdsConfig:
    return (
        build.ThresholdsConfig()
        .mode(ThresholdsMode.ABSOLUTE)
        .steps([Threshold(value=value, color=colour) for value, colour in steps])
    )


def _links(link: Link | None) -> list[Builder[DashboardLink]]:
    return [] if link is None else [build.DashboardLink(link.title).url(link.url).target_blank(target_blank=True)]


def _tile(tile: Tile) -> stat.Panel:
    made = (
        stat.Panel()
        .with_target(_target(tile.query, "A"))
        .unit(tile.unit)
        .thresholds(_thresholds(tile.steps))
        .color_scheme(build.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(
            BigValueColorMode.VALUE if tile.graph or len(tile.steps) == 1 else BigValueColorMode.BACKGROUND_SOLID
        )
        .graph_mode(BigValueGraphMode.AREA if tile.graph else BigValueGraphMode.NONE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(values=False))
        .mappings(_words(tile.words))
        .no_value(tile.empty)
        .data_links(_links(tile.link))
    )
    return made if tile.decimals is None else made.decimals(tile.decimals)


def _chart(chart: Chart) -> timeseries.Panel:
    made = (
        timeseries.Panel()
        .unit(chart.unit)
        .draw_style(GraphDrawStyle.BARS if chart.bars else GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(_BARS if chart.bars else 20 if chart.stacked else 0)
        .show_points(VisibilityMode.AUTO)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(show_legend=True)
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .color_scheme(build.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        .data_links(_links(chart.link))
        .override_by_regexp(
            f".* {LIMIT}$",
            [
                DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [6, 4]}),
                DynamicConfigValue(id_val="custom.drawStyle", value="line"),
                DynamicConfigValue(id_val="custom.fillOpacity", value=0),
                DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": ORANGE}),
            ],
        )
    )
    if chart.apart is not None:
        made = made.override_by_regexp(chart.apart, [DynamicConfigValue(id_val="custom.axisPlacement", value="right")])
    if chart.stacked:
        made = made.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    if chart.least is not None:
        made = made.min(chart.least)
    if chart.most is not None:
        made = made.max(chart.most)
    if chart.room is not None:
        made = made.axis_soft_max(chart.room)
    if chart.steps:
        made = made.thresholds(_thresholds(chart.steps)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        )
    for i, query in enumerate(chart.queries):
        made = made.with_target(_target(query, chr(ord("A") + i)))
    return made


def _states(states: States) -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .with_target(_target(states.query, "A"))
        .unit("none")
        .mappings(_words(states.words))
        .color_scheme(build.FieldColor().mode(FieldColorModeId.FIXED).fixed_color(GREY))
        .merge_values(merge_values=True)
        .row_height(0.8)
    )


def _table(rows: Rows) -> table.Panel:
    refs = [chr(ord("A") + i) for i in range(len(rows.columns))]
    names = {f"Value #{ref}": column.name for ref, column in zip(refs, rows.columns, strict=True)}
    order = {name: place for place, name in enumerate((*rows.labels, *names))}
    made = (
        table.Panel()
        .unit("short")
        .min_width(_NARROW)
        .thresholds(_thresholds(((None, BLUE),)))
        .with_transformation(DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            DataTransformerConfig(
                id_val="organize",
                options={
                    "excludeByName": {"Time": True},
                    "indexByName": order,
                    "renameByName": names,
                },
            )
        )
    )
    if rows.by is not None:
        made = made.sort_by([common.TableSortByFieldState().display_name(rows.by).desc(desc=True)])
    if rows.wide is not None:
        made = made.override_by_name(rows.wide, [DynamicConfigValue(id_val="custom.width", value=_WIDE)])
    for ref, column in zip(refs, rows.columns, strict=True):
        made = made.with_target(
            prom.Dataquery()
            .expr(f"max by ({', '.join(rows.labels)}) ({column.expr})")
            .instant()
            .format(PromQueryFormat.TABLE)
            .ref_id(ref)
            .datasource(DATASOURCE)
        ).override_by_name(column.name, _column(column))
    return made


def _column(column: Column) -> list[DynamicConfigValue]:
    properties = [DynamicConfigValue(id_val="unit", value=column.unit)]
    if column.unit in _WORDY:
        properties.append(DynamicConfigValue(id_val="custom.width", value=_WORDY_WIDE))
    if column.decimals is not None:
        properties.append(DynamicConfigValue(id_val="decimals", value=column.decimals))
    if column.steps:
        steps = [{"value": value, "color": colour} for value, colour in column.steps]
        properties.append(DynamicConfigValue(id_val="thresholds", value={"mode": "absolute", "steps": steps}))
    if column.words:
        properties.append(DynamicConfigValue(id_val="mappings", value=_words(column.words)))
    if column.steps or column.words:
        properties.append(DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}))
    if column.link is not None:
        links = [{"title": column.link.title, "url": column.link.url, "targetBlank": True}]
        properties.append(DynamicConfigValue(id_val="links", value=links))
    return properties
