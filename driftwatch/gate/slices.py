"""Slices: no part of the traffic may be sacrificed for the mean of the whole.

A slice is the texts with one value of a label of few values, or from one source. A slice whose loss rises beyond the
limit for sure refuses; one where that is not shown and not ruled out is told.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.gate.bootstrap import holm
from driftwatch.gate.verdicts import LEAST_TEXTS, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from driftwatch.domain.features import LossUnit
    from driftwatch.domain.run import GateMeasure
    from driftwatch.domain.text import Text
    from driftwatch.gate.bootstrap import Estimate
    from driftwatch.gate.verdicts import Comparison

LEVEL = 0.05
"""Chance, over all slices of a gate together, of refusing a candidate that is not worse than the limit in any."""

MOST_VALUES = 20
"""Distinct values up to which a label parts the texts into slices; ids and free words do not."""

MOST_SLICES = 60
"""Slices judged, the largest first."""

PREFIX = "slice."
_MOST_NAMED = 3
Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceReading:
    """What the slices of some texts say.

    Args:
        worse: slices whose loss rose beyond the limit for sure.
        unsure: slices where that is neither shown nor ruled out.
        measures: the rise of every slice, as ``slice.LABEL=VALUE``.
        limit: greatest rise, nats per token.
        unit: of the rise and its limit.
    """

    worse: tuple[str, ...]
    unsure: tuple[str, ...]
    measures: tuple[GateMeasure, ...]
    limit: float
    unit: LossUnit

    def words(self) -> str:
        """Return what a verdict adds about them; nothing where all is well or there are none."""
        if self.worse:
            return f"; worse by over {self.limit:g} {self.unit} for sure in {_named(self.worse)}"
        if self.unsure:
            return f"; a rise of over {self.limit:g} is not ruled out in {_named(self.unsure)}"
        return ""


def read_slices(compared: Comparison, *, limit: float, seed: int) -> SliceReading:
    """Judge every slice of the compared texts: refuse by Holm's adjusted p-values over all of them.

    Args:
        compared: losses of both models.
        limit: greatest rise of a slice's loss, nats per token; one below 0 counts as 0, as no slice owes a gain.
        seed: of the bootstraps.
    """
    limit = max(limit, 0.0)
    found = slices_of(compared.texts)
    rises = {name: rise for name, places in found.items() if (rise := compared.rise(places, seed=seed)) is not None}
    adjusted = holm([rise.p_above(limit) for rise in rises.values()])
    worse = tuple(name for name, p in zip(rises, adjusted, strict=True) if p <= LEVEL)
    return SliceReading(
        worse=worse,
        unsure=tuple(name for name, rise in rises.items() if rise.high > limit and name not in worse),
        measures=_measures(rises, found, limit, compared.unit),
        limit=limit,
        unit=compared.unit,
    )


def slices_of(texts: Sequence[Text]) -> Mapping[str, Places]:
    """Return the places of each slice's texts, int [texts], the largest slices first; the whole is no slice."""
    found: dict[str, Places] = {}
    for label in sorted({name for text in texts for name, _ in _marks(text)}):
        values = [dict(_marks(text)).get(label) for text in texts]
        counts = Counter(value for value in values if value is not None)
        if len(counts) > MOST_VALUES:
            continue
        for value, count in sorted(counts.items()):
            if LEAST_TEXTS <= count < len(texts):
                found[f"{label}={value}"] = np.flatnonzero([each == value for each in values])
    largest = sorted(found, key=lambda name: (-len(found[name]), name))[:MOST_SLICES]
    return {name: found[name] for name in largest}


def _marks(text: Text) -> Iterator[tuple[str, str]]:
    yield from text.labels.items()
    if text.source is not None:
        yield "source", text.source


def _measures(
    rises: Mapping[str, Estimate], places: Mapping[str, Places], limit: float, unit: LossUnit
) -> tuple[GateMeasure, ...]:
    return tuple(
        measure(f"{PREFIX}{name}", rise, limit=limit, n=len(places[name]), unit=unit) for name, rise in rises.items()
    )


def _named(names: Sequence[str]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
