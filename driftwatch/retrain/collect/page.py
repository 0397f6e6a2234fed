"""The data card as a section of the run's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.paper.frame import safe, table
from driftwatch.retrain.collect.card import WHOLE_CHARACTERS, Sign
from driftwatch.retrain.fairness.page import identity_section

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from driftwatch.retrain.collect.card import DataCard, Flagged, Limit, Share

_WORDS = {
    "empty": "nothing but space",
    "duplicate": "the same text again",
    "near-duplicate": "almost the same text again",
    "reserved": "as good as a reference text that is held out",
    "length": "far longer or shorter than the others",
    "characters": "hardly any letters",
    "group-cap": "beyond what one group may give",
    "source-cap": "beyond what one source may give",
    "over-limit": "more than the recipe trains on",
    "gone": "deleted from the store meanwhile",
    "personal-data": "personal data found in it",
    "no-loss": "the champion gives no loss for it",
    "loss": "absurd loss under the champion",
    "cluster-cap": "beyond what one cluster may give",
    "weight": "speaks ill of a group more than the reference does",
}

_SIGNS = {
    Sign.FEW_GROUPS: "from few groups",
    Sign.BURST: "in a short time",
    Sign.CLOSE: "closer together than clusters of the reference",
}


def card_section(card: DataCard) -> str:
    """Return the card as an HTML fragment, everything of users escaped.

    The only texts in it are shortened exemplars: of flagged clusters, which are left out of training, and, redacted, of
    shifts in how identity groups are spoken of.
    """
    parts = (_summary(card), _left_out(card), _caps(card), _flagged(card.clusters), _limits(card.limits))
    shares = (
        _shares("Sources", "source", card.sources),
        _shares("Largest groups", "group (digest)", card.largest_groups),
        _shares("Labels", "label", card.labels),
    )
    identity = identity_section(card.identity, card.mitigated)
    notes = "".join(f'<p class="note">{safe(note)}</p>' for note in card.notes)
    return (
        f'<section class="card"><h2>What it trains on</h2>{"".join(parts)}{"".join(shares)}{identity}{notes}</section>'
    )


def _summary(card: DataCard) -> str:
    span = f" seen from {card.since:%Y-%m-%d %H:%M} to {card.until:%Y-%m-%d %H:%M}" if card.since and card.until else ""
    return (
        f"<p><b>{card.used:,} of {card.fresh:,} fresh texts</b>{span} are used: {card.train:,} to train on, "
        f"{card.select:,} to choose between rounds and {card.judge:,} for the final word, of {card.groups:,} groups. "
        f"{card.replay:,} of {card.reference:,} reference texts are replayed ({card.replay_wanted:,} wanted), "
        f"{card.remembered:,} held out to judge what is forgotten.</p>"
    )


def _left_out(card: DataCard) -> str:
    rows = ((safe(_WORDS.get(why, why)), f"{n:,}", _percent(n, card.fresh)) for why, n in card.left_out.items())
    return _table("Left out", ("why", "#texts", "#share"), rows)


def _caps(card: DataCard) -> str:
    if card.caps is None:
        return ""
    named = (("group", card.caps.group), ("source", card.caps.source), ("cluster", card.caps.cluster))
    rows = ((name, "no limit" if cap is None else f"{cap:,}") for name, cap in named)
    return _table("Most texts from one …", ("place", "#texts"), rows)


def _flagged(clusters: Sequence[Flagged]) -> str:
    """Return the clusters that more texts came from than one may give."""

    def rows() -> Iterator[tuple[str, ...]]:
        for place, each in enumerate(clusters, start=1):
            what = _said_of(each)
            shown = "".join(f"<li><bdi>{safe(body)}</bdi></li>" for body in each.exemplars)
            yield (
                f"{place}",
                f"{what}<ul>{shown}</ul>",
                f"{each.texts:,}",
                f"{each.used:,}",
                f"{each.canaries:,}",
                f"{each.groups:,}",
                f"{each.sources:,}",
            )

    heads = ("", "texts that", "#texts", "#trained on", "#held out", "#groups", "#sources")
    return _table("Flagged clusters", heads, rows())


def _said_of(cluster: Flagged) -> str:
    if cluster.kind == "meaning":
        return f"mean much the same, new to the stream: {'; '.join(_SIGNS[sign] for sign in cluster.signs)}"
    return f"share the words “{safe(cluster.phrase)}”" if cluster.kind == "phrase" else "overlap"


def _limits(limits: Iterable[Limit]) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in limits:
            form = ",.0f" if each.unit == WHOLE_CHARACTERS else ",.4g"
            usual = f"up to {each.high:{form}}" if each.low is None else f"{each.low:{form}} to {each.high:{form}}"
            done = "left out" if each.trimmed else ("kept: too many to be outliers" if each.beyond else "none")
            yield safe(each.name), f"{usual} {safe(each.unit)}", f"{each.beyond:,}", done

    return _table("Outliers", ("figure", "usual", "#beyond", "what became of them"), rows())


def _shares(title: str, head: str, shares: Iterable[Share]) -> str:
    rows = [(each.name, each.came, each.used) for each in shares]
    came, used = sum(row[1] for row in rows), sum(row[2] for row in rows)
    cells = ((f"<bdi>{safe(n)}</bdi>", f"{c:,}", _percent(c, came), f"{u:,}", _percent(u, used)) for n, c, u in rows)
    return _table(title, (head, "#came in", "#share of these", "#used", "#share of these used"), cells)


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a titled table of HTML cells; a leading ``#`` marks a column of numbers; no rows, no table."""
    told = table(
        [f"#{safe(_titled(head[1:]))}" if head.startswith("#") else safe(_titled(head)) for head in heads], rows
    )
    return f"<h3>{safe(title)}</h3>{told}" if told else ""


def _titled(words: str) -> str:
    return words[:1].upper() + words[1:]


def _percent(part: int, of: int) -> str:
    return f"{part / of:.1%}" if of else "–"
