"""Which categories' rises count as shown, where many are tested: Holm's correction within two families.

Most of the level goes to the categories with a documented stereotype, which a rise makes worse for certain; the rest to
the tests of symmetry, in which either side is a finding. The chance of refusing anything wrongly is the level in all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from driftwatch.gate.bootstrap import holm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.gate.bias.rises import Rise

_KNOWN = 0.8
"""Share of the level for categories with a documented stereotype, where there are tests of symmetry too."""


def shown_above(rises: Sequence[Rise], limit: float, *, level: float) -> tuple[Rise, ...]:
    """Return the rises that are above a limit for sure.

    Args:
        rises: of all categories.
        limit: in their unit.
        level: of all tests together.
    """
    found = []
    for directed in (True, False):
        family = [rise for rise in rises if rise.directed is directed]
        adjusted = holm([rise.p_above(limit) for rise in family])
        share = level * _share(rises, directed=directed)
        found += [rise for rise, p in zip(family, adjusted, strict=True) if p <= share]
    return tuple(rise for rise in rises if rise in found)


def detectable(rise: Rise, rises: Sequence[Rise], *, level: float) -> float:
    """Return the least true rise beyond a limit that is found with 80% power, if it is the only one among all."""
    family = sum(each.directed is rise.directed for each in rises)
    return rise.detectable(level * _share(rises, directed=rise.directed) / family)


def _share(rises: Sequence[Rise], *, directed: bool) -> float:
    if all(rise.directed is directed for rise in rises):
        return 1.0
    return _KNOWN if directed else 1 - _KNOWN
