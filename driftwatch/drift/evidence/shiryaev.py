"""The Shiryaev–Roberts statistic of many channels at once."""

from __future__ import annotations

from functools import reduce

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
AT_ONCE = 32
"""Blocks whose bets are worked out together: they stay in the processor's cache."""
_TOGETHER = 8
"""Blocks of them whose factors are worked out together."""
GREATEST = 1e150
"""Statistics are cut here, far above any threshold: a flood of hits must not end in infinity."""

CUT_EVERY = 16
"""Texts after which statistics are cut: a bet pays far less than 10^9, so none reaches infinity in between."""


class Stakes:
    """What bets pay, many blocks at once: :math:`1 + (s/q)(z - q) = (1 - s) + (s/q) z` for hit fractions z.

    Args:
        bounds: float64 [channels], q of each.
        shares: float64 [shares, channels], s; or [shares, 1], alike for all channels.
    """

    def __init__(self, bounds: Floats, shares: Floats) -> None:
        self.shape = (len(shares), len(bounds))
        # All of one share lie side by side, for a few blocks at once: operands of one shape cost half of spread ones.
        self._slopes = np.tile((shares / bounds).ravel(), (_TOGETHER, 1))
        self._constants = np.tile(np.broadcast_to(1.0 - shares, self.shape).ravel(), (_TOGETHER, 1))

    def factors(self, means: Floats | npt.NDArray[np.bool_]) -> Floats:
        """Return what the bets pay on each block, float64 [blocks, shares · channels].

        Args:
            means: float64 [blocks, channels], hit fractions; or bool, hits of blocks of one text.
        """
        found: Floats = np.concatenate([means] * self.shape[0], axis=1).astype(np.float64, copy=False)
        for first in range(0, len(means), _TOGETHER):
            some = found[first : first + _TOGETHER]
            np.multiply(some, self._slopes[: len(some)], some)
            np.add(some, self._constants[: len(some)], some)
        return found


def follow(before: Floats, factors: Floats, gaps: Floats) -> Floats:
    """Let statistics grow block after block: each row of factors becomes the statistics after its block.

    Args:
        before: float64 [statistics].
        factors: float64 [blocks, statistics], written over.
        gaps: float64 [blocks], texts that each block stands for.

    Returns:
        The last row.
    """
    grown = np.empty_like(before)
    # Arrays without an axis are taken in with less ado than numbers, and positions with less than names.
    for gap, row in zip(map(np.asarray, gaps.tolist()), factors, strict=True):
        np.add(before, gap, grown)
        before = np.multiply(row, grown, row)
    return before


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
        self._stakes = Stakes(bounds, staked)
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
        for first in range(0, len(means), AT_ONCE):
            rows = self._stakes.factors(means[first : first + AT_ONCE])
            last = follow(self.values, rows, gaps[first : first + AT_ONCE])
            found[first : first + AT_ONCE] = rows @ self._weights
            self.values = np.minimum(last, GREATEST)
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
