"""Sets of texts, fixed on TRAIN: near a direction of the embeddings, far from every known text, long, or badly read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.nearest import Nearest, highest

if TYPE_CHECKING:
    from driftwatch.domain.features import Features

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Hits = npt.NDArray[np.bool_]
CENTRES = 64
COMPONENTS = 16
LEVELS = (1 / 8, 1 / 64, 1 / 500)
TAILS = (1 / 4, 1 / 16, 1 / 64, 1 / 500)
_RESIDUAL = 64
_NOVELTY = -2
"""Place of novelty among the scores; the norm left over is the last."""
_MOST_KNOWN = 1_024
_MOST_FITTED = 8_000


class Sets(Protocol):
    """Sets, chosen on TRAIN alone."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each, for people."""
        ...

    def hits(self, features: Features) -> Hits:
        """Return bool [n, sets]: which texts fall into which."""
        ...


class DirectionSets:
    """Half-spaces of the embedding space at three TRAIN quantiles of each direction.

    Directions: 64 k-means centres, 16 principal components both ways, novelty (distance to the nearest known text)
    and the norm of what the first 64 components leave over.

    Args:
        train: float32 [n, d] embeddings of TRAIN; known texts and thresholds come from different ones of them.
        seed: of k-means.
    """

    def __init__(self, train: Matrix, *, seed: int) -> None:
        from sklearn.cluster import KMeans

        known = train[: min(max(len(train) * 2 // 3, 1), _MOST_KNOWN)]
        rest = train[len(known) :] if len(train) > len(known) else train
        mean = train.mean(0)
        centred = (train - mean)[:_MOST_FITTED]
        count = min(CENTRES, max(len(train) // 8, 1))
        centres = KMeans(count, n_init=1, random_state=seed).fit(centred).cluster_centers_.astype(np.float32)
        centres /= np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
        _, _, axes = np.linalg.svd(centred, full_matrices=False)
        self._centres, self._components = count, min(COMPONENTS, len(axes))
        self._columns = np.ascontiguousarray(np.concatenate([centres, axes[:_RESIDUAL], mean[None]]).T)
        self._offsets = mean @ self._columns
        self._names = _direction_names(count, self._components)
        self._last: tuple[Matrix, Matrix] | None = None
        nearest = highest(rest, np.ascontiguousarray(known.T))
        scores = self._scores(rest, nearest)
        self._thresholds = np.quantile(scores, [1 - level for level in LEVELS], axis=0).astype(np.float32)
        # A cosine that misses the lowest threshold of −cosine misses the others too.
        self._nearest = Nearest(known, float(-self._thresholds[0, _NOVELTY]), rest[:_MOST_FITTED])
        linear = np.arange(len(self._names)).reshape(len(LEVELS), -1)[: len(LEVELS) - 1, :_NOVELTY]
        self.twins = linear.ravel()

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each set."""
        return self._names

    def hits(self, features: Features) -> Hits:
        """Return bool [n, sets]."""
        values = features.embeddings.values
        scores = self._scores(values, self._nearest(values))
        found = np.empty((len(scores), *self._thresholds.shape), dtype=bool)
        for level, thresholds in enumerate(self._thresholds):
            np.greater(scores, thresholds, out=found[:, level])
        return found.reshape(len(scores), self._thresholds.size)

    def outside(self, hits: Hits) -> Hits:
        """Return which texts lie outside the sets ``twins``, bool [n, twins], by which fall into which set."""
        by_level = hits.reshape(len(hits), len(LEVELS), hits.shape[1] // len(LEVELS))
        return ~np.concatenate([by_level[:, level, :_NOVELTY] for level in range(len(LEVELS) - 1)], axis=1)

    def topics(self, features: Features) -> npt.NDArray[np.int64]:
        """Return the number of the k-means centre in whose direction each text lies most, int64 [n]."""
        centres = slice(self._centres)
        found: npt.NDArray[np.int64] = self._products(features.embeddings.values)[:, centres].argmax(1)
        return found

    def _products(self, values: Matrix) -> Matrix:
        """Return float32 [n, columns], products with all columns; the last texts' are kept for who asks next."""
        if self._last is None or self._last[0] is not values:
            products = values @ self._columns
            products -= self._offsets
            self._last = values, products
        return self._last[1]

    def _scores(self, values: Matrix, nearest: Vector) -> Matrix:
        """Return float32 [n, directions], each direction's score; they follow from products with the plain values."""
        products = self._products(values)
        axes = products[:, self._centres : -1]
        components = axes[:, : self._components]
        # |v − m|² = |v|² − 2 (v − m)·m − |m|²
        squares = np.vecdot(values, values) - 2 * products[:, -1] - self._offsets[-1]
        left = np.sqrt(np.maximum(squares - np.vecdot(axes, axes), 0.0))
        parts = [products[:, : self._centres], components, -components, -nearest[:, None], left[:, None]]
        return np.concatenate(parts, axis=1)


class ScalarSets:
    """Both tails of one number per text at four TRAIN quantiles.

    Args:
        name: of the number.
        train: float64 [n], of TRAIN's texts.
    """

    def __init__(self, name: str, train: npt.NDArray[np.float64]) -> None:
        self._name = name
        self._high = np.quantile(train, [1 - level for level in TAILS])
        self._low = np.quantile(train, TAILS)
        self.names = (
            *(f"{name} above {threshold:.3g}" for threshold in self._high),
            *(f"{name} below {threshold:.3g}" for threshold in self._low),
        )

    def of(self, values: npt.NDArray[np.float64]) -> Hits:
        """Return bool [n, 8]."""
        return np.concatenate([values[:, None] > self._high, values[:, None] < self._low], axis=1)


class LengthSets:
    """Texts that are long or short in the champion's tokens."""

    def __init__(self, train: Features) -> None:
        self._sets = ScalarSets("tokens in the text", lengths(train))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each set."""
        return self._sets.names

    def hits(self, features: Features) -> Hits:
        """Return bool [n, 8]."""
        return self._sets.of(lengths(features))


class LossSets:
    """Texts that the champion reads badly, or well: its loss per token."""

    def __init__(self, train: Features) -> None:
        self._sets = ScalarSets("loss per token", loss_per_token(train))

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each set."""
        return self._sets.names

    def hits(self, features: Features) -> Hits:
        """Return bool [n, 8]."""
        return self._sets.of(loss_per_token(features))


def lengths(features: Features) -> npt.NDArray[np.float64]:
    """Return the texts' lengths in tokens, float64 [n]."""
    totals = np.concatenate([np.zeros(1), np.cumsum(features.tokens.counts, dtype=np.float64)])
    found: npt.NDArray[np.float64] = totals[features.tokens.indptr[1:]] - totals[features.tokens.indptr[:-1]]
    return found


def loss_per_token(features: Features) -> npt.NDArray[np.float64]:
    """Return the champion's mean loss on each text in nats per token, float64 [n]; NaN where nothing was predicted.

    NaN lies in no set: a text without a class is neither read well nor badly.
    """
    found = np.full(len(features.embeddings.values), np.nan)
    if features.losses is not None:
        np.divide(features.losses.nats, features.losses.tokens, out=found, where=features.losses.tokens > 0)
    return found


def _direction_names(centres: int, components: int) -> tuple[str, ...]:
    names = [f"topic {number}" for number in range(centres)]
    names += [f"component +{number}" for number in range(components)]
    names += [f"component −{number}" for number in range(components)]
    return tuple(f"{name}, top {level:.3g}" for level in LEVELS for name in [*names, "novelty", "residual"])
