"""How many of the stream's own texts came since a place in the store, whose numbers other streams use up as well."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.parts import seqs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.domain.drift import Window

MOST = 8_192
"""Texts whose places are kept, at least; the onset is looked for among fewer."""


@dataclass(slots=True, eq=False)
class Passed:
    """The places of the stream's newest texts.

    Args:
        windows: int64 [n] each, places in the store of a window's texts, oldest window first.
    """

    windows: deque[npt.NDArray[np.int64]] = field(default_factory=deque)

    def add(self, window: Window) -> None:
        """Keep a window's places, and let go of what came long before."""
        if not window.seqs:
            self.windows.clear()  # the numbers of texts from elsewhere begin anew with every window
        self.windows.append(np.asarray(seqs_of(window), dtype=np.int64))
        while sum(map(len, self.windows)) - len(self.windows[0]) >= MOST:
            self.windows.popleft()

    def since(self, seq: int) -> int:
        """Return how many of the texts kept lie at this place or after it."""
        return sum(int((places >= seq).sum()) for places in self.windows)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the places as arrays."""
        if not self.windows:
            return {}
        sizes = np.array([len(places) for places in self.windows], dtype=np.int64)
        return {"passed": np.concatenate(self.windows), "passed_sizes": sizes}

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from what ``arrays`` returned; from nothing where an earlier version wrote the state."""
        self.windows = deque()
        if "passed" in arrays:
            ends = np.cumsum(arrays["passed_sizes"].astype(np.int64))[:-1]
            self.windows.extend(np.split(arrays["passed"].astype(np.int64), ends))
