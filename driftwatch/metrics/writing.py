"""Writes metric families in the text format and in OpenMetrics.

The client library's own writers build every label anew on every scrape, which takes 50 streams beyond what a scrape may
cost. Here a series' name is made once, and the library's writers are what the tests hold this one against.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from driftwatch.metrics.family import Family, HistogramFamily, Kind, Labels

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from driftwatch.metrics.histogram import Exemplar, HistogramFigures
    from driftwatch.metrics.snapshot import Snapshot

_TOTAL = "_total"


class Writer:
    """Writes a snapshot's families.

    Args:
        families: in the order of their writing.
    """

    def __init__(self, families: Sequence[Family | HistogramFamily]) -> None:
        self._families = tuple(families)
        self._named: dict[str, tuple[list[Labels], list[str]]] = {family.name: ([], []) for family in families}

    def write(self, snapshot: Snapshot, *, openmetrics: bool) -> str:
        """Return the lines of all families, without OpenMetrics' last."""
        lines: list[str] = []
        for family in self._families:
            lines += _head(family, openmetrics=openmetrics)
            if isinstance(family, HistogramFamily):
                lines += self._classes(family, snapshot, openmetrics=openmetrics)
            else:
                lines += self._scalars(family, snapshot, openmetrics=openmetrics)
        return "".join(lines)

    def _scalars(self, family: Family, snapshot: Snapshot, *, openmetrics: bool) -> list[str]:
        samples = list(family.samples(snapshot))
        series = self._names(family.name, family.name, family.labels, [labels for labels, _ in samples])
        lines = [f"{name} {_number(value)}\n" for name, (_, value) in zip(series, samples, strict=True)]
        if openmetrics and family.exemplars is not None:
            exemplars = family.exemplars(snapshot)
            for place, (labels, _) in enumerate(samples):
                if (exemplar := exemplars.get(labels)) is not None:
                    lines[place] = f"{lines[place][:-1]}{_exemplar(exemplar)}\n"
        return lines

    def _classes(self, family: HistogramFamily, snapshot: Snapshot, *, openmetrics: bool) -> Iterator[str]:
        histograms = list(family.histograms(snapshot))
        wanted = [(*labels, bound) for labels, figures in histograms for bound in _bounds(figures)]
        series = iter(self._names(family.name, f"{family.name}_bucket", (*family.labels, "le"), wanted))
        for labels, figures in histograms:
            below = 0
            for place, count in enumerate(figures.counts):
                below += count
                exemplar = figures.exemplars[place] if openmetrics and figures.exemplars else None
                said = _exemplar(exemplar) if exemplar is not None else ""
                yield f"{next(series)} {_number(float(below))}{said}\n"
            own = _labelled(family.labels, labels)
            yield f"{family.name}_count{own} {_number(float(below))}\n"
            yield f"{family.name}_sum{own} {_number(figures.total)}\n"

    def _names(self, family: str, name: str, labels: tuple[str, ...], wanted: list[Labels]) -> list[str]:
        """Return the names of a family's series: those of the scrape before where nothing came or went."""
        before, names = self._named[family]
        if wanted != before:
            known = dict(zip(before, names, strict=True))
            names = [known.get(values) or f"{name}{_labelled(labels, values)}" for values in wanted]
            self._named[family] = wanted, names
        return names


def _head(family: Family | HistogramFamily, *, openmetrics: bool) -> tuple[str, str]:
    name = family.name.removesuffix(_TOTAL) if openmetrics and family.kind is Kind.COUNTER else family.name
    return f"# HELP {name} {_escaped(family.meaning)}\n", f"# TYPE {name} {family.kind.value}\n"


def _bounds(figures: HistogramFigures) -> tuple[str, ...]:
    return (*map(_number, figures.bounds), "+Inf")


def _labelled(labels: tuple[str, ...], values: Labels) -> str:
    if not labels:
        return ""
    pairs = sorted(zip(labels, values, strict=True))
    return "{" + ",".join(f'{label}="{_escaped(value)}"' for label, value in pairs) + "}"


def _exemplar(exemplar: Exemplar) -> str:
    at = "" if exemplar.at is None else f" {exemplar.at}"
    return f' # {{{exemplar.label}="{_escaped(exemplar.id)}"}} {_number(exemplar.value)}{at}'


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


@lru_cache(maxsize=8_192)
def _number(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]
