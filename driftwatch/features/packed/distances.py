"""MPNet's bias: what tokens say to each other counts by their distance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_FARTHEST = 128


def distance_bias(by_bucket: torch.Tensor, longest: int) -> torch.Tensor:
    """Return the bias of each query (row) and key (column), [heads, longest, longest].

    Its upper left corner is that of a shorter text.

    Args:
        by_bucket: [buckets, heads].
        longest: tokens of a text.

    Source: Raffel et al. 2020 (T5), section 2.1; the two directions have half the buckets each, half of these for
    single distances, the rest on a logarithmic scale.
    """
    import torch

    at = torch.arange(longest)
    behind = at[:, None] - at[None, :]
    half = len(by_bucket) // 2
    single = half // 2
    away = behind.abs()
    far = single + (torch.log(away.float() / single) / math.log(_FARTHEST / single) * (half - single)).long()
    bucket = torch.where(away < single, away, far.clamp(max=half - 1)) + (behind < 0) * half
    return by_bucket[bucket].permute(2, 0, 1).contiguous()
