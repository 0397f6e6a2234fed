"""menelaus' nearest-neighbour test, at the level all others are asked for (its own is 0.01)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.methods import LEVEL, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers.methods import Fit, Rows, SequentialFit, WindowedFit


class Neighbours:
    """NN-DVI, made anew for every window: after an alarm it takes the window for its reference.

    Args:
        fit: reference and corpus.
    """

    def __init__(self, fit: Fit) -> None:
        np.random.seed(fit.seed)  # noqa: NPY002 - the package draws from the global state
        self._kind = import_module("menelaus.data_drift").NNDVI
        self._reference = fit.embeddings
        self._embeddings = fit.texts.embeddings

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Judge the window; it knows no groups."""
        del groups
        detector = self._kind(alpha=LEVEL)
        detector.set_reference(self._reference)
        detector.update(self._embeddings[rows])
        alarm = detector.drift_state == "drift"
        return Answer(alarm=alarm, value=float(alarm))


PACKAGES = ("menelaus.data_drift",)
WINDOWED: Mapping[str, WindowedFit] = {"menelaus.nndvi": Neighbours}
SEQUENTIAL: Mapping[str, SequentialFit] = {}
