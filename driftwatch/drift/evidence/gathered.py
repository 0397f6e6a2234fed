"""What bets ask of a window's texts again and again, gathered once for all who ask as long as the window lives."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from driftwatch.domain.drift import Window

Seconds = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]
Groups = tuple[str | None, ...]
_TIMES: WeakKeyDictionary[Window, Seconds] = WeakKeyDictionary()
_GROUPS: WeakKeyDictionary[Window, Groups] = WeakKeyDictionary()


def times_of(window: Window) -> Seconds:
    """Return when a window's texts were seen, seconds since 1970, float64 [n]."""
    found = _TIMES.get(window)
    if found is None:
        found = _TIMES[window] = np.array([text.seen_at.timestamp() for text in window.texts])
    return found


def groups_of(window: Window) -> Groups:
    """Return the names of the groups of a window's texts; nothing where none of them names one."""
    found = _GROUPS.get(window)
    if found is None:
        names = tuple(text.group for text in window.texts)
        found = _GROUPS[window] = () if names.count(None) == len(names) else names
    return found


def groups_at(window: Window, rows: Rows) -> list[str | None]:
    """Return the names of the groups of the texts at some rows."""
    names = groups_of(window)
    return [names[row] for row in rows.tolist()] if names else [None] * len(rows)
