"""alibi-detect's detectors as they come (Business Source Licence: measured here, never shipped)."""

from __future__ import annotations

import ctypes
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.peers.methods import LEVEL, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from benchmarks.peers.methods import Fit, Rows, SequentialFit, WindowedFit

BOOTSTRAPS = 10
"""Bootstraps a text of the expected run time: the documentation asks for an order of magnitude more."""


_MMAP_THRESHOLD = -3
_MAPPED = 1 << 20
_UNMAPPED = 32 << 20


class Batch:
    """A detector of windows.

    Args:
        detector: fitted.
        embeddings: of the corpus.
    """

    def __init__(self, detector: Any, embeddings: npt.NDArray[np.float32]) -> None:  # noqa: ANN401 - no types there
        self._detector = detector
        self._embeddings = embeddings

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Judge the window; it knows no groups."""
        del groups
        found = self._detector.predict(self._embeddings[rows])["data"]
        return Answer(alarm=bool(found["is_drift"]), value=float(np.min(found["p_val"])))


class Online:
    """A detector of streams; its statistic is given in units of its threshold.

    Args:
        detector: fitted.
        embeddings: of the corpus.
    """

    level = 1.0

    def __init__(self, detector: Any, embeddings: npt.NDArray[np.float32]) -> None:  # noqa: ANN401 - no types there
        self._detector = detector
        self._embeddings = embeddings

    def trace(self, rows: Rows) -> npt.NDArray[np.float64]:
        """Return statistic over threshold after each text."""
        self._detector.reset_state()
        found = (self._detector.predict(self._embeddings[row])["data"] for row in rows)
        return np.array([float(each["test_stat"]) / float(each["threshold"]) for each in found])


def _kernel(fit: Fit, *, kind: str) -> Batch:
    _seeded(fit)
    detector = getattr(import_module("alibi_detect.cd"), kind)
    made = detector(
        fit.embeddings, backend="pytorch", p_val=LEVEL, n_permutations=fit.permutations or 100, device="cpu"
    )
    return Batch(made, fit.texts.embeddings)


def _ks(fit: Fit) -> Batch:
    _seeded(fit)
    return Batch(import_module("alibi_detect.cd").KSDrift(fit.embeddings, p_val=LEVEL), fit.texts.embeddings)


def _classifier(fit: Fit) -> Batch:
    _seeded(fit)
    model = import_module("sklearn.linear_model").LogisticRegression(max_iter=1_000)
    detector = import_module("alibi_detect.cd").ClassifierDrift
    made = detector(fit.embeddings, model, backend="sklearn", p_val=LEVEL, preds_type="probs", seed=fit.seed)
    return Batch(made, fit.texts.embeddings)


def _online(fit: Fit, *, kind: str, window: int) -> Online:
    _seeded(fit)
    detector = getattr(import_module("alibi_detect.cd"), kind)
    _mapped(_MAPPED)
    made = detector(
        fit.embeddings,
        ert=fit.size,
        window_size=window,
        backend="pytorch",
        n_bootstraps=BOOTSTRAPS * fit.size,
        device="cpu",
        verbose=False,
    )
    _mapped(_UNMAPPED)
    return Online(made, fit.texts.embeddings)


def _mapped(least: int) -> None:
    """Let the C library map blocks of at least so many bytes by themselves.

    The set-up keeps a small array between every two large ones; on a heap where large ones are not mapped the holes
    between them grew to 18 GB in one run and stayed below one in others. Mapping keeps the memory small in all, at a
    cost between that of the lucky and the unlucky runs.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, least)


def _seeded(fit: Fit) -> None:
    torch = import_module("torch")
    torch.set_num_threads(1)
    torch.manual_seed(fit.seed)
    np.random.seed(fit.seed)  # noqa: NPY002 - the package draws from the global state


PACKAGES = ("alibi_detect.cd", "torch")
WINDOWED: Mapping[str, WindowedFit] = {
    "alibi.mmd": partial(_kernel, kind="MMDDrift"),
    "alibi.lsdd": partial(_kernel, kind="LSDDDrift"),
    "alibi.ks": _ks,
    "alibi.classifier": _classifier,
}
SEQUENTIAL: Mapping[str, SequentialFit] = {
    "alibi.mmd-online": partial(_online, kind="MMDDriftOnline", window=10),
    "alibi.mmd-online-50": partial(_online, kind="MMDDriftOnline", window=50),
    "alibi.lsdd-online": partial(_online, kind="LSDDDriftOnline", window=10),
    "alibi.lsdd-online-50": partial(_online, kind="LSDDDriftOnline", window=50),
}
