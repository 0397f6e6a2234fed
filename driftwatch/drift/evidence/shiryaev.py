"""The Shiryaev–Roberts statistic of many channels at once."""

from __future__ import annotations

from functools import reduce

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
AT_ONCE = 32
"""Blocks whose bets are worked out together: they stay in the processor's cache."""
GREATEST = 1e150
"""Statistics are cut here, far above any threshold: a flood of hits must not end in infinity."""

CUT_EVERY = 16
"""Texts after which statistics are cut: a bet pays far less than 10^9, so none reaches infinity in between."""


class Bank:
    r"""Bets on channels "the texts fall into set c more often than the reference does", at several shares each.

    For a block with hit fraction :math:`z` of a set whose null rate is at most :math:`q`, the bet at share s pays
    :math:`e = 1 + (s/q)(z - q)`. If :math:`E[z \mid past] \le q` then :math:`E[e \mid past] \le 1`, and since
    :math:`z \ge 0`, :math:`e \ge 1 - s > 0`. With :math:`R \leftarrow (R + L) e` for a block that stands for L texts,
    :math:`E[R_{t+L} \mid past] \le R_t + L`: :math:`R_t - t` is a supermartingale, and so is that of any mean of
    channels and shares. At a stopping time τ with R ≥ A therefore :math:`A \le E[R_\tau] \le E[\tau]`, and by
    Markov's inequality P(alarm within T texts) ≤ T/A.

    Source: Shin, Ramdas and Rinaldo 2023 (E-detectors, NEJSDS), section 2.

    Args:
        bounds: float64 [channels], upper bound q of each set's null rate, above 0 and at most 1.
        shares: that every channel bets at, each within 0 and 1; or float64 [channels, shares], its own for each.
        weights: float64 [channels] of the channels in the mean, their shares having equal parts, or float64
            [channels, shares] of each; together 1; equal ones by default.
    """

    def __init__(self, bounds: Floats, shares: tuple[float, ...] | Floats, weights: Floats | None = None) -> None:
        staked = np.broadcast_to(np.asarray(shares, dtype=np.float64), (len(bounds), np.shape(shares)[-1]))
        staked = np.ascontiguousarray(staked.T)
        # 1 + (s/q)(z − q) = (1 − s) + (s/q) z; all of one share lie side by side
        self._stakes = staked / bounds
        self._constants = 1.0 - staked
        if weights is None:
            weights = np.full(len(bounds), 1.0 / len(bounds))
        if weights.ndim == 1:
            weights = np.repeat(weights[:, None] / len(staked), len(staked), axis=1)
        self._weights = np.ascontiguousarray(weights.T).ravel()
        self.values: Floats = np.zeros(staked.size)

    def update(self, means: Floats | npt.NDArray[np.bool_], gaps: Floats) -> Floats:
        """Bet on block after block; returns the mean of all statistics after each, float64 [blocks].

        Args:
            means: float64 [blocks, channels], hit fractions; or bool, hits of blocks of one text.
            gaps: float64 [blocks], texts that each block stands for.
        """
        found = np.empty(len(means))
        grown = np.empty_like(self.values)
        for first in range(0, len(means), AT_ONCE):
            factors = means[first : first + AT_ONCE, None, :].astype(np.float64) * self._stakes
            factors += self._constants
            rows = factors.reshape(len(factors), -1)
            before = self.values
            # Each row of factors becomes the statistics after its block.
            for gap, row in zip(gaps[first : first + AT_ONCE], rows, strict=True):
                np.add(before, gap, out=grown)
                np.multiply(row, grown, out=row)
                before = row
            found[first : first + AT_ONCE] = rows @ self._weights
            self.values = np.minimum(before, GREATEST)
        return found

    def scale_by(self, factor: float) -> None:
        """Multiply all evidence, as a threshold changes: see ``Bets``."""
        self.values = np.minimum(self.values * factor, GREATEST)

    def reset(self) -> None:
        """Forget all evidence."""
        self.values = np.zeros_like(self.values)

    def strongest(self) -> Floats:
        """Return what each channel adds to the mean, float64 [channels]."""
        found: Floats = (self.values * self._weights).reshape(self._stakes.shape).sum(0)
        return found


def sums(values: Floats) -> Floats:
    """Return the sums along a last axis of a few numbers, where numpy's own sum costs several times as much."""
    found: Floats = reduce(np.add, np.moveaxis(values, -1, 0))
    return found
