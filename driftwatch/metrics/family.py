"""A metric family: its name, meaning and labels, and how it is read off a snapshot."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from driftwatch.metrics.histogram import Exemplar, HistogramFigures
    from driftwatch.metrics.snapshot import Snapshot, StreamFigures

Labels = tuple[str, ...]
"""Label values in the family's order."""

Samples = Iterable[tuple[Labels, float]]
Exemplars = Mapping[Labels, "Exemplar"]


class Kind(StrEnum):
    """What a value does over time."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric as Prometheus knows it.

    Args:
        name: as it is scraped, counters with their ``_total``.
        kind: counter or gauge.
        meaning: its help text, one sentence.
        labels: names of its labels.
        samples: reads its label values and values off a snapshot.
        exemplars: reads what a counter last counted off a snapshot, by label values; None for none.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...]
    samples: Callable[[Snapshot], Samples]
    exemplars: Callable[[Snapshot], Exemplars] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramFamily:
    """A histogram as Prometheus knows it.

    Args:
        name: as it is scraped, without ``_bucket``, ``_sum`` and ``_count``.
        meaning: its help text, one sentence.
        labels: names of its labels, ``le`` not among them.
        histograms: reads its label values and classes off a snapshot.
    """

    name: str
    meaning: str
    labels: tuple[str, ...]
    histograms: Callable[[Snapshot], Iterable[tuple[Labels, HistogramFigures]]]

    @property
    def kind(self) -> Kind:
        """What it is."""
        return Kind.HISTOGRAM


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
    exemplars: Callable[[StreamFigures], Mapping[Labels, Exemplar]] | None = None,
) -> Family:
    """Return a family with ``stream`` and further labels; ``values`` maps those further labels to values."""

    def samples(snapshot: Snapshot) -> Samples:
        return [
            ((stream.name, key) if isinstance(key, str) else (stream.name, *key), value)
            for stream in snapshot.streams
            for key, value in values(stream).items()
        ]

    def found(snapshot: Snapshot) -> Exemplars:
        if exemplars is None:
            return {}
        return {(stream.name, *key): each for stream in snapshot.streams for key, each in exemplars(stream).items()}

    return Family(
        name=name,
        kind=kind,
        meaning=meaning,
        labels=("stream", *labels),
        samples=samples,
        exemplars=found if exemplars is not None else None,
    )


def stream_histogram(
    name: str, meaning: str, figures: Callable[[StreamFigures], HistogramFigures | None]
) -> HistogramFamily:
    """Return a histogram a stream; None gives no samples."""

    def histograms(snapshot: Snapshot) -> Iterable[tuple[Labels, HistogramFigures]]:
        found = ((stream.name, figures(stream)) for stream in snapshot.streams)
        return [((stream,), each) for stream, each in found if each is not None]

    return HistogramFamily(name=name, meaning=meaning, labels=("stream",), histograms=histograms)


def seconds(at: datetime | None) -> float | None:
    """Return a moment as Unix seconds."""
    return None if at is None else at.timestamp()
