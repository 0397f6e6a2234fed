"""Matrix products with weights laid out beforehand as the processor's kernels want them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from driftwatch.features.packed.blueprint import ACTIVATIONS

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

_TYPICAL_ROWS = 4_096
"""The layout is chosen for products of about so many rows; any number is right."""
_WIDE = 768
"""From such a width on a layout gains nothing in float32, and would be a copy of the weights."""


class Linear:
    """x W' + b, and then an activation or the sum with a residual, in one pass where the library has that.

    Args:
        weight: [out, in].
        bias: [out].
        activation: transformers' name; None for none.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor, *, activation: str | None = None) -> None:
        self._bias = bias.contiguous()
        self._activation = activation
        self._fused = _fused(weight)
        self._weight = self._fused.lay_out(weight) if self._fused is not None else weight.contiguous()

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        """Return [rows, out] of x [rows, in]."""
        if self._fused is not None:
            name, variant = ACTIVATIONS[self._activation] if self._activation is not None else ("none", "")
            return self._fused.product(x, self._weight, self._bias, name, variant)
        from torch.nn.functional import linear

        y = linear(x, self._weight, self._bias)
        return y if self._activation is None else _plain(self._activation)(y)

    def onto(self, residual: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Return the residual [rows, out] plus the product; without the activation."""
        if self._fused is not None:
            return self._fused.sum(residual, x, self._weight, self._bias)
        from torch.nn.functional import linear

        return residual + linear(x, self._weight, self._bias)


class _OneDnn:
    """oneDNN's products as torch's compiler calls them: not public, so each is tried before it is relied on."""

    def __init__(self) -> None:
        import torch

        operations: Any = torch.ops.mkldnn
        self._reorder = operations._reorder_linear_weight  # noqa: SLF001 - torch has no public prepacking
        self._pointwise = operations._linear_pointwise  # noqa: SLF001

    def lay_out(self, weight: torch.Tensor) -> torch.Tensor:
        laid: torch.Tensor = self._reorder(weight.contiguous(), _TYPICAL_ROWS)
        return laid

    def product(
        self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, name: str, variant: str
    ) -> torch.Tensor:
        y: torch.Tensor = self._pointwise(x, weight, bias, name, [], variant)
        return y

    def sum(self, residual: torch.Tensor, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self._pointwise.binary(x, residual, weight, bias, "add")
        return y


def _fused(weight: torch.Tensor) -> _OneDnn | None:
    """Return oneDNN's products where this torch has them and they work for such weights."""
    import torch

    if weight.device.type != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return None
    if weight.dtype is torch.float32 and min(weight.shape) >= _WIDE:
        return None
    try:
        found = _OneDnn()
        laid, bias = found.lay_out(weight), weight.new_zeros(len(weight))
        found.sum(bias[None], weight.new_zeros(1, weight.shape[1]), laid, bias)
    except (AttributeError, RuntimeError):
        return None
    return found


def _plain(activation: str) -> Callable[[torch.Tensor], torch.Tensor]:
    from functools import partial

    from torch.nn import functional

    name, variant = ACTIVATIONS[activation]
    if name == "gelu":
        return partial(functional.gelu, approximate=variant)
    return functional.relu if name == "relu" else functional.silu
