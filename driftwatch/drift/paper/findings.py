"""What drifted: clusters on their map, words, slices, channels and exemplars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.domain.drift import Change, Outcome
from driftwatch.drift.paper.gauges import share_bar
from driftwatch.drift.paper.scatter import colour, dot, scatter, shape
from driftwatch.drift.paper.sentences import change_name, keywords, measure
from driftwatch.paper.frame import percent, safe, section, table, times_ten

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.domain.drift import ClusterShift, WindowResult, WordShift
    from driftwatch.domain.features import LossUnit

_MOST_EXEMPLARS, _MOST_CHANNELS, _MOST_SLICES, _MOST_WORDS = 3, 12, 12, 10
_BANKS = {
    "directions": "meaning: where the text lies among the reference's",
    "twins": "absence: what lies elsewhere than one kind of text, which became rarer",
    "tokens": "wording: a token is in the text",
    "witness": "likeness: near to a kind of text learnt from the recent stream",
    "loss": "the model: how hard the text is for it",
    "length": "length of the text",
}
_TONES = {Change.NEW: "bad", Change.GROWN: "warn", Change.SHRUNK: "idle"}
_AS_STORED = "Shortened; where redaction is on, personal data was replaced before they were stored."
_NONE_MOVED = (
    "No group of alike texts grew or shrank beyond chance. The map shows where this window's texts lie among the "
    "reference's."
)
_BAR_NOTE = "The bar is the share now with its 95% interval; the tick is the share in the reference."


def clusters(result: WindowResult) -> str:
    """Return the clusters beside the map; without either, nothing."""
    if not result.clusters and result.map is None:
        return ""
    drawn = _map(result)
    listed = _clusters(result)
    body = f'<div class="two map">{drawn}{listed}</div>' if drawn and listed else drawn or listed
    note = f"Groups of alike texts whose share of the traffic moved. {_BAR_NOTE}" if result.clusters else _NONE_MOVED
    return section("What is new, and what is gone", body, note=note)


def words(result: WindowResult) -> str:
    """Return the words that rose beside those that fell."""
    risen = [shift for shift in result.words if shift.z > 0]
    fallen = [shift for shift in result.words if shift.z < 0]
    if result.outcome is Outcome.TOO_LITTLE_DATA:
        return ""
    if not result.words:
        return section("Words", "<p>No word rose or fell beyond chance.</p>")
    body = f'<div class="two">{_words("Rose", risen)}{_words("Fell", fallen)}</div>'
    note = "Share of texts that hold the word, beyond chance at 5% false discovery. The tick is the reference's share."
    return section("Words that rose and fell", body, note=note)


def slices(result: WindowResult) -> str:
    """Return the slices that carry the drift."""
    rows = (
        (
            f"<b>{safe(each.label)}</b> = <bdi>{safe(each.value)}</bdi>",
            f"{each.texts:,}",
            percent(each.share),
            percent(each.new_share),
            times_ten(each.log10_e),
        )
        for each in result.slices[:_MOST_SLICES]
    )
    heads = ("Slice", "#Texts", "#Share of the texts", "#New, at least", "#Evidence (e-value)")
    note = "Slices that hold more texts unlike the reference than the rest of the window does, beyond chance."
    return section("Who is affected", table(heads, rows, kind="stack"), note=note)


def channels(result: WindowResult) -> str:
    """Return which channels carry the evidence."""
    rows = (
        (
            f"<bdi>{safe(each.name)}</bdi><small>{safe(_BANKS.get(each.bank, each.bank))}</small>",
            percent(each.share),
            percent(each.reference_share),
            times_ten(each.log10_e),
        )
        for each in result.channels[:_MOST_CHANNELS]
    )
    heads = ("Channel", "#Of the texts since the onset", "#Of the reference, at most", "#Evidence (its part)")
    note = "The detector watches many sets of texts at once. These hold more texts than the reference allows."
    return section("Which channels carry the evidence", table(heads, rows, kind="stack"), note=note)


def exemplars(result: WindowResult) -> str:
    """Return the texts least like the reference."""
    items = "".join(f"<li>{quote(body)}</li>" for body in result.exemplars)
    body = f'<ul class="plain">{items}</ul>' if items else ""
    return section("Texts least like the reference", body, note=_AS_STORED)


def quote(body: str) -> str:
    """Return somebody's text, set apart from ours."""
    return f'<blockquote class="quote" dir="auto">{safe(body)}</blockquote>'


def _map(result: WindowResult) -> str:
    if result.map is None:
        return ""
    rest = set(result.map.clusters) - set(range(len(result.clusters)))
    others = "this window, elsewhere" if result.clusters else "this window"
    key = f"<li>{dot('dust')} reference</li>" + (f"<li>{dot('rest')} {others}</li>" if rest else "")
    key += "".join(
        f"<li>{shape(number)} <span><b>{number + 1}</b> <bdi>{safe(keywords(cluster, most=2))}</bdi></span></li>"
        for number, cluster in enumerate(result.clusters)
        if number in result.map.clusters
    )
    caption = "Texts close where they are alike; the axes mean nothing by themselves."
    return (
        f"<figure>{scatter(result.map, clusters=len(result.clusters))}"
        f'<figcaption>{caption}</figcaption><ul class="key">{key}</ul></figure>'
    )


def _clusters(result: WindowResult) -> str:
    most = max((max(each.high, each.reference_share) for each in result.clusters), default=0.0)
    baseline = _baseline(result)
    items = "".join(_cluster(n, each, most, baseline, unit=result.loss_unit) for n, each in enumerate(result.clusters))
    return f'<ol class="clusters">{items}</ol>' if items else ""


def _cluster(number: int, cluster: ClusterShift, most: float, baseline: float | None, *, unit: LossUnit) -> str:
    usual = "" if baseline is None else f" (usual {baseline:.2f})"
    loss = "" if cluster.loss is None else f" \u00b7 loss {cluster.loss:.2f} {unit.words}{usual}"
    bar = share_bar(
        cluster.share,
        cluster.reference_share,
        most=most,
        low=cluster.low,
        high=cluster.high,
        fill=f"var(--c{colour(number)})",
    )
    return (
        f"<li><h3>{shape(number)} {number + 1} <bdi>{safe(keywords(cluster))}</bdi> "
        f'<span class="tag {_TONES[cluster.change]}">{change_name(cluster.change).lower()}</span></h3>{bar}'
        f"<p><b>{percent(cluster.share)}</b> of the texts ({percent(cluster.low)} to {percent(cluster.high)}), "
        f'<span class="mute">{percent(cluster.reference_share)} of the reference \u00b7 {cluster.texts:,} texts{loss}'
        f"</span></p>{''.join(quote(body) for body in cluster.exemplars[:_MOST_EXEMPLARS])}</li>"
    )


def _baseline(result: WindowResult) -> float | None:
    loss, increase = measure(result, "loss.nats"), measure(result, "loss.increase")
    return None if loss is None or increase is None else loss.value - increase.value


def _words(title: str, shifts: Sequence[WordShift]) -> str:
    if not shifts:
        return f"<div><h3>{title}</h3><p>No word {title.lower()} beyond chance.</p></div>"
    most = max(max(each.share, each.reference_share) for each in shifts)
    rows = [
        (
            f"<bdi>{safe(each.word)}</bdi>",
            f"{percent(each.reference_share)} \u2192 {percent(each.share)}",
            share_bar(each.share, each.reference_share, most=most, kind=title.lower()),
        )
        for each in shifts
    ]
    heads = ("Word", "#Was \u2192 is", "")
    more = table(heads, rows[_MOST_WORDS:], kind="words")
    folded = f'<details class="more"><summary>{len(rows) - _MOST_WORDS} more</summary>{more}</details>' if more else ""
    return f"<div><h3>{title}</h3>{table(heads, rows[:_MOST_WORDS], kind='words')}{folded}</div>"
