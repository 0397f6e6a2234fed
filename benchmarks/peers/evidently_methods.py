"""evidently's embedding drift methods, called directly: its public report always runs t-SNE around them."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchmarks.peers.methods import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from benchmarks.peers.methods import Fit, Rows, SequentialFit, WindowedFit

_METHODS = "evidently.legacy.metrics.data_drift.embedding_drift_methods"


class Method:
    """A method with its settings.

    Args:
        method: the configured function of two data frames.
        reference: embeddings of the reference.
        embeddings: of the corpus.
    """

    def __init__(
        self,
        method: Any,  # noqa: ANN401 - the package has no types
        reference: npt.NDArray[np.float32],
        embeddings: npt.NDArray[np.float32],
    ) -> None:
        self._method = method
        self._reference = reference
        self._embeddings = embeddings

    def judge(self, rows: Rows, groups: Rows) -> Answer:
        """Judge the window; it knows no groups. Some methods write into their frames: each gets fresh ones."""
        del groups
        import pandas as pd

        score, drift, _ = self._method(pd.DataFrame(self._embeddings[rows]), pd.DataFrame(self._reference))
        return Answer(alarm=bool(drift), value=float(score))


def _method(fit: Fit, *, kind: str, **settings: float) -> Method:
    module = import_module(_METHODS)
    module.N_BOOTSTRAP = fit.permutations or 100  # type: ignore[attr-defined]  # a constant of the module
    return Method(getattr(module, kind)(**settings), fit.embeddings, fit.texts.embeddings)


PACKAGES = (_METHODS,)
WINDOWED: Mapping[str, WindowedFit] = {
    "evidently.mmd": partial(_method, kind="mmd"),
    "evidently.mmd-bootstrap": partial(_method, kind="mmd", bootstrap=True),
    "evidently.mmd-bootstrap-95": partial(_method, kind="mmd", bootstrap=True, quantile_probability=0.95),
    "evidently.model": partial(_method, kind="model"),
    "evidently.model-bootstrap": partial(_method, kind="model", bootstrap=True),
    "evidently.ratio": partial(_method, kind="ratio"),
    "evidently.distance": partial(_method, kind="distance"),
    "evidently.distance-bootstrap": partial(_method, kind="distance", bootstrap=True),
}
SEQUENTIAL: Mapping[str, SequentialFit] = {}
