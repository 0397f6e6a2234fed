"""Some rows of a window as a window of their own, and what bets on them came to in terms of the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.features import take

if TYPE_CHECKING:
    from driftwatch.domain.drift import Window
    from driftwatch.drift.evidence.bets import Call

Rows = npt.NDArray[np.int64]


def part_of(window: Window, rows: Rows) -> Window:
    """Return the rows of a window, with the places in the store that they have there."""
    seqs = seqs_of(window)
    return replace(
        window,
        texts=tuple(window.texts[row] for row in rows.tolist()),
        features=take(window.features, rows),
        seqs=tuple(seqs[row] for row in rows.tolist()),
    )


def of_whole(call: Call, rows: Rows) -> Call:
    """Return what bets on the rows came to, in terms of the whole window."""
    texts = int(rows[call.peak.texts - 1]) + 1 if call.peak.texts else 0
    return replace(call, peak=replace(call.peak, texts=texts))


def seqs_of(window: Window) -> tuple[int, ...]:
    """Return the places of a window's texts in the store; their numbers from 1 on where they come from elsewhere."""
    return window.seqs or tuple(range(1, len(window.texts) + 1))
