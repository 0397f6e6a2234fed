"""How densely texts lie around a text: a wide Gaussian kernel on the sphere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
_SAMPLE = 250
_AT_ONCE = 512


class Kernel:
    """Kernel exp((cos − 1)/τ), where τ is a quarter of the median of 1 − cos between TRAIN texts.

    Args:
        train: float32 [n, d], unit rows.
    """

    def __init__(self, train: Matrix) -> None:
        half = min(_SAMPLE, max(len(train) // 2, 1))
        spread = 1.0 - float(np.median(train[:half] @ train[-half:].T))
        self._scale = np.float32(4 / max(spread, 1e-3))

    def density(self, texts: Matrix, around: Matrix) -> Vector:
        """Return the kernel's mean, float32 [n], from each text [n, d] to the others [m, d]; the text itself counts."""
        parts = [self._part(texts[at : at + _AT_ONCE], around) for at in range(0, len(texts), _AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)

    def _part(self, texts: Matrix, around: Matrix) -> Vector:
        kernel = texts @ around.T
        kernel -= np.float32(1.0)
        kernel *= self._scale
        np.exp(kernel, out=kernel)
        found: Vector = kernel @ np.full(len(around), np.float32(1.0 / len(around)))
        return found
