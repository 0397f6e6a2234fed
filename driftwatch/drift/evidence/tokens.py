"""Bank D3: the presence of every token, each a channel; absences cost nothing to follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.shiryaev import GREATEST

if TYPE_CHECKING:
    from driftwatch.drift.evidence.blocks import Blocks

Floats = npt.NDArray[np.float64]
SHARES = (0.02, 0.15)
BUCKETS = 1 << 16
_STAKES = np.asarray(SHARES)
_ABSENT = 1.0 - _STAKES
_SMALLEST_SCALE = 1e-6


class TokenBank:
    r"""Shiryaev–Roberts statistics of the presence of every token (see :class:`Bank` for the bet and its guarantee).

    A token that is absent from a block has z = 0 and the factor 1 − s, the same for all tokens. So all statistics
    of a share s are kept as :math:`R_h = \alpha Y_h + \beta`: an absence changes α and β only, a presence changes
    :math:`Y_h`, and the mean over all tokens follows from the sum of Y. A step costs the tokens present, not the
    vocabulary. Token numbers beyond 2^16 share buckets.

    Args:
        bounds: float64 [buckets], upper bound of each token's null rate.
    """

    def __init__(self, bounds: Floats) -> None:
        self._bounds = bounds
        self.relative: Floats = np.zeros((len(SHARES), len(bounds)))
        self.scale: Floats = np.ones(len(SHARES))
        self.offset: Floats = np.zeros(len(SHARES))
        self.sums: Floats = np.zeros(len(SHARES))

    def update(self, ids: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], blocks: Blocks) -> Floats:
        """Bet on block after block; returns the mean of all statistics after each, float64 [blocks].

        Args:
            ids: int64 [nonzeros], buckets present, once per text.
            rows: int64 [nonzeros], places in ``blocks.rows``, ascending.
            blocks: which texts are bet on together.
        """
        buckets = len(self._bounds)
        keys = blocks.block[rows] * buckets + ids
        found, inverse = np.unique(keys, return_inverse=True)
        means = np.asarray(np.bincount(inverse, weights=blocks.weights[rows], minlength=len(found)), dtype=np.float64)
        edges = np.searchsorted(found, np.arange(len(blocks) + 1) * buckets)
        out = np.empty(len(blocks))
        for number in range(len(blocks)):
            part = slice(edges[number], edges[number + 1])
            out[number] = self._step(found[part] - number * buckets, means[part], float(blocks.gaps[number]))
        return out

    def _step(self, present: npt.NDArray[np.int64], means: Floats, gap: float) -> float:
        before = self.relative[:, present]
        offset = (self.offset + gap) * _ABSENT
        scale = self.scale * _ABSENT
        values = before * self.scale[:, None]
        values += (self.offset + gap)[:, None]
        bounds = self._bounds[present]
        # 1 + (s/q)(z − q) = (1 − s) + s z/q
        values *= _ABSENT[:, None] + _STAKES[:, None] * (means / bounds)
        np.minimum(values, GREATEST, out=values)
        values -= offset[:, None]
        values /= scale[:, None]
        self.relative[:, present] = values
        values -= before
        self.sums += values.sum(1)
        self.scale, self.offset = scale, offset
        if scale[-1] < _SMALLEST_SCALE:
            self._rescale()
        return float((self.scale @ self.sums / len(self._bounds) + self.offset.sum()) / len(SHARES))

    def _rescale(self) -> None:
        """Write the statistics out, so that small scales don't cancel their digits."""
        self.relative = self.relative * self.scale[:, None] + self.offset[:, None]
        self.scale = np.ones(len(SHARES))
        self.offset = np.zeros(len(SHARES))
        self.sums = self.relative.sum(1)

    def reset(self) -> None:
        """Forget all evidence."""
        self.relative[:] = 0.0
        self.scale, self.offset = np.ones(len(SHARES)), np.zeros(len(SHARES))
        self.sums = np.zeros(len(SHARES))

    def restore(self, relative: Floats, scale: Floats, offset: Floats, sums: Floats) -> None:
        """Go on from stored statistics."""
        self.relative, self.scale = relative.copy(), scale.copy()
        self.offset, self.sums = offset.copy(), sums.copy()

    def strongest(self) -> Floats:
        """Return the tokens' own evidence: the mean over shares, float64 [buckets]."""
        found: Floats = (self.relative * self.scale[:, None] + self.offset[:, None]).mean(0)
        return found
