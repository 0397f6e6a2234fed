"""The packed forward pass: all tokens of a batch at once through every product, attention text by text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from driftwatch.features.packed.attention import plan
from driftwatch.features.packed.blueprint import BUCKETS
from driftwatch.features.packed.distances import distance_bias
from driftwatch.features.packed.linear import Linear

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    import torch

    from driftwatch.features.packed.blueprint import Blueprint
    from driftwatch.features.packed.tensors import Tensors

_NORM = "embeddings.LayerNorm"
_POSITIONS = "embeddings.position_embeddings.weight"


@dataclass(frozen=True, slots=True)
class _Norm:
    weight: torch.Tensor
    bias: torch.Tensor
    eps: float

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        from torch.nn.functional import layer_norm

        return layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


@dataclass(frozen=True, slots=True)
class _Layer:
    projected: Linear
    joined: Linear
    attended: _Norm
    wide: Linear
    narrow: Linear
    out: _Norm


class PackedNetwork:
    """An encoder of BERT's family.

    Args:
        blueprint: its sizes.
        tensors: its weights.
        longest: tokens of a text.
        dtype: of products and hidden states; the embeddings are summed, and the mean is taken, in float32.
        device: where it runs.

    Raises:
        UnpackableError: a weight is missing or of another shape.
    """

    def __init__(
        self, blueprint: Blueprint, tensors: Tensors, *, longest: int, dtype: torch.dtype, device: str
    ) -> None:
        self._blueprint = blueprint
        reader = _Reader(blueprint, tensors, dtype=dtype, device=device)
        self._words = reader.words()
        self._positions = reader.positions()
        self._norm = reader.norm(_NORM, precise=True)
        self._layers = [reader.layer(number) for number in range(blueprint.layers)]
        self._bias = reader.bias(longest)

    def means(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the mean of each text's last hidden states, float32 [texts, width].

        Args:
            rows: token ids, at least one each and within the limits, equal lengths behind one another.
        """
        import torch

        lengths = [len(row) for row in rows]
        sizes = torch.tensor(lengths, device=self._words.device)
        with torch.inference_mode():
            hidden = self._hidden(rows, lengths)
            owners = torch.repeat_interleave(sizes)
            sums = torch.zeros(len(rows), hidden.shape[1], device=hidden.device)
            return sums.index_add_(0, owners, hidden.float()) / sizes[:, None]

    def states(self, rows: Sequence[Sequence[int]], asked: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return the last hidden states of some tokens, [asked, width]; of the others the last layer computes less.

        Args:
            rows: as ``means`` takes them.
            asked: int64 [asked], places in all the rows' tokens, one row behind the other.
        """
        import torch

        with torch.inference_mode():
            return self._hidden(rows, [len(row) for row in rows], asked)

    def _hidden(
        self, rows: Sequence[Sequence[int]], lengths: Sequence[int], asked: npt.NDArray[np.int64] | None = None
    ) -> torch.Tensor:
        """Return the last hidden states of all tokens or of those asked for, [tokens, width]."""
        import torch
        from torch.nn.functional import embedding

        ids = np.concatenate([np.asarray(row, np.int64) for row in rows])
        where = self._words.device
        at = torch.from_numpy(places(ids, lengths, self._blueprint.padding)).to(where)
        words = embedding(torch.from_numpy(ids).to(where), self._words).float()
        x = self._norm(words.add_(embedding(at, self._positions))).to(self._words.dtype)
        blocks = plan(lengths, x, sharing=self._bias is None)
        for layer in self._layers:
            projected, attended = layer.projected(x), torch.empty_like(x)
            for block in blocks:
                block.attend(projected, attended, self._blueprint.heads, self._bias)
            if asked is not None and layer is self._layers[-1]:
                wanted = torch.from_numpy(asked).to(where)
                x, attended = x[wanted], attended[wanted]
            x = layer.attended(layer.joined.onto(x, attended))
            x = layer.out(layer.narrow.onto(x, layer.wide(x)))
        return x


def places(
    ids: np.ndarray[tuple[int], np.dtype[np.int64]], lengths: Sequence[int], padding: int | None
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return which row of the table of positions each token takes, int64 [tokens].

    Args:
        ids: int64 [tokens].
        lengths: of the texts.
        padding: id that stands at no position and that positions are counted from; None to count from 0.

    Examples:
        >>> places(np.array([5, 6, 7, 8, 9]), [3, 2], None).tolist()
        [0, 1, 2, 0, 1]
        >>> places(np.array([5, 1, 7, 8, 9]), [3, 2], 1).tolist()
        [2, 1, 3, 2, 3]
    """
    counted = np.ones(len(ids), np.int64) if padding is None else (ids != padding).astype(np.int64)
    sizes = np.asarray(lengths, np.int64)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(counted)])
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]]
    numbers = before[1:] - np.repeat(before[np.cumsum(sizes) - sizes], sizes)
    return numbers - 1 if padding is None else numbers * counted + padding


class _Reader:
    """Takes a network's parts out of its tensors."""

    def __init__(self, blueprint: Blueprint, tensors: Tensors, *, dtype: torch.dtype, device: str) -> None:
        self._sizes, self._names, self._tensors = blueprint, blueprint.names, tensors
        self._dtype, self._device = dtype, device

    def words(self) -> torch.Tensor:
        return self._ready(self._tensors.words(self._sizes.vocabulary, self._sizes.width))

    def positions(self) -> torch.Tensor:
        """Return the table of positions, the embedding of the first type of text already in it."""
        width, types = self._sizes.width, self._names.types
        table = self._tensors.take(_POSITIONS, self._sizes.table, width).float()
        if types is not None:
            table = table + self._tensors.first(types, width).float()
        return table.to(self._device)

    def norm(self, name: str, *, precise: bool = False) -> _Norm:
        import torch

        dtype = torch.float32 if precise else self._dtype
        weight, bias = (
            self._tensors.take(f"{name}.{part}", self._sizes.width).to(self._device, dtype)
            for part in ("weight", "bias")
        )
        return _Norm(weight, bias, self._sizes.eps)

    def layer(self, number: int) -> _Layer:
        names, before = self._names, self._names.layer.format(number)
        width, inner = self._sizes.width, self._sizes.inner
        return _Layer(
            projected=self._linear([before + name for name in (names.query, names.key, names.value)], width, width),
            joined=self._linear([before + names.joined], width, width),
            attended=self.norm(before + names.attended),
            wide=self._linear([before + names.wide], inner, width, activation=self._sizes.activation),
            narrow=self._linear([before + names.narrow], width, inner),
            out=self.norm(before + names.out),
        )

    def bias(self, longest: int) -> torch.Tensor | None:
        name = self._names.distances
        if name is None:
            return None
        by_bucket = self._tensors.take(name, BUCKETS, self._sizes.heads)
        return self._ready(distance_bias(by_bucket.float(), longest))

    def _linear(self, names: Sequence[str], out: int, into: int, *, activation: str | None = None) -> Linear:
        import torch

        weights = [self._ready(self._tensors.take(f"{name}.weight", out, into)) for name in names]
        biases = [self._ready(self._tensors.take(f"{name}.bias", out)) for name in names]
        return Linear(torch.cat(weights), torch.cat(biases), activation=activation)

    def _ready(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self._device, self._dtype)
