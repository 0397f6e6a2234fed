"""The data check as a part of the data card's section."""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.paper.frame import safe, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from driftwatch.retrain.fairness.result import DataCheck, GroupCheck, Mitigated, Shift

_LEXICONS = {"negative": "negative words", "insults": "insults"}


def identity_section(found: DataCheck | None, mitigated: tuple[Mitigated, ...]) -> str:
    """Return how the texts speak of identity groups as an HTML fragment, everything of users escaped.

    The only parts of texts in it are the redacted, shortened exemplars of named shifts.
    """
    if found is None:
        return ""
    parts = (
        ("Who is spoken of", f"<p>{safe(summary(found))}</p>{_shares(found)}{_thin(found)}"),
        ("With which words", _associations(found)),
        ("What the shifts are made of", _exemplars(found)),
        ("What was done about it", _done(mitigated)),
    )
    return "".join(f"<h3>{title}</h3>{part}" for title, part in parts if part)


def summary(found: DataCheck) -> str:
    """Return in a few sentences what changed, and how much could be told."""
    if not found.groups:
        texts = f"{found.texts:,} new texts and {found.reference_texts:,} of the reference"
        return f"No identity group is mentioned in {texts}."
    thin = sum(not each.associations for each in found.groups)
    words = [_said(each) for each in found.named]
    told = "; ".join(words) if words else f"no change is shown among {found.tests} figures"
    return (
        f"{found.texts:,} new texts against {found.reference_texts:,} of the reference, {len(found.groups)} groups "
        f"mentioned ({thin} too seldom to tell how): {told}."
    )


def _said(found: GroupCheck) -> str:
    parts = []
    if found.share is not None and found.share.named:
        parts.append(
            f"mentioned {'more' if found.share.change > 0 else 'less'} often ({found.share.reference:.2%} to "
            f"{found.share.new:.2%} of the texts)"
        )
    parts += [
        f"{'more' if each.shift.change > 0 else 'fewer'} {_LEXICONS.get(each.lexicon, each.lexicon)} near the name"
        for each in found.associations
        if each.shift.named
    ]
    return f"{group_name(found)}: {', '.join(parts)}"


def group_name(found: GroupCheck) -> str:
    """Return a group's name as people write it."""
    return found.group.replace("_", " ")


def _shares(found: DataCheck) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in found.groups:
            if (one := each.share) is not None:
                yield (
                    safe(group_name(each)),
                    f"{each.texts:,} ({each.reference_texts:,})",
                    f"{one.new:.2%} ({one.reference:.2%})",
                    f"{one.change:+.2%} ({one.low:+.2%} to {one.high:+.2%})",
                    _verdict(one),
                )

    return table(("Group", "#Texts (reference)", "#Share (before)", "#Change (95% interval)", "Shown"), rows())


def _thin(found: DataCheck) -> str:
    """Return the groups of which too little is said to tell anything, in a sentence."""
    words = [
        f"{safe(group_name(each))} ({each.texts:,} and {each.reference_texts:,})"
        for each in found.groups
        if each.share is None
    ]
    return f'<p class="note">Not enough texts to tell: {", ".join(words)}.</p>' if words else ""


def _associations(found: DataCheck) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in found.groups:
            for one in each.associations:
                before = f"{one.shift.reference:+.2f}" if one.against == "reference" else "chance"
                yield (
                    f"{safe(group_name(each))}, {safe(_LEXICONS.get(one.lexicon, one.lexicon))}",
                    f"{one.carriers:,}",
                    f"{one.shift.new:+.2f} ({before})",
                    f"{one.shift.change:+.2f} ({one.shift.low:+.2f} to {one.shift.high:+.2f})",
                    _verdict(one.shift),
                )

    heads = ("Near its names", "#Texts", "#Log odds (before)", "#Change (95% interval)", "Shown")
    return table(heads, rows())


def _verdict(shift: Shift) -> str:
    if not shift.named:
        return "no"
    return "rose" if shift.change > 0 else "fell"


def _exemplars(found: DataCheck) -> str:
    """Return, for each group about which something changed, the words that rose near it and a few texts."""
    parts = []
    for each in found.named:
        words = ", ".join(f"<bdi>{safe(one.word)}</bdi> ({one.new}, before {one.reference})" for one in each.words)
        risen = f"words that rose near it, with how many authors said them: {words}" if words else "no word stands out"
        shown = "".join(f"<li><bdi>{safe(part)}</bdi></li>" for part in each.exemplars)
        parts.append(f"<p><b>{safe(group_name(each))}</b>: {risen}.</p>{f'<ul>{shown}</ul>' if shown else ''}")
    return "".join(parts)


def _done(mitigated: tuple[Mitigated, ...]) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in mitigated:
            done = (
                f"{each.removed:,} left out: each stays with a chance of {each.keep:.0%}"
                if each.method == "weight"
                else f"{each.added:,} copies about the counterpart added, {each.unpaired:,} have none"
            )
            group, words = each.group.replace("_", " "), _LEXICONS.get(each.lexicon, each.lexicon)
            yield f"{safe(group)}, {safe(words)}", f"{each.carriers:,}", done

    return table(("Group", "#Texts that carry it", "What was done"), rows())
