"""The stream's recent texts in chunks: what witnesses learn from, and where the onset is looked for."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Half = npt.NDArray[np.float16]
MOST_CHUNKS = 14
LEAST_CHUNK = 192
"""A chunk is closed as soon as it holds this many texts."""
REMEMBERED = 4_096
"""Most bodies of which copies are recognised: the last so many different ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Texts of the stream, next to each other.

    Args:
        values: float16 [n, d] embeddings.
        ids: int32 [nonzeros], the texts' tokens, each once a text.
        indptr: int64 [n + 1], row i has ``ids[indptr[i]:indptr[i + 1]]``.
        scalars: float32 [n, 2], length in tokens and loss per token.
        seqs: int64 [n], places in the store.
        times: int64 [n], microseconds since 1970.
    """

    values: Half
    ids: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int64]
    scalars: npt.NDArray[np.float32]
    seqs: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.values)

    def packed(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return everything in as few bytes as hold it exactly."""
        narrow = np.uint16 if self.ids.max(initial=0) < 1 << 16 else np.int32
        return {
            "values": self.values,
            "ids": self.ids.astype(narrow),
            "sizes": np.diff(self.indptr).astype(np.int32),
            "scalars": self.scalars,
            "seqs": self.seqs,
            "times": self.times,
        }

    @classmethod
    def unpacked(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> Chunk:
        """Return the chunk that ``packed`` gave the arrays of."""
        return cls(
            values=arrays["values"].astype(np.float16, copy=False),
            ids=arrays["ids"].astype(np.int32),
            indptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(arrays["sizes"].astype(np.int64))]),
            scalars=arrays["scalars"].astype(np.float32, copy=False),
            seqs=arrays["seqs"].astype(np.int64, copy=False),
            times=arrays["times"].astype(np.int64, copy=False),
        )


def joined(parts: list[Chunk]) -> Chunk:
    """Return the parts' texts as one chunk."""
    sizes = np.concatenate([np.diff(part.indptr) for part in parts])
    return Chunk(
        values=np.concatenate([part.values for part in parts]),
        ids=np.concatenate([part.ids for part in parts]),
        indptr=np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]),
        scalars=np.concatenate([part.scalars for part in parts]),
        seqs=np.concatenate([part.seqs for part in parts]),
        times=np.concatenate([part.times for part in parts]),
    )


@dataclass(slots=True, eq=False)
class Recent:
    """The last closed chunks and the open one.

    Args:
        chunks: closed, oldest first.
        closed: number of chunks ever closed.
        open: pieces of the chunk that is being filled.
    """

    chunks: deque[Chunk] = field(default_factory=lambda: deque(maxlen=MOST_CHUNKS))
    closed: int = 0
    open: list[Chunk] = field(default_factory=list)

    def add(self, piece: Chunk) -> Chunk | None:
        """Take texts in; returns the chunk that this closed, if it did."""
        self.open.append(piece)
        if sum(len(each) for each in self.open) < LEAST_CHUNK:
            return None
        chunk = joined(self.open)
        self.chunks.append(chunk)
        self.closed += 1
        self.open = []
        return chunk

    def __iter__(self) -> Iterator[Chunk]:
        yield from self.chunks
        yield from self.open

    def __len__(self) -> int:
        return sum(len(chunk) for chunk in self)
