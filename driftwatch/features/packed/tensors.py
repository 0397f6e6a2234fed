"""A network's tensors, from its safetensors or in memory: every one there, and of the shape that it should be."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from driftwatch.features.packed.blueprint import UnpackableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import torch

_WORDS = "embeddings.word_embeddings.weight"
_BASES = ("", "bert.", "roberta.", "distilbert.", "mpnet.")
"""What stands before the names, as the encoder was saved alone or as part of a model with a head."""


class Tensors:
    """Finds tensors by name.

    Args:
        sources: what gives each tensor, by its whole name.

    Raises:
        UnpackableError: they hold no embeddings of words by a known name.
    """

    def __init__(self, sources: Mapping[str, Callable[[], torch.Tensor]]) -> None:
        base = next((base for base in _BASES if base + _WORDS in sources), None)
        if base is None:
            raise UnpackableError(f"its weights have no {_WORDS}")
        self._base, self._sources = base, sources

    @classmethod
    @contextmanager
    def of_files(cls, files: Sequence[Path]) -> Iterator[Self]:
        """Open files of weights that were looked over.

        Raises:
            UnpackableError: as the class does.
        """
        from safetensors import safe_open

        with ExitStack() as stack:
            sources: dict[str, Callable[[], torch.Tensor]] = {}
            for file in files:
                opened: Any = stack.enter_context(safe_open(str(file), framework="pt"))
                sources |= {name: partial(opened.get_tensor, name) for name in opened.keys()}  # noqa: SIM118 - no mapping
            yield cls(sources)

    @classmethod
    def of_network(cls, network: torch.nn.Module) -> Self:
        """Take those of a network that is in memory.

        Raises:
            UnpackableError: as the class does.
        """
        return cls({name: partial(_itself, tensor) for name, tensor in network.state_dict().items()})

    def take(self, name: str, *shape: int) -> torch.Tensor:
        """Return a tensor.

        Raises:
            UnpackableError: it is missing or of another shape.
        """
        whole = self._whole(name)
        tensor: torch.Tensor = self._sources[whole]()
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
        table: torch.Tensor = self._sources[whole]()
        if table.ndim != 2 or table.shape[1] != width or not len(table):  # noqa: PLR2004 - a table
            raise UnpackableError(f"its {whole} is of shape {tuple(table.shape)}")
        return table[0]

    def _whole(self, name: str) -> str:
        whole = self._base + name
        if whole not in self._sources:
            raise UnpackableError(f"its weights have no {whole}")
        return whole


def _itself(tensor: torch.Tensor) -> torch.Tensor:
    return tensor
