"""The page of one window: what was measured against what is usual, which words moved, which texts are new."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from driftwatch.domain.drift import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from driftwatch.domain.drift import Measure, WindowResult, WordShift

_NAMES = {
    "embedding.mmd2": ("Embedding distance", "unbiased squared maximum mean discrepancy (MMD²)"),
    "embedding.mmd_p": ("Chance of such a distance without drift", "permutation p-value, valid for one planned look"),
    "tokens.jsd": ("Token divergence", "Jensen–Shannon divergence in bits, bias-corrected"),
    "tokens.unknown_share": ("Unknown tokens", "share of tokens that the reference does not hold"),
    "loss.nats": ("Model's loss", "nats per token"),
    "loss.increase": ("Model's loss over its baseline", "nats per token, 95% interval"),
    "loss.perplexity_ratio": ("Perplexity over its baseline", "ratio, 95% interval"),
    "drift.new_share": ("New share", "at least this share of the texts is not explained by the reference"),
    "window.texts": ("Texts", ""),
    "window.duplicate_share": ("Repeated texts", "share of texts that repeat another of the window"),
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2733;background:#fff}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem}p.sub,td.what{color:#5b6b7b}
table{border-collapse:collapse;width:100%}td,th{padding:.35rem .6rem;border-bottom:1px solid #e3e8ee;text-align:left}
td.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.bar{fill:#c8d3df}.out{fill:#c0392b}.in{fill:#2c7a4b}
.verdict{padding:.8rem 1rem;border-radius:.4rem;background:#eef3f8;border-left:.3rem solid #5b6b7b}
.verdict.drift{background:#fbeeec;border-color:#c0392b}.verdict.quiet{background:#edf6f0;border-color:#2c7a4b}
li{margin:.3rem 0}.up{color:#c0392b}.down{color:#2864a8}
"""


def window_page(result: WindowResult, *, alpha: float = 0.001, report: str | None = None) -> str:
    """Return a self-contained HTML page; all text of users is escaped.

    Args:
        result: the window's.
        alpha: level of the headline.
        report: link to the full report of the same window.
    """
    title = f"{escape(result.stream)} · window {result.index}"
    link = f'<p><a href="{escape(report)}">Full report by evidently</a></p>' if report else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="sub">{result.texts:,} texts ({result.distinct:,} distinct) from '
        f"{result.first_seen_at:%Y-%m-%d %H:%M} to {result.last_seen_at:%Y-%m-%d %H:%M} UTC, compared with reference "
        f"{escape(result.reference)}{_champion(result)}</p>{_headline(result, alpha)}"
        f"<h2>Measures</h2>{_measures(result.measures)}{_words(result.words)}{_exemplars(result.exemplars)}{link}"
        "</body></html>"
    )


def headline(result: WindowResult, *, alpha: float = 0.001) -> str:
    """Return for people: whether this window looks drifted, how much of it, and whether the model suffers."""
    if result.outcome is Outcome.TOO_LITTLE_DATA:
        return f"Too little data: only {result.distinct} distinct texts, which cannot show drift."
    p, share, increase = (result.value(name) for name in ("embedding.mmd_p", "drift.new_share", "loss.increase"))
    if p is None or p > alpha:
        return "This window looks like the reference."
    new = f" At least {share:.0%} of its texts are new." if share else ""
    loss = "" if increase is None else f" The model's loss is {increase:+.2f} nats per token against its baseline."
    return f"This window has drifted from the reference (p = {p:.2g}).{new}{loss}"


def _headline(result: WindowResult, alpha: float) -> str:
    p = result.value("embedding.mmd_p")
    kind = "" if result.outcome is Outcome.TOO_LITTLE_DATA or p is None else " drift" if p <= alpha else " quiet"
    return f'<p class="verdict{kind}">{escape(headline(result, alpha=alpha))}</p>'


def _champion(result: WindowResult) -> str:
    return f", scored by model {escape(result.champion)}" if result.champion else ""


def _measures(measures: Iterable[Measure]) -> str:
    rows = "".join(_row(measure) for measure in measures)
    return f"<table><tr><th>Measure</th><th></th><th>Value</th><th>Usual without drift</th></tr>{rows}</table>"


def _row(measure: Measure) -> str:
    name, what = _NAMES.get(measure.name, (measure.name, ""))
    interval = (
        f" [{measure.low:.3g}, {measure.high:.3g}]" if measure.low is not None and measure.high is not None else ""
    )
    return (
        f'<tr><td>{escape(name)}</td><td class="what">{escape(what)}</td>'
        f'<td class="num">{measure.value:.4g}{interval}</td><td>{_band(measure)}</td></tr>'
    )


def _band(measure: Measure) -> str:
    """Draw the null band and where the value lies, as SVG."""
    if measure.null_low is None or measure.null_high is None:
        return ""
    low, high = min(measure.null_low, measure.value), max(measure.null_high, measure.value)
    width = (high - low) or 1.0

    def at(value: float) -> float:
        return 5 + 190 * (value - low) / width

    inside = measure.null_low <= measure.value <= measure.null_high
    start, end = at(measure.null_low), at(measure.null_high)
    return (
        '<svg width="200" height="16" role="img" aria-label="null band and value">'
        f'<rect class="bar" x="{start:.1f}" y="5" width="{max(end - start, 1):.1f}" height="6"/>'
        f'<circle class="{"in" if inside else "out"}" cx="{at(measure.value):.1f}" cy="8" r="4"/></svg>'
    )


def _words(words: Iterable[WordShift]) -> str:
    rows = "".join(
        f'<tr><td class="{"up" if word.z > 0 else "down"}">{"▲" if word.z > 0 else "▼"} {escape(word.word)}</td>'
        f'<td class="num">{word.reference_share:.1%}</td><td class="num">{word.share:.1%}</td>'
        f'<td class="num">{word.z:+.1f}</td></tr>'
        for word in words
    )
    if not rows:
        return "<h2>Words</h2><p>No word rose or fell beyond chance.</p>"
    return (
        "<h2>Words that rose and fell</h2><table><tr><th>Word</th><th>Share of reference texts</th>"
        f"<th>Share of this window's texts</th><th>z</th></tr>{rows}</table>"
    )


def _exemplars(exemplars: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(body)}</li>" for body in exemplars)
    return f"<h2>Texts least like the reference</h2><ul>{items}</ul>" if items else ""
