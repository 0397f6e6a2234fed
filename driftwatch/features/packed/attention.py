"""Attention over packed texts: each attends to itself alone, and nothing is computed for padding.

Texts stand one behind the other, equal lengths together. On a processor the texts of one length are one dense batch;
short ones share rows, under a mask, because the kernel's cost is by rows. On a GPU, where each launch costs more than
its arithmetic, lengths are rounded up and the surplus hidden.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

_ROW = 32
"""Tokens that texts of up to half as many share a row of."""
_STEP = 16
"""Lengths are rounded up to its multiples on a GPU."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Texts of one length, behind one another.

    Args:
        start: place of the first token.
        rows: of attention.
        length: of a row.
        mask: [length, length], what a token of a row sees (0) and does not (−inf); None for all of it.
    """

    start: int
    rows: int
    length: int
    mask: torch.Tensor | None

    def attend(self, projected: torch.Tensor, out: torch.Tensor, heads: int, bias: torch.Tensor | None) -> None:
        """Write the attention's result to these texts' places.

        Args:
            projected: [tokens, 3 × width], queries, keys and values.
            out: [tokens, width].
            heads: that the width is split into.
            bias: [heads, longest, longest], added to what tokens say to each other by their distance.
        """
        from torch.nn.functional import scaled_dot_product_attention

        here = slice(self.start, self.start + self.rows * self.length)
        shape = (self.rows, self.length, heads, -1)
        q, k, v = projected[here].view(self.rows, self.length, 3, heads, -1).permute(2, 0, 3, 1, 4)
        mask = self.mask if bias is None else bias[None, :, : self.length, : self.length]
        out[here].view(*shape).copy_(scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2))


@dataclass(frozen=True, slots=True)
class Padded:
    """Texts of much the same length, gathered into rows of the longest.

    Args:
        places: int64 [rows, longest] of tokens; what is behind a text's end shows its first token.
        inside: bool [rows, longest], whether it is the text's own.
    """

    places: torch.Tensor
    inside: torch.Tensor

    def attend(self, projected: torch.Tensor, out: torch.Tensor, heads: int, bias: torch.Tensor | None) -> None:
        """Write the attention's result to these texts' places; as ``Dense.attend``."""
        from torch.nn.functional import scaled_dot_product_attention

        rows, longest = self.places.shape
        q, k, v = projected[self.places].view(rows, longest, 3, heads, -1).permute(2, 0, 3, 1, 4)
        mask = self.inside[:, None, None, :]
        if bias is not None:
            near = bias[None, :, :longest, :longest]
            mask = near.expand(rows, -1, -1, -1).masked_fill(~mask, float("-inf"))
        found = scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).reshape(rows, longest, -1)
        out[self.places[self.inside]] = found[self.inside]


def plan(lengths: Sequence[int], like: torch.Tensor, *, sharing: bool) -> list[Dense] | list[Padded]:
    """Return how texts that stand behind one another attend.

    Args:
        lengths: of the texts, in their order, equal ones together.
        like: a tensor of the device and dtype that they are computed in.
        sharing: whether short texts may share rows; not where there is a bias by distance.
    """
    if like.device.type == "cpu":
        return list(_dense(lengths, like, sharing=sharing))
    return list(padded(lengths, like))


def _dense(lengths: Sequence[int], like: torch.Tensor, *, sharing: bool) -> Iterator[Dense]:
    start = 0
    for length, count in _runs(lengths):
        together = max(1, _ROW // length) if sharing else 1
        rows, left = divmod(count, together)
        if rows:
            yield Dense(start, rows, length * together, _apart(length, together, like))
            start += rows * together * length
        if left:
            yield Dense(start, 1, length * left, _apart(length, left, like))
            start += left * length


def _runs(lengths: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield each length and how many texts in a row have it."""
    values = np.asarray(lengths, np.int64)
    starts = np.flatnonzero(np.diff(values, prepend=-1))
    counts = np.diff(starts, append=len(values))
    yield from zip(values[starts].tolist(), counts.tolist(), strict=True)


def _apart(length: int, texts: int, like: torch.Tensor) -> torch.Tensor | None:
    """Return the mask that keeps texts in one row from each other; None for one text."""
    if texts == 1:
        return None
    import torch

    owner = torch.arange(texts).repeat_interleave(length)
    seen = owner[:, None] == owner[None, :]
    return torch.zeros(seen.shape, dtype=like.dtype).masked_fill(~seen, float("-inf"))


def padded(lengths: Sequence[int], like: torch.Tensor, *, step: int = _STEP) -> Iterator[Padded]:
    """Yield texts whose lengths round up alike, in rows of one length."""
    import torch

    sizes = np.asarray(lengths, np.int64)
    starts = np.cumsum(sizes) - sizes
    rounded = [-(-length // step) for length in lengths]
    first = 0
    for _, count in _runs(rounded):
        mine = slice(first, first + count)
        offsets = np.arange(sizes[mine].max())[None, :]
        inside = offsets < sizes[mine, None]
        places = starts[mine, None] + np.where(inside, offsets, 0)
        yield Padded(torch.from_numpy(places).to(like.device), torch.from_numpy(inside).to(like.device))
        first += count
