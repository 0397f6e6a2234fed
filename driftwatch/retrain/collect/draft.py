"""The first choice, from fingerprints alone: what may be used at all, in the order of choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.retrain.collect.alike import near_duplicates
from driftwatch.retrain.collect.caps import beyond_cap, fair_cap, nth_of_its_place
from driftwatch.retrain.collect.fate import Fate
from driftwatch.retrain.collect.hashing import mixed
from driftwatch.retrain.collect.outliers import CHARACTERS, LENGTH, outliers

if TYPE_CHECKING:
    from driftwatch.retrain.collect.card import Limit
    from driftwatch.retrain.collect.known import Known
    from driftwatch.retrain.collect.outliers import Scale
    from driftwatch.retrain.collect.prints import Prints
    from driftwatch.retrain.collect.settings import CollectSettings

Rows = npt.NDArray[np.int64]

_SPARE = 1.2
"""So many times the texts wanted are drafted, for some of them fall later."""

_A_FEW = 100


@dataclass(slots=True, eq=False)
class Draft:
    """Fresh texts in the order of choice, and what has become of each so far.

    Args:
        prints: of all fresh texts, in the order they came.
        order: int64 [n], rows in the order of choice: by a hash of content and seed, then of id and body.
        fate: uint8 [n], of each row, in the order they came.
        limits: on single texts, in force.
        group_cap: most texts of one group.
        source_cap: most texts of one source; None for no limit.
    """

    prints: Prints
    order: Rows
    fate: npt.NDArray[np.uint8]
    limits: list[Limit]
    group_cap: int = 0
    source_cap: int | None = None

    def alive(self) -> Rows:
        """Return the rows still in, in the order of choice."""
        rows: Rows = self.order[self.fate[self.order] == Fate.IN]
        return rows

    def drop(self, rows: Rows, fate: Fate) -> None:
        """Leave these rows out."""
        self.fate[rows] = fate

    def trim(self, rows: Rows, figures: npt.NDArray[np.float64], scale: Scale, fate: Fate, *, most: float) -> None:
        """Leave out the outliers of a figure among the rows, and note the limit."""
        far, limit = outliers(figures, scale, most=most)
        self.limits.append(limit)
        self.drop(rows[far], fate)

    def cap(self, settings: CollectSettings, *, room: int) -> None:
        """Leave out what goes beyond the caps of groups and sources, and more than there is room for."""
        rows = self.alive()
        groups = self.prints.group[rows]
        self.group_cap = fair_cap(
            _sizes(groups),
            share=settings.group_share,
            least=settings.group_least,
            most=settings.group_most,
            room=room,
        )
        self.drop(rows[beyond_cap(groups, self.group_cap)], Fate.GROUP_CAP)
        self._cap_sources(settings, room=room)
        self.drop(self.alive()[room:], Fate.OVER_LIMIT)

    def _cap_sources(self, settings: CollectSettings, *, room: int) -> None:
        if settings.source_share == 1 and settings.source_most is None:
            return
        rows = self.alive()
        sources = self.prints.source[rows].astype(np.int64)
        self.source_cap = fair_cap(
            _sizes(sources), share=settings.source_share, least=1, most=settings.source_most, room=room
        )
        self.drop(rows[beyond_cap(sources, self.source_cap)], Fate.SOURCE_CAP)


def draft(prints: Prints, known: Known, settings: CollectSettings, *, room: int, salt: np.uint64) -> Draft:
    """Return the fresh texts without duplicates, outliers and what goes beyond caps.

    Args:
        prints: of the fresh texts.
        known: the reference.
        settings: limits.
        room: texts that the run will use at most.
        salt: of the order of choice.
    """
    order = np.lexsort((prints.identity, mixed(prints.content ^ salt)))
    drafted = Draft(prints, order, np.zeros(len(prints), np.uint8), [])
    drafted.drop(np.flatnonzero(prints.content == 0), Fate.EMPTY)
    _drop_repeats(drafted, known, least=settings.near)
    rows = drafted.alive()
    drafted.trim(rows, prints.length[rows].astype(np.float64), LENGTH, Fate.LENGTH, most=settings.trimmed)
    rows = drafted.alive()
    drafted.trim(rows, prints.noise[rows].astype(np.float64), CHARACTERS, Fate.CHARACTERS, most=settings.trimmed)
    drafted.cap(settings, room=int(_SPARE * room) + _A_FEW)
    return drafted


def _drop_repeats(drafted: Draft, known: Known, *, least: float) -> None:
    prints, rows = drafted.prints, drafted.alive()
    again = nth_of_its_place(prints.content[rows]) > 0
    same = nth_of_its_place(prints.body[rows]) > 0
    drafted.drop(rows[again & same], Fate.DUPLICATE)
    drafted.drop(rows[again & ~same], Fate.NEAR_DUPLICATE)
    rows = drafted.alive()
    held = known.prints.signature[known.remembered]
    repeats = near_duplicates(np.concatenate([held, prints.signature[rows]]), least=least)[len(held) :]
    drafted.drop(rows[repeats >= len(held)], Fate.NEAR_DUPLICATE)
    drafted.drop(rows[(repeats >= 0) & (repeats < len(held))], Fate.RESERVED)


def _sizes(places: npt.NDArray[np.uint64] | npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.unique(places, return_counts=True)[1].astype(np.int64)
