"""Which fresh texts are held out: whole groups, and alike in every source and class."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.hashing import mixed

if TYPE_CHECKING:
    from collections.abc import Iterator


class Side(IntEnum):
    """Where a text goes."""

    TRAIN = 0
    SELECT = 1
    JUDGE = 2


_OVER = 1.5
"""A held-out part may grow to so much of what it should have, for a group goes there whole or not at all."""


@dataclass(slots=True)
class _Quota:
    """What one held-out part should have by now, and what it has."""

    side: Side
    wanted: float = 0.0
    taken: int = 0

    def takes(self, size: int) -> bool:
        short = self.wanted - self.taken >= 0.5  # noqa: PLR2004 - rounding
        return short and (self.taken == 0 or self.taken + size <= _OVER * self.wanted + 1)


def split(
    units: npt.NDArray[np.uint64],
    strata: npt.NDArray[np.int32],
    barred: npt.NDArray[np.bool_],
    *,
    share: float,
    salt: np.uint64,
) -> npt.NDArray[np.int8]:
    """Return each text's side.

    Args:
        units: uint64 [n], what must stay on one side: the group, or the text's own content.
        strata: int32 [n], the combination of source and class.
        barred: bool [n], texts that must not be held out, with their whole unit.
        share: to hold out, half of it for selection and half for judgement.
        salt: of the choice.

    Returns:
        int8 [n] of :class:`Side`.
    """
    sides = np.full(len(units), Side.TRAIN, np.int8)
    quotas = (_Quota(Side.SELECT), _Quota(Side.JUDGE))
    free = len(units) - int(barred.sum())
    scale = len(units) / free if free else 0.0
    share = max(share, 2 / max(len(units), 1))  # one text each at least
    for members in _by_stratum(units, strata, barred, salt):
        for quota in quotas:  # what one stratum was short of, the next makes up for
            quota.wanted += share * scale * sum(map(len, members)) / 2
        for rows in members:
            short = next((each for each in quotas if each.takes(len(rows))), None)
            if short is not None:
                sides[rows] = short.side
                short.taken += len(rows)
    return sides


def _by_stratum(
    units: npt.NDArray[np.uint64],
    strata: npt.NDArray[np.int32],
    barred: npt.NDArray[np.bool_],
    salt: np.uint64,
) -> Iterator[list[npt.NDArray[np.int64]]]:
    """Give for each stratum the rows of its units that are not barred, in the order of choice."""
    _, first, which = np.unique(units, return_index=True, return_inverse=True)
    order = np.argsort(which, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(which))[:-1])
    shut = np.bincount(which, weights=barred) > 0
    turn = mixed(units[first] ^ salt)
    of_unit = strata[first]
    for stratum in np.unique(of_unit):
        members = np.flatnonzero((of_unit == stratum) & ~shut)
        yield [rows[unit] for unit in members[np.argsort(turn[members], kind="stable")]]
