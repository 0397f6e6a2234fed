"""The kinds of panel the boards are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

from grafana_foundation_sdk.models.dashboard import DataSourceRef

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, ORANGE, RED, BLUE, GREY = "green", "orange", "red", "blue", "#8e8e8e"
A_SECOND = "suffix:/s"
"""Unit of a rate, in words that everybody reads."""
LIMIT = "limit"
"""Series whose legend ends in this word are drawn dashed, without fill."""

Steps = tuple[tuple[float | None, str], ...]
"""(from this value on, colour), ascending; the first begins at no value."""
Words = dict[str, tuple[str, str]]
"""Words instead of values, with their colours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """An expression and what its series are called; an exemplar leads to a run's or a window's page."""

    expr: str
    legend: str = ""
    exemplar: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a click on a value leads."""

    title: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number with a colour.

    Args:
        title: what it is.
        says: what it means and what to do about it.
        query: gives one value.
        unit: Grafana's name of the unit.
        steps: from where on the value is good, doubtful or bad.
        words: instead of values.
        empty: shown when there is no value.
        decimals: digits after the point.
        graph: whether the past is drawn behind the number.
        link: where a click leads.
    """

    title: str
    says: str
    query: Query
    unit: str = "short"
    steps: Steps = ((None, BLUE),)
    words: Words = field(default_factory=dict)
    empty: str = "-"
    decimals: int | None = None
    graph: bool = False
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Values over time.

    Args:
        title: what it is.
        says: what it means and what to do about it.
        queries: of its series.
        unit: Grafana's name of the unit.
        least: end of the axis.
        most: other end of the axis.
        stacked: whether series add up.
        bars: whether values are bars, not lines.
        steps: limits that are drawn as lines of their colour.
        room: up to where the axis reaches at least.
        link: where a click on a value leads.
        apart: pattern of the series that are drawn on an axis of their own, to the right.
    """

    title: str
    says: str
    queries: tuple[Query, ...]
    unit: str = "short"
    least: float | None = None
    most: float | None = None
    stacked: bool = False
    bars: bool = False
    steps: Steps = ()
    room: float | None = None
    link: Link | None = None
    apart: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Words over time."""

    title: str
    says: str
    query: Query
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a table.

    Args:
        name: its heading.
        expr: gives its values; the greatest of those with the labels of a row stands in it.
        unit: Grafana's name of the unit.
        decimals: digits after the point.
        steps: colours of the value; none for plain ones.
        words: instead of values.
        link: where a click on a value leads.
    """

    name: str
    expr: str
    unit: str = "short"
    decimals: int | None = None
    steps: Steps = ()
    words: Words = field(default_factory=dict)
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A table of the present values.

    Args:
        title: what it is.
        says: what it means and what to do about it.
        labels: that tell its rows apart, in the order of their columns.
        columns: its values.
        by: heading of the column that it is sorted by, the greatest first; in Prometheus' order without.
        wide: label whose values are longer than a column usually is.
    """

    title: str
    says: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    by: str | None = None
    wide: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Words for the reader, in Markdown."""

    title: str
    says: str
    text: str


Part = Tile | Chart | States | Rows | Note
