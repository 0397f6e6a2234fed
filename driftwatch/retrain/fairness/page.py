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
    return (
        f"<h3>Who is spoken of, and how</h3><p>{safe(summary(found))}</p>"
        f"{_shares(found)}{_associations(found)}{_exemplars(found)}{_done(mitigated)}"
    )


def summary(found: DataCheck) -> str:
    """Return in a few sentences what changed, and how much could be told."""
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
            counts = (safe(group_name(each)), f"{each.texts:,}", f"{each.reference_texts:,}")
            if each.share is None:
                yield (*counts, "not enough texts to tell", "", "")
                continue
            one = each.share
            change = f"{one.change:+.2%} ({one.low:+.2%} to {one.high:+.2%})"
            yield (*counts, f"{one.new:.2%} against {one.reference:.2%}", change, _verdict(one))

    heads = ("Group", "#Texts", "#Of the reference", "#Share", "#Change, 95% interval", "Shown")
    return table(heads, rows())


def _associations(found: DataCheck) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in found.groups:
            for one in each.associations:
                against = "" if one.against == "reference" else " (against the other words of the new texts)"
                yield (
                    safe(group_name(each)),
                    safe(_LEXICONS.get(one.lexicon, one.lexicon)) + against,
                    f"{one.shift.new:+.2f}",
                    f"{one.shift.reference:+.2f}",
                    f"{one.shift.change:+.2f} ({one.shift.low:+.2f} to {one.shift.high:+.2f})",
                    _verdict(one.shift),
                )

    heads = ("Group", "Near its names", "#Log odds", "#Before", "#Change, 95% interval", "Shown")
    return table(heads, rows())


def _verdict(shift: Shift) -> str:
    if not shift.named:
        return "no"
    return "rose" if shift.change > 0 else "fell"


def _exemplars(found: DataCheck) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in found.named:
            words = ", ".join(f"<bdi>{safe(one.word)}</bdi> ({one.new} and {one.reference})" for one in each.words)
            shown = "".join(f"<li><bdi>{safe(part)}</bdi></li>" for part in each.exemplars)
            yield safe(group_name(each)), words or "–", f"<ul>{shown}</ul>" if shown else "–"

    return table(
        ("Group", "Words that rose near its names (authors, and the reference's)", "Texts that carry it"), rows()
    )


def _done(mitigated: tuple[Mitigated, ...]) -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for each in mitigated:
            done = (
                f"{each.removed:,} left out (each stays with a chance of {each.keep:.0%})"
                if each.method == "weight"
                else f"{each.added:,} copies about the counterpart added, {each.unpaired:,} have none"
            )
            words = _LEXICONS.get(each.lexicon, each.lexicon)
            yield safe(each.group.replace("_", " ")), safe(words), f"{each.carriers:,}", done

    return table(("Group", "Near its names", "#Texts trained on that carry it", "What was done"), rows())
