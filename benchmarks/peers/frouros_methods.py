"""frouros' MMD with its permutation test; it computes the kernel anew for every permutation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.methods import LEVEL, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from benchmarks.peers.methods import Fit, Rows, SequentialFit, WindowedFit


class Mmd:
    """The fitted detector.

    Args:
        detector: with one callback, ``test``.
        embeddings: of the corpus.
    """

    def __init__(self, detector: Any, embeddings: npt.NDArray[np.float32]) -> None:  # noqa: ANN401 - no types there
        self._detector = detector
        self._embeddings = embeddings

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Judge the window; it knows no groups."""
        del groups
        _, logs = self._detector.compare(X=self._embeddings[rows])
        p = float(logs["test"]["p_value"])
        return Answer(alarm=p <= LEVEL, value=p)


def _mmd(fit: Fit) -> Mmd:
    test = import_module("frouros.callbacks.batch").PermutationTestDistanceBased(
        num_permutations=fit.permutations or 100, num_jobs=1, method="conservative", random_state=fit.seed, name="test"
    )
    detector = import_module("frouros.detectors.data_drift").MMD(callbacks=[test])
    detector.fit(X=fit.embeddings)
    return Mmd(detector, fit.texts.embeddings)


PACKAGES = ("frouros.callbacks.batch", "frouros.detectors.data_drift")
WINDOWED: Mapping[str, WindowedFit] = {"frouros.mmd": _mmd}
SEQUENTIAL: Mapping[str, SequentialFit] = {}
