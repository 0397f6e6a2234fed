"""How densely texts lie around a text: Gaussian kernels on the sphere at three widths."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
WIDTHS = 3
_SAMPLE = 250
_AT_ONCE = 512


class Kernels:
    """Kernels exp((cos − 1)/τ) at τ, τ/2 and τ/4, where τ is a quarter of the median of 1 − cos between TRAIN texts.

    Args:
        train: float32 [n, d], unit rows.
    """

    def __init__(self, train: Matrix) -> None:
        half = min(_SAMPLE, max(len(train) // 2, 1))
        spread = 1.0 - float(np.median(train[:half] @ train[-half:].T))
        self._width = np.float32(max(spread, 1e-3) / 4)

    def density(self, texts: Matrix, around: Matrix) -> Matrix:
        """Return the kernels' means, float32 [n, 3], from each text [n, d] to the others [m, d]."""
        parts = [self._part(texts[at : at + _AT_ONCE], around) for at in range(0, len(texts), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros((0, WIDTHS), dtype=np.float32)

    def _part(self, texts: Matrix, around: Matrix) -> Matrix:
        kernel = texts @ around.T
        kernel -= np.float32(1.0)
        kernel /= self._width
        np.exp(kernel, out=kernel)
        means = np.empty((len(texts), WIDTHS), dtype=np.float32)
        weights = np.full(len(around), np.float32(1.0 / len(around)))
        for width in range(WIDTHS):
            if width:
                np.multiply(kernel, kernel, out=kernel)
            means[:, width] = kernel @ weights
        return means
