"""What every suite is made of: two sentences that differ in a group's name."""

from __future__ import annotations

from dataclasses import dataclass


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
