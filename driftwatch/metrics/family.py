"""A metric family: its name, meaning and labels, and how it is read off a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from datetime import datetime

    from prometheus_client import Metric

    from driftwatch.metrics.snapshot import Snapshot, StreamFigures

Sample = tuple[tuple[str, ...], float]
"""Label values in the family's order, and the value."""

Samples = Iterable[Sample]


class Kind(StrEnum):
    """What a value does over time."""

    COUNTER = "counter"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric as Prometheus knows it.

    Args:
        name: as it is scraped, counters with their ``_total``.
        kind: counter or gauge.
        meaning: its help text, one sentence.
        labels: names of its labels.
        samples: reads its label values and values off a snapshot.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...]
    samples: Callable[[Snapshot], Samples]

    def collect(self, snapshot: Snapshot) -> Metric:
        """Return the family with the snapshot's values."""
        form = CounterMetricFamily if self.kind is Kind.COUNTER else GaugeMetricFamily
        metric = form(self.name, self.meaning, labels=self.labels)
        for labels, value in self.samples(snapshot):
            metric.add_metric(labels, value)
        return metric


def single(name: str, meaning: str, value: Callable[[Snapshot], float | None], *, kind: Kind = Kind.GAUGE) -> Family:
    """Return a family without labels; None gives no sample."""

    def samples(snapshot: Snapshot) -> Samples:
        figure = value(snapshot)
        return () if figure is None else (((), figure),)

    return Family(name=name, kind=kind, meaning=meaning, labels=(), samples=samples)


def per_stream(
    name: str, meaning: str, value: Callable[[StreamFigures], float | None], *, kind: Kind = Kind.GAUGE
) -> Family:
    """Return a family with one value a stream; None gives no sample."""

    def samples(snapshot: Snapshot) -> Samples:
        figures = ((stream.name, value(stream)) for stream in snapshot.streams)
        return [((name,), figure) for name, figure in figures if figure is not None]

    return Family(name=name, kind=kind, meaning=meaning, labels=("stream",), samples=samples)


def within_stream(
    name: str,
    meaning: str,
    labels: tuple[str, ...],
    values: Callable[[StreamFigures], Mapping[str, float] | Mapping[tuple[str, str], float]],
    *,
    kind: Kind = Kind.GAUGE,
) -> Family:
    """Return a family with ``stream`` and further labels; ``values`` maps those further labels to values."""

    def samples(snapshot: Snapshot) -> Samples:
        for stream in snapshot.streams:
            for key, value in values(stream).items():
                yield (stream.name, *((key,) if isinstance(key, str) else key)), value

    return Family(name=name, kind=kind, meaning=meaning, labels=("stream", *labels), samples=samples)


def seconds(at: datetime | None) -> float | None:
    """Return a moment as Unix seconds."""
    return None if at is None else at.timestamp()
