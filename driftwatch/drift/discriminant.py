"""The direction in which some texts differ from the reference the most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEVELS = (1 / 8, 1 / 64, 1 / 500)
_RIDGE = 0.1
Matrix = npt.NDArray[np.float32]


class Discriminant:
    """Fisher's linear discriminant between TRAIN and some texts, its covariance taken from TRAIN alone.

    Source: Fisher 1936 (Annals of Eugenics 7); a ridge of a tenth of the mean variance keeps it quiet where there are
    few texts (Friedman 1989, J. American Statistical Association 84).

    Args:
        train: float32 [m, d], embeddings.
    """

    def __init__(self, train: Matrix) -> None:
        self._mean = train.mean(0).astype(np.float64)
        centred = train - self._mean
        covariance = centred.T @ centred / max(len(train), 1)
        ridge = _RIDGE * np.trace(covariance) / len(covariance)
        self._inverse = np.linalg.inv(covariance + max(ridge, 1e-9) * np.eye(len(covariance)))
        self._train = train

    def directions(self, parts: list[Matrix]) -> tuple[Matrix, Matrix]:
        """Return a direction for each part, float32 [d, k], and TRAIN's upper quantiles along it, float32 [k, 3]."""
        means = np.array([part.mean(0) if len(part) else self._mean for part in parts])
        found = (self._inverse @ (means - self._mean).T).astype(np.float32)
        limits = np.quantile(self._train @ found, [1 - level for level in LEVELS], axis=0).T
        return found, limits.astype(np.float32)

    def between(self, known: Matrix, new: Matrix) -> Matrix:
        """Return the direction, float32 [d], that tells new texts from known ones."""
        found: Matrix = (self._inverse @ (new.mean(0) - known.mean(0)).astype(np.float64)).astype(np.float32)
        return found


def beyond(values: Matrix, directions: Matrix, limits: Matrix) -> npt.NDArray[np.bool_]:
    """Return bool [n, k, 3]: which texts lie beyond which limit along which direction."""
    far: npt.NDArray[np.bool_] = (values @ directions)[:, :, None] > limits[None]
    return far
