"""Which measure of a window is a detector's score, which its p-value, and from where on it says drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.drift.suffering import LEAST_INCREASE
from driftwatch.metrics.snapshot import DetectorFigures

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.metrics.snapshot import MeasureFigures


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How a detector's figures are read: names of its measures, and its limit where the measure brings none."""

    score: str | None = None
    p_value: str | None = None
    limit: float | None = None


DETECTORS = {
    "evidence": _Reading(score="drift.evidence", limit=0.0),
    "embedding": _Reading(score="embedding.mmd2", p_value="embedding.mmd_p"),
    "classifier": _Reading(score="embedding.auc"),
    "tokens": _Reading(score="tokens.jsd"),
    "length": _Reading(score="text.length"),
    "loss": _Reading(score="loss.increase", limit=LEAST_INCREASE),
    "share": _Reading(score="drift.new_share"),
    "looks": _Reading(p_value="drift.look_p"),
}
"""By the detector's own name."""


def detectors(measures: Mapping[str, MeasureFigures]) -> dict[str, DetectorFigures]:
    """Return the figures of every detector that measured something in a window.

    Args:
        measures: of the window, by name.
    """
    found = {name: _figures(reading, measures) for name, reading in DETECTORS.items()}
    return {name: figures for name, figures in found.items() if figures != DetectorFigures()}


def _figures(reading: _Reading, measures: Mapping[str, MeasureFigures]) -> DetectorFigures:
    score = measures.get(reading.score) if reading.score else None
    p_value = measures.get(reading.p_value) if reading.p_value else None
    limit = None if score is None else score.null_high if reading.limit is None else reading.limit
    return DetectorFigures(
        score=None if score is None else score.value,
        limit=limit,
        p_value=None if p_value is None else p_value.value,
    )
