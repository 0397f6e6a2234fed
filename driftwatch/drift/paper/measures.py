"""The measures of a window by the names people know them by."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from driftwatch.drift.paper.gauges import against_usual
from driftwatch.paper.frame import lasting, percent, safe, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.drift import Measure
    from driftwatch.domain.features import LossUnit

NAMES = {
    "drift.alarm": ("Alarm", "whether an alarm is in force at the window's end"),
    "drift.evidence": ("Evidence", "log10 of the detector over its threshold, at its highest; an alarm from 0 on"),
    "drift.onset_age": ("Age of the drift", "from its estimated onset to the window's last text"),
    "drift.look_p": ("Chance of such differences without drift", "p-value of one planned look, of several comparisons"),
    "drift.new_share": ("New share", "at least this share of the texts is not explained by the reference"),
    "embedding.auc": ("Told apart", "how well a classifier tells window from reference: AUC, 0.5 is not at all"),
    "embedding.mmd2": ("Embedding distance", "unbiased squared maximum mean discrepancy (MMD²)"),
    "embedding.mmd_p": ("Chance of such a distance without drift", "permutation p-value, valid for one planned look"),
    "tokens.jsd": ("Token divergence", "Jensen\u2013Shannon divergence in bits, bias-corrected"),
    "tokens.psi": ("Token stability", "population stability index (PSI), bias-corrected"),
    "tokens.hellinger": ("Token distance", "Hellinger distance, 0 to 1, bias-corrected"),
    "tokens.unknown_share": ("Unknown tokens", "share of tokens that the reference does not hold"),
    "text.length": ("Length", "median length of a text in tokens"),
    "loss.nats": ("Model's loss", ""),
    "loss.increase": ("Model's loss over its baseline", ""),
    "loss.perplexity_ratio": ("Perplexity over its baseline", "ratio"),
    "loss.where_new": ("Loss over its baseline, by what is new", ""),
    "feedback.accuracy": ("Right answers", "by the feedback on this window's texts so far"),
    "feedback.n": ("Feedback", "texts of this window that it is about"),
    "window.texts": ("Texts", "in this window"),
    "window.transformer_texts": ("Read by the transformer", "texts of this window; the static encoder read them all"),
    "window.duplicate_share": ("Repeated texts", "share of texts that repeat another of the window"),
    "window.known_share": (
        "Known texts",
        "share of texts that the reference knows word for word, no evidence",
    ),
}
_SHARES = frozenset(
    {"feedback.accuracy", "drift.new_share", "tokens.unknown_share", "window.duplicate_share", "window.known_share"}
)
_COUNTS = frozenset({"window.texts", "window.transformer_texts"})
_LOSSES = frozenset({"loss.nats", "loss.increase", "loss.where_new"})
"""Measures in the unit of the model's losses, which goes by its family."""
_APART = ("audit.", "drill.")
_AGES = 1e10
"""Seconds, some three centuries: whatever is older is told as this."""
_ORDER = {name: place for place, name in enumerate(NAMES)}


def measures_table(measures: Iterable[Measure], *, unit: LossUnit) -> str:
    """Return the window's own measures, known ones in a fixed order, others behind them; no audit, no drills.

    Args:
        measures: of the window.
        unit: of its losses.
    """
    own = (each for each in measures if not each.name.startswith(_APART))
    rows = (_row(each, unit) for each in sorted(own, key=lambda each: _ORDER.get(each.name, len(_ORDER))))
    return table(("Measure", "#Value", "#95% interval", "Against what is usual without drift"), rows, kind="stack")


def value_of(measure: Measure) -> str:
    """Return a measure's value as people read it; HTML."""
    if measure.name == "drift.alarm":
        return "yes" if measure.value else "no"
    if measure.name == "drift.onset_age":
        return lasting(timedelta(seconds=min(measure.value, _AGES)))
    return _figure(measure.name, measure.value)


def _row(measure: Measure, unit: LossUnit) -> tuple[str, str, str, str]:
    name, what = NAMES.get(measure.name, (measure.name, ""))
    what = unit.words if measure.name in _LOSSES else what
    interval = (
        f"{_figure(measure.name, measure.low)} to {_figure(measure.name, measure.high)}"
        if measure.low is not None and measure.high is not None
        else ""
    )
    said = f"<small>{safe(what)}</small>" if what else ""
    return f"{safe(name)}{said}", value_of(measure), interval, against_usual(measure)


def _figure(name: str, value: float) -> str:
    if name in _SHARES:
        return percent(value)
    if name in _COUNTS:
        return f"{value:,.0f}"
    return f"{value:.3g}".replace("-", "\u2212")
