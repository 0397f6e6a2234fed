"""Bank D3: the presence of every token, each a channel; absences cost nothing to follow."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.drift.evidence.shiryaev import CUT_EVERY, GREATEST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from driftwatch.drift.evidence.blocks import Blocks

Floats = npt.NDArray[np.float64]
SHARES = (0.02, 0.15)
BUCKETS = 1 << 16
COMMON = 64
_STAKES = np.asarray(SHARES)
_ABSENT = 1.0 - _STAKES
_SMALLEST_SCALE = 1e-6
_AT_ONCE = 256


class TokenBank:
    r"""Shiryaev–Roberts statistics of the presence of every token (see :class:`Bank` for the bet and its guarantee).

    A token that is absent from a block has z = 0 and the factor 1 − s, the same for all tokens. So all statistics
    of a share s are kept as :math:`R_h = \alpha Y_h + \beta`, where a block of L texts brings
    :math:`\alpha' = (1 - s)\alpha` and :math:`\beta' = (1 - s)(\beta + L)` whatever it holds, and a token's presence
    adds :math:`c (Y_h + \beta'/\alpha')` to :math:`Y_h`, with :math:`c = s z/(q (1 - s))`. A step costs the tokens
    present, not the vocabulary; the mean over all tokens follows from the sum of Y; and as Y only grows, no digits
    cancel. Since :math:`\beta'/\alpha'` does not depend on the texts, the blocks need not be gone through one by one:
    first every token's first presence is counted, then every token's second, and so on.

    Token numbers beyond 2^16 share buckets.

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
        found = np.empty(len(blocks))
        block = blocks.block[rows]
        weights = blocks.weights[rows]
        edges = np.searchsorted(block, np.arange(0, len(blocks) + _AT_ONCE, _AT_ONCE))
        for number, first in enumerate(range(0, len(blocks), _AT_ONCE)):
            part = slice(edges[number], edges[number + 1])
            gaps = blocks.gaps[first : first + _AT_ONCE]
            found[first : first + _AT_ONCE] = self._some(ids[part], block[part] - first, weights[part], gaps)
        return found

    def _some(self, ids: npt.NDArray[np.int64], block: npt.NDArray[np.int64], weights: Floats, gaps: Floats) -> Floats:
        """Bet on a few blocks; the statistics' means after each, float64 [blocks]."""
        if self.scale.min() < _SMALLEST_SCALE:
            self._write_out()
        scales, offsets = self._without_tokens(gaps)
        tokens, block, means, rounds = _in_rounds(ids, block, weights, len(gaps), len(self._bounds))
        most = rounds[0] if len(rounds) else 0
        values = self.relative[:, tokens[:most]]
        stakes = (means / self._bounds[tokens]) * (_STAKES / _ABSENT)[:, None]
        gained = (offsets / scales)[:, block]
        start = 0
        for number, size in enumerate(rounds):
            if number % CUT_EVERY == 0:
                np.minimum(values, GREATEST, out=values)
            part = slice(start, start + size)
            now, more = values[:, :size], gained[:, part]
            more += now
            more *= stakes[:, part]
            now += more
            start += size
        np.minimum(values, GREATEST, out=values)
        self.relative[:, tokens[:most]] = values
        counts = (np.bincount(block, weights=each, minlength=len(gaps)) for each in gained)
        sums = self.sums[:, None] + np.cumsum(list(counts), axis=1)
        self.sums, self.scale, self.offset = sums[:, -1], scales[:, -1], offsets[:, -1]
        found: Floats = (scales * sums / len(self._bounds) + offsets).mean(0)
        return found

    def _without_tokens(self, gaps: Floats) -> tuple[Floats, Floats]:
        """Return scale and offset after each block, float64 [shares, blocks] each."""
        shrunk = _shrunk()[:, : len(gaps), : len(gaps)]
        scales = self.scale[:, None] * shrunk[:, :, 0]
        # An offset is the sum of all gaps so far, each shrunk by its own block and by those since.
        added = _of_lone_texts(len(gaps)) if (gaps == 1.0).all() else shrunk @ gaps
        offsets = self.offset[:, None] * shrunk[:, :, 0] + added
        return scales, offsets

    def _write_out(self) -> None:
        """Write the statistics out, before scales become too small for a float."""
        self.relative *= self.scale[:, None]
        self.relative += self.offset[:, None]
        np.minimum(self.relative, GREATEST, out=self.relative)
        self.scale = np.ones(len(SHARES))
        self.offset = np.zeros(len(SHARES))
        self.sums = self.relative.sum(1)

    def scale_by(self, factor: float) -> None:
        """Multiply all evidence, as a threshold changes: see ``Bets``."""
        self.scale, self.offset = self.scale * factor, self.offset * factor

    def reset(self) -> None:
        """Forget all evidence."""
        self.relative[:] = 0.0
        self.scale, self.offset = np.ones(len(SHARES)), np.zeros(len(SHARES))
        self.sums = np.zeros(len(SHARES))

    def packed(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the statistics; those of tokens that did not come lately are the lowest, and alike."""
        lowest = self.relative.min(1, initial=GREATEST)
        places = np.flatnonzero((self.relative != lowest[:, None]).any(0))
        return {
            "places": places.astype(np.int32),
            "values": self.relative[:, places],
            "lowest": lowest,
            "scale": self.scale,
            "offset": self.offset,
            "sums": self.sums,
        }

    def restore(self, packed: Mapping[str, npt.NDArray[np.generic]]) -> None:
        """Go on from the statistics that ``packed`` gave."""
        names = ("values", "lowest", "scale", "offset", "sums")
        values, lowest, self.scale, self.offset, self.sums = (packed[name].astype(np.float64) for name in names)
        self.relative[:] = lowest[:, None]
        self.relative[:, packed["places"].astype(np.int64)] = values

    def strongest(self) -> Floats:
        """Return the tokens' own evidence: the mean over shares, float64 [buckets]."""
        found: Floats = (self.relative * self.scale[:, None] + self.offset[:, None]).mean(0)
        return found


@lru_cache(maxsize=1)
def _shrunk() -> Floats:
    """Return (1 − s)^(t − i + 1), to what share a gap of block i has shrunk after block t, float64 [shares, t, i]."""
    ages = np.subtract.outer(np.arange(1, _AT_ONCE + 1), np.arange(_AT_ONCE))
    found: Floats = np.where(ages > 0, _ABSENT[:, None, None] ** np.maximum(ages, 0), 0.0)
    return found


@lru_cache(maxsize=16)
def _of_lone_texts(blocks: int) -> Floats:
    """Return what gaps of one text each have added up to after each of so many blocks, float64 [shares, blocks]."""
    found: Floats = _shrunk()[:, :blocks, :blocks] @ np.ones(blocks)
    return found


class Vocabulary:
    """The few common tokens, present in so many blocks that following each is cheaper than counting presences.

    Args:
        bounds: float64 [buckets], upper bound of each token's null rate.
    """

    def __init__(self, bounds: Floats) -> None:
        order = np.argsort(-bounds, kind="stable")
        count = min(COMMON, len(bounds) // 2)
        self.common = np.sort(order[:count])
        self.rare = np.sort(order[count:])
        self._places = np.empty(len(bounds), dtype=np.int64)
        self._places[self.rare] = np.arange(len(self.rare))
        self._places[self.common] = len(self.rare) + np.arange(len(self.common))

    def split(
        self, ids: npt.NDArray[np.integer], rows: npt.NDArray[np.int64], texts: int
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return which common tokens each text holds, bool [texts, common], and places and rows of the rare ones."""
        places = self._places[ids]
        is_rare = places < len(self.rare)
        # Places to take cost less than three rounds of masking.
        rare, common = np.flatnonzero(is_rare), np.flatnonzero(~is_rare)
        held = np.zeros((texts, len(self.common)), dtype=bool)
        held[rows[common], places[common] - len(self.rare)] = True
        return held, places[rare], rows[rare]


def _in_rounds(
    ids: npt.NDArray[np.int64], block: npt.NDArray[np.int64], weights: Floats, blocks: int, buckets: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]:
    """Return every token's first presence, then every token's second, …: tokens, blocks, block means, round sizes.

    The tokens present most often come first, so that those of a later round are the first ones of the round before.
    """
    order = np.argsort(ids.astype(np.uint16 if buckets <= 1 << 16 else np.int64), kind="stable")
    ids, block, weights = ids[order], block[order], weights[order]
    starts = np.flatnonzero(np.diff(ids * blocks + block, prepend=-1))
    ids, block = ids[starts], block[starts]
    means = np.add.reduceat(weights, starts) if len(starts) else np.zeros(0)
    firsts = np.flatnonzero(np.diff(ids, prepend=-1))
    counts = np.diff(np.append(firsts, len(ids)))
    often = np.argsort(-counts, kind="stable")
    firsts, counts = firsts[often], counts[often]
    sizes = len(counts) - np.searchsorted(counts[::-1], np.arange(counts[0] if len(counts) else 0), side="right")
    places = [firsts[:size] + number for number, size in enumerate(sizes)]
    order = np.concatenate(places) if places else np.zeros(0, dtype=np.int64)
    return ids[order], block[order], means[order], sizes
