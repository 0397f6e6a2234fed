"""What the data check found, for the card, the page and the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A figure in the new texts against the reference's.

    Args:
        new: in the new texts.
        reference: in the reference's.
        change: new less reference.
        low: lower end of the change's 95% interval, taken by itself.
        high: upper end.
        p: of "there is no change", by Holm over everything that was tested; 1 where it was not.
        named: whether there is a change at the family's level.
    """

    new: float
    reference: float
    change: float
    low: float
    high: float
    p: float
    named: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """How much more often a lexicon's words stand near a group's names than by chance.

    Args:
        lexicon: ``negative`` or ``insults``.
        against: ``reference``, or ``elsewhere`` where the reference has too few texts about the group: then the new
            texts about it are held against the other words of the new texts.
        shift: log odds of texts about the group that carry such a word near its name, less those of chance: as
            frequent as the words are elsewhere in the same texts; above 0 where the group is spoken ill of.
        carriers: new texts that mention the group with such a word near its name.
        keep: share of the carriers that, if only that stayed, brings the association back to what it is held against;
            1 where it did not rise.
    """

    lexicon: str
    against: Literal["reference", "elsewhere"]
    shift: Shift
    carriers: int
    keep: float = 1.0

    @property
    def rose(self) -> bool:
        """Whether the group is spoken ill of more than before, beyond doubt."""
        return self.shift.named and self.shift.change > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RisenWord:
    """A word that stands near a group's names more than before, beyond how much it rose elsewhere.

    Args:
        word: lower case.
        new: authors of new texts that have it there.
        reference: authors of reference texts.
        z: standard errors of its log-odds ratio.
    """

    word: str
    new: int
    reference: int
    z: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCheck:
    """One identity group in the new texts against the reference.

    Args:
        category: such as ``religion``.
        group: such as ``muslims``.
        texts: new texts that mention it.
        authors: that these come from; a text without a group counts as its own author, copies of it as one.
        reference_texts: reference texts that mention it.
        reference_authors: that these come from.
        share: of texts that mention it; None with too few to tell.
        associations: with each lexicon; empty with too few texts to tell.
        words: that rose near its names, strongest first, where something about the group is named.
        exemplars: parts of a few texts that carry most of a named shift, redacted.
    """

    category: str
    group: str
    texts: int
    authors: int
    reference_texts: int
    reference_authors: int
    share: Shift | None = None
    associations: tuple[Association, ...] = ()
    words: tuple[RisenWord, ...] = ()
    exemplars: tuple[str, ...] = ()

    @property
    def named(self) -> bool:
        """Whether anything about it changed, beyond doubt."""
        shares = (self.share,) if self.share is not None else ()
        return any(each.named for each in (*shares, *(each.shift for each in self.associations)))

    @property
    def rose(self) -> tuple[Association, ...]:
        """The associations that rose."""
        return tuple(each for each in self.associations if each.rose)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCheck:
    """How the new texts speak of identity groups, against the reference.

    Args:
        texts: new texts looked at.
        authors: that they come from.
        reference_texts: reference texts.
        reference_authors: that they come from.
        tests: figures that were tested, among which Holm's correction is made.
        level: chance that anything is named where nothing changed.
        groups: that any text mentions, in the order of their names' file.
    """

    texts: int
    authors: int
    reference_texts: int
    reference_authors: int
    tests: int
    level: float
    groups: tuple[GroupCheck, ...]

    @property
    def named(self) -> tuple[GroupCheck, ...]:
        """Groups about which anything changed."""
        return tuple(each for each in self.groups if each.named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mitigated:
    """What was done about a group that the new texts speak ill of more than the reference.

    Args:
        category: of the group.
        group: its name.
        lexicon: whose words stand near its names.
        method: ``weight`` or ``balance``.
        carriers: training texts that mention the group with such a word near its name.
        keep: chance with which a carrier stays; 1 for ``balance``.
        removed: carriers left out of the training.
        added: counterfactual copies trained on beside.
        unpaired: carriers without a copy: a name in them has no counterpart.
    """

    category: str
    group: str
    lexicon: str
    method: Literal["weight", "balance"]
    carriers: int
    keep: float = 1.0
    removed: int = 0
    added: int = 0
    unpaired: int = 0
