"""How many texts a group has: what a block's hits are divided by where only the stream names its groups."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARGIN = 1.25
_LEAST_GROUPS = 100
_KEPT = 0.98
"""Of what was counted, from window to window: about the last fifty windows count."""


@dataclass(slots=True)
class GroupSize:
    r"""Counts texts and groups of the windows before the one that is bet on.

    A reference that names no groups gives rates *of texts*. Where long groups speak of other things than short ones,
    the mean over the texts of a block of groups is something else: with H hits among its n texts, E[H] = q E[n], but
    E[H/n] may lie above q, for a hit of a short group weighs more. So hits are divided by max(n, N) instead, with
    :math:`N \ge E[n \mid past]` known beforehand: :math:`E[H/\max(n, N)] \le E[H]/N = q E[n]/N \le q`. N is a quarter
    above the mean of earlier windows; until these had a hundred groups, nothing hits.

    Args:
        texts: counted, those of long ago less.
        groups: counted likewise.
    """

    texts: float = 0.0
    groups: float = 0.0

    @property
    def bound(self) -> float:
        """Return texts that a group has on average, and a margin; infinite where too few were seen."""
        return _MARGIN * self.texts / self.groups if self.groups >= _LEAST_GROUPS else inf

    def add(self, groups: Sequence[str | None]) -> None:
        """Count a window's texts; one without a group is a group of its own."""
        named = [group for group in groups if group is not None]
        self.texts = self.texts * _KEPT + len(groups)
        self.groups = self.groups * _KEPT + len(groups) - len(named) + len(set(named))
