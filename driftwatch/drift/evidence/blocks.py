"""Blocks: what may be bet on as one, so that texts that depend on each other are not counted as many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_COUNTED = 32
"""Most texts of a block whose hits are counted one text after the other; that costs less than a product up to there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blocks:
    """Rows of a window in blocks.

    Args:
        rows: int64 [n], the window's rows, those of a block side by side.
        starts: int64 [blocks], where in ``rows`` each block begins.
        weights: float64 [n], of each row in its block's mean; they sum to 1 within a block at most.
        gaps: float64 [blocks], number of texts that each block stands for.
    """

    rows: Rows
    starts: Rows
    weights: Floats
    gaps: Floats

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def block(self) -> Rows:
        """Return int64 [n]: the block of each row."""
        return np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.rows))))

    def means(self, hits: npt.NDArray[np.bool_]) -> Floats | npt.NDArray[np.bool_]:
        """Return the blocks' means, float64 [blocks, channels], of hits [n, channels] in the order of ``rows``.

        Where every text is a block of its own, hits are what they are.
        """
        if len(self.starts) == len(self.rows) and (self.weights == 1.0).all():
            return hits
        if self.gaps.max() <= _COUNTED and (self.weights == 1.0 / self.gaps[self.block]).all():
            return self._counts(hits) / self.gaps[:, None]
        spread = np.zeros((len(self.starts), len(self.rows)), dtype=np.float32)
        spread[self.block, np.arange(len(self.rows))] = self.weights
        return (spread @ hits.astype(np.float32)).astype(np.float64)

    def _counts(self, hits: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
        """Return how many texts of each block hit, uint8 [blocks, channels]."""
        least = int(self.gaps.min())
        if (self.gaps[:-1] == least).all():
            # Only the last block is longer, as where nothing is grouped: the others are the rows of a table.
            whole, more = np.split(hits.view(np.uint8), [least * len(self.starts)])
            counts: npt.NDArray[np.uint8] = np.sum(
                whole.reshape(len(self.starts), least, hits.shape[1]), axis=1, dtype=np.uint8
            )
            counts[-1] += more.sum(0, dtype=np.uint8)
            return counts
        counts = np.zeros((len(self.starts), hits.shape[1]), dtype=np.uint8)
        for place in range(int(self.gaps.max())):
            longer = np.flatnonzero(self.gaps > place)
            counts[longer] += hits[self.starts[longer] + place]
        return counts


def in_blocks(
    rows: Rows, groups: Sequence[str | None], *, length: int, by_group: bool, texts_a_group: float = 1.0
) -> Blocks:
    """Return the rows in blocks of ``length`` groups, in order of the groups' first texts.

    A text without a group is a group of its own. What is left over at the end joins the last block, so a block has
    ``length`` to ``2·length − 1`` groups, or fewer where the window has no more.

    Args:
        rows: int64 [n], ascending.
        groups: name of each row's group.
        length: groups in a block.
        by_group: a block's mean is that of its groups' means; else that of its texts.
        texts_a_group: where it is that of texts, the sum of hits is divided by the block's texts, or by so many for
            each of its groups where these are more (see :class:`GroupSize`).
    """
    if not len(rows):
        nothing = np.zeros(0, dtype=np.int64)
        return Blocks(rows=rows, starts=nothing, weights=np.zeros(0), gaps=np.zeros(0))
    if groups.count(None) == len(groups):
        return _of_lone_texts(rows, length, 1.0 if by_group else texts_a_group)
    units = group_numbers(groups)
    total = int(units.max()) + 1
    count = max(total // length, 1)
    block = np.minimum(units // length, count - 1)
    order = np.argsort(block, kind="stable")
    block, units = block[order], units[order]
    starts = np.searchsorted(block, np.arange(count))
    gaps = np.diff(np.append(starts, len(rows))).astype(np.float64)
    groups_in_block = np.full(count, length)
    groups_in_block[-1] = total - length * (count - 1)
    if by_group:
        weights = 1.0 / (np.bincount(units)[units] * groups_in_block[block])
    else:
        weights = 1.0 / np.maximum(gaps, texts_a_group * groups_in_block)[block]
    return Blocks(rows=rows[order], starts=starts, weights=weights, gaps=gaps)


def _of_lone_texts(rows: Rows, length: int, texts_a_group: float) -> Blocks:
    """Return rows that no group ties together in blocks of ``length``; each is a group of its own."""
    starts = np.arange(max(len(rows) // length, 1)) * length
    sizes = np.diff(np.append(starts, len(rows)))
    weights = np.repeat(1.0 / np.maximum(sizes.astype(np.float64), texts_a_group * sizes), sizes)
    return Blocks(rows=rows, starts=starts, weights=weights, gaps=sizes.astype(np.float64))


def group_numbers(groups: Sequence[str | None]) -> Rows:
    """Return the number of each text's group, int64 [n], in order of first appearance; a text without is its own."""
    if groups.count(None) == len(groups):
        return np.arange(len(groups), dtype=np.int64)
    numbers: dict[str, int] = {}
    units = np.empty(len(groups), dtype=np.int64)
    count = 0
    for row, group in enumerate(groups):
        known = None if group is None else numbers.get(group)
        if known is None:
            known, count = count, count + 1
            if group is not None:
                numbers[group] = known
        units[row] = known
    return units
