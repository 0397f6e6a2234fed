"""A folder's tensors, read from its safetensors: every one there, and of the shape that its configuration says."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from driftwatch.features.packed.blueprint import UnpackableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import torch

_WORDS = "embeddings.word_embeddings.weight"
_BASES = ("", "bert.", "roberta.", "distilbert.", "mpnet.")
"""What stands before the names, as the encoder was saved alone or as part of a model with a head."""


class Tensors:
    """Reads tensors by name.

    Args:
        files: of weights, looked over.

    Raises:
        UnpackableError: they hold no embeddings of words by a known name.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        from safetensors import safe_open

        self._stack = ExitStack()
        self._files: dict[str, Any] = {}
        for file in files:
            opened: Any = self._stack.enter_context(safe_open(str(file), framework="pt"))
            self._files.update(dict.fromkeys(opened.keys(), opened))
        base = next((base for base in _BASES if base + _WORDS in self._files), None)
        if base is None:
            self._stack.close()
            raise UnpackableError(f"its weights have no {_WORDS}")
        self._base = base

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """Return a tensor.

        Raises:
            UnpackableError: it is missing or of another shape.
        """
        whole = self._whole(name)
        tensor: torch.Tensor = self._files[whole].get_tensor(whole)
        if tuple(tensor.shape) != shape or not tensor.is_floating_point():
            raise UnpackableError(f"its {whole} is of shape {tuple(tensor.shape)}")
        return tensor

    def words(self, *shape: int) -> torch.Tensor:
        """Return the embeddings of words.

        Raises:
            UnpackableError: they are of another shape.
        """
        return self.take(_WORDS, *shape)

    def first(self, name: str, width: int) -> torch.Tensor:
        """Return the first row of a table of any number of rows.

        Raises:
            UnpackableError: it is missing, empty or of another width.
        """
        whole = self._whole(name)
        table: torch.Tensor = self._files[whole].get_tensor(whole)
        if table.ndim != 2 or table.shape[1] != width or not len(table):  # noqa: PLR2004 - a table
            raise UnpackableError(f"its {whole} is of shape {tuple(table.shape)}")
        return table[0]

    def _whole(self, name: str) -> str:
        whole = self._base + name
        if whole not in self._files:
            raise UnpackableError(f"its weights have no {whole}")
        return whole
