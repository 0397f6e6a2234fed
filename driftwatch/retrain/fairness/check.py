"""The data check: how new texts speak of identity groups, against the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.retrain.fairness import association
from driftwatch.retrain.fairness.association import Side
from driftwatch.retrain.fairness.lexicon import lexicons
from driftwatch.retrain.fairness.mentions import Finder
from driftwatch.retrain.fairness.rates import by_author, difference, effective, p_of_difference
from driftwatch.retrain.fairness.result import Association, DataCheck, GroupCheck, Shift
from driftwatch.retrain.fairness.snippet import snippet
from driftwatch.retrain.fairness.tally import WHOLE, Rows, Tally
from driftwatch.retrain.fairness.words import risen_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from driftwatch.domain.text import Text
    from driftwatch.retrain.fairness.rates import ByAuthor

LEVEL = 0.05
"""Chance that anything is named where nothing changed."""

LEAST = 10
"""Authors of new texts about a group below which nothing is said about it, and of the reference's below which the new
texts are held against themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who is looked for, and how a text is shown.

    Args:
        groups: category, group, its names.
        redact: returns a text without personal data.
    """

    groups: Mapping[str, Mapping[str, Sequence[str]]]
    redact: Callable[[str], str]


def data_check(new: Iterable[Text], reference: Iterable[Text], identity: Identity) -> DataCheck:
    """Read both sides once and compare them.

    Args:
        new: texts.
        reference: texts.
        identity: who is looked for.

    Returns:
        Every group that is mentioned; which changed, is by Holm's correction over all figures tested.
    """
    finder = Finder(identity.groups, tuple(lexicons().values()))
    one, two = Tally(finder, carriers=True).read(new), Tally(finder).read(reference)
    return compared(one, two, redact=identity.redact)


def compared(new: Tally, reference: Tally, *, redact: Callable[[str], str]) -> DataCheck:
    """Compare two sides that were counted with the same finder."""
    here, there = new.rows(), reference.rows()
    found = [_checked(new.finder, place, here, there) for place in range(len(new.finder.groups))]
    tests = _corrected(found)
    mentioned = [(place, each) for place, each in enumerate(found) if each.texts or each.reference_texts]
    return DataCheck(
        texts=len(here.of(WHOLE).author),
        authors=_authors(here.of(WHOLE)),
        reference_texts=len(there.of(WHOLE).author),
        reference_authors=_authors(there.of(WHOLE)),
        tests=len(tests),
        level=LEVEL,
        groups=tuple(
            _explained(_named(each, place, tests), place, new, reference, redact) for place, each in mentioned
        ),
    )


def _checked(finder: Finder, place: int, here: Rows, there: Rows) -> GroupCheck:
    """Return one group's figures, with p-values as if nothing else were tested."""
    group, new, reference = finder.groups[place], here.of(place), there.of(place)
    found = GroupCheck(
        category=group.category,
        group=group.name,
        texts=len(new.author),
        authors=_authors(new),
        reference_texts=len(reference.author),
        reference_authors=_authors(reference),
    )
    if found.authors + found.reference_authors < LEAST:
        return found
    share = _share(new, reference, here.of(WHOLE), there.of(WHOLE))
    if found.authors < LEAST:
        return replace(found, share=share)
    associations = tuple(
        _associated(lexicon, name, (new, here), (reference, there), share, thin=found.reference_authors < LEAST)
        for lexicon, name in enumerate(lexicons())
    )
    return replace(found, share=share, associations=associations)


def _share(new: Rows, reference: Rows, here: Rows, there: Rows) -> Shift:
    sides = effective([_texts(here, new), _texts(there, reference)])
    low, high = difference(*sides)
    shares = [len(mentions.author) / max(len(whole.author), 1) for mentions, whole in ((new, here), (reference, there))]
    return Shift(
        new=shares[0],
        reference=shares[1],
        change=shares[0] - shares[1],
        low=low,
        high=high,
        p=p_of_difference(*sides),
        named=False,
    )


def _texts(whole: Rows, mentions: Rows) -> ByAuthor:
    """Return each author's texts, and those of them that mention the group."""
    authors = np.concatenate([whole.author, mentions.author])
    counts = [
        np.repeat([1, 0], [len(whole.author), len(mentions.author)]),
        np.repeat([0, 1], [len(whole.author), len(mentions.author)]),
    ]
    names, which = np.unique(authors, return_inverse=True)
    texts, hits = (np.bincount(which, weights=each, minlength=len(names)).astype(np.int64) for each in counts)
    return by_author(names, texts, hits)


def _associated(
    lexicon: int,
    name: str,
    new: tuple[Rows, Rows],
    reference: tuple[Rows, Rows],
    share: Shift,
    *,
    thin: bool,
) -> Association:
    one, two = (_side(*rows, lexicon) for rows in (new, reference))
    found = association.alone(one) if thin else association.change(one, two)
    low, high = found.interval
    # Where the reference hardly mentions the group, that it is now mentioned must itself be beyond doubt.
    p = max(found.p, share.p if share.change > 0 else 1.0) if thin else found.p
    return Association(
        lexicon=name,
        against="elsewhere" if thin else "reference",
        shift=Shift(new=found.new, reference=found.reference, change=found.value, low=low, high=high, p=p, named=False),
        carriers=int((new[0].hits[:, lexicon] > 0).sum()),
        keep=min(exp(-found.value), 1.0),
    )


def _side(mentions: Rows, rows: Rows, lexicon: int) -> Side:
    """Return texts about the group, those that carry a word of the lexicon, and the words elsewhere."""
    whole, some = rows.of(WHOLE), mentions.words > 0
    authors = np.concatenate([whole.author, mentions.author])
    names, which = np.unique(authors, return_inverse=True)
    words = np.bincount(which, weights=np.concatenate([whole.words, -mentions.words])).astype(np.int64)
    hits = np.bincount(which, weights=np.concatenate([whole.hits[:, lexicon], -mentions.hits[:, lexicon]]))
    carries = (mentions.hits[some, lexicon] > 0).astype(np.int64)
    return Side(
        near=by_author(mentions.author[some], np.ones_like(carries), carries),
        windows=mentions.words[some],
        elsewhere=by_author(names, words, hits.astype(np.int64)),
    )


def _authors(rows: Rows) -> int:
    return len(np.unique(rows.author))


def _corrected(found: Sequence[GroupCheck]) -> dict[tuple[int, str], float]:
    """Return Holm's p-value of every figure tested, by group and figure."""
    plain = [((place, "share"), each.share.p) for place, each in enumerate(found) if each.share is not None]
    plain += [((place, one.lexicon), one.shift.p) for place, each in enumerate(found) for one in each.associations]
    running, corrected = 0.0, {}
    for rank, (figure, p) in enumerate(sorted(plain, key=lambda each: each[1])):
        running = max(running, min(1.0, (len(plain) - rank) * p))
        corrected[figure] = running
    return corrected


def _named(found: GroupCheck, place: int, p: Mapping[tuple[int, str], float]) -> GroupCheck:
    def told(shift: Shift, figure: str) -> Shift:
        corrected = p[place, figure]
        return replace(shift, p=corrected, named=corrected <= LEVEL)

    return replace(
        found,
        share=told(found.share, "share") if found.share is not None else None,
        associations=tuple(replace(each, shift=told(each.shift, each.lexicon)) for each in found.associations),
    )


def _explained(found: GroupCheck, place: int, new: Tally, reference: Tally, redact: Callable[[str], str]) -> GroupCheck:
    """Add what a named shift is made of."""
    if not found.named:
        return found
    risen = found.share is not None and found.share.named and found.share.change > 0
    shown = new.carriers(place) if found.rose or risen else []
    names = new.finder.names(place)
    return replace(
        found,
        words=risen_words(new, reference, place, thin=found.reference_authors < LEAST),
        exemplars=tuple(snippet(redact(body), names) for body in shown),
    )
