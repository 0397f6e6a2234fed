"""How near a text lies to each of a few landmarks: what a change of the shares of known regions shows in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
LANDMARKS = 64
_SAMPLE = 250


class Regions:
    """Gaussian kernels exp((cos − 1)/τ) around landmarks, some of TRAIN's texts; τ is a quarter of the median 1 − cos.

    A discriminant on these sees a known region become denser, wherever it lies; one on the embeddings only sees their
    mean move, and nearest neighbours only what is new.

    Args:
        train: float32 [n, d], unit rows.
    """

    def __init__(self, train: Matrix) -> None:
        half = min(_SAMPLE, max(len(train) // 2, 1))
        spread = 1.0 - float(np.median(train[:half] @ train[-half:].T))
        self._scale = np.float32(4 / max(spread, 1e-3))
        self._landmarks: Matrix = np.ascontiguousarray(train[:LANDMARKS].T) * self._scale

    def __call__(self, values: Matrix) -> Matrix:
        """Return the texts' kernels, float32 [n, landmarks], from their embeddings [n, d]."""
        found: Matrix = values @ self._landmarks
        found -= self._scale
        return np.exp(found, out=found)
