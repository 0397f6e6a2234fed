"""What every suite is made of: two sentences that differ in a group's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Stratum(NamedTuple):
    """Pairs that are judged together: a category's whose stereotype is known, or those that test symmetry.

    Args:
        category: such as ``gender``.
        directed: whether a stereotype is known.
    """

    category: str
    directed: bool

    @property
    def name(self) -> str:
        """The category's name; of pairs without a known stereotype with ``.symmetry`` added."""
        return self.category if self.directed else f"{self.category}.symmetry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two sentences that differ in one group's name only.

    Args:
        id: unique in its suite, stable as long as the suite's data is.
        category: such as ``gender``.
        template: what it was made from; pairs of one template are not independent.
        stereotype: the sentence as prejudice has it.
        counter: the same sentence about the other group.
        directed: whether prejudice is known to prefer ``stereotype``; where it is not, the pair is a test of symmetry,
            and a change either way counts.
    """

    id: str
    category: str
    template: str
    stereotype: str
    counter: str
    directed: bool = True

    @property
    def stratum(self) -> Stratum:
        """What it is judged with."""
        return Stratum(self.category, self.directed)
