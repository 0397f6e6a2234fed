"""torchdrift's kernel MMD, with 100 permutations: its own 1,000 take gigabytes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from benchmarks.peers.methods import LEVEL, Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.peers.methods import Fit, Rows, SequentialFit, WindowedFit


class Mmd:
    """The test of two samples.

    Args:
        fit: reference and corpus.
    """

    def __init__(self, fit: Fit) -> None:
        self._torch = import_module("torch")
        self._torch.set_num_threads(1)
        self._torch.manual_seed(fit.seed)
        self._test = import_module("torchdrift.detectors.mmd").kernel_mmd
        self._reference = self._torch.from_numpy(fit.embeddings)
        self._embeddings = fit.texts.embeddings
        self._permutations = fit.permutations or 100

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Judge the window; it knows no groups."""
        del groups
        _, p = self._test(self._reference, self._torch.from_numpy(self._embeddings[rows]), n_perm=self._permutations)
        return Answer(alarm=float(p) <= LEVEL, value=float(p))


PACKAGES = ("torchdrift.detectors.mmd",)
WINDOWED: Mapping[str, WindowedFit] = {"torchdrift.mmd": Mmd}
SEQUENTIAL: Mapping[str, SequentialFit] = {}
