"""What chunks of the recent stream teach the witnesses that are born of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from driftwatch.drift.evidence.recent import Chunk
    from driftwatch.drift.evidence.witness import Base, Material

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
_PRIOR_TEXTS = 20.0
_LOWEST = -1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lesson:
    """What witnesses learn from a chunk.

    Args:
        texts: in the chunk.
        total: float32 [d], sum of their embeddings.
        places: float32 [texts, p], where they lie.
        regions: float32 [r], sum of how near they lie to the landmarks.
        counts: int64 [vocabulary], how many of them hold each token.
    """

    texts: int
    total: Vector
    places: Matrix
    regions: Vector
    counts: npt.NDArray[np.int64]


def lesson(chunk: Chunk, base: Base, measured: Material | None = None) -> Lesson:
    """Return what a chunk teaches.

    Args:
        chunk: of texts.
        base: what is known of TRAIN.
        measured: the material of the same texts, where they were bet on in one go.
    """
    if measured is None:
        values = chunk.values.astype(np.float32)
        places, regions = base.space(values), base.regions(values)
    else:
        values, places, regions = measured.values, measured.places, measured.regions
    return Lesson(
        texts=len(chunk),
        total=values.sum(0),
        places=places,
        regions=regions.sum(0),
        counts=np.bincount(chunk.ids, minlength=len(base.shares)),
    )


class Course:
    """What a few chunks teach together, each part worked out once for all recipes that learn from the same ones.

    Args:
        base: what is known of TRAIN.
        lessons: by the chunk's number.
        numbers: of the chunks.
    """

    def __init__(self, base: Base, lessons: Mapping[int, Lesson], numbers: Sequence[int]) -> None:
        self.chunks = tuple(numbers)
        self._base = base
        self._lessons = [lessons[number] for number in numbers]
        self._size = sum(each.texts for each in self._lessons)

    @cached_property
    def direction(self) -> Vector:
        """Linear discriminant between the chunks' mean and TRAIN's, float32 [d]."""
        total = np.sum([each.total for each in self._lessons], axis=0)
        return self._base.plain.direction(total / np.float32(self._size))

    @cached_property
    def regions(self) -> Vector:
        """The same of the kernels around landmarks, float32 [r]."""
        total = np.sum([each.regions for each in self._lessons], axis=0)
        return self._base.usual.direction(total / np.float32(self._size))

    @cached_property
    def weights(self) -> Vector:
        """Log ratio of each token's share among the chunks' texts to TRAIN's, float32 [vocabulary]."""
        counts = sum(each.counts for each in self._lessons)
        odds = (counts / self._base.shares + _PRIOR_TEXTS) / (self._size + _PRIOR_TEXTS)
        found: Vector = np.maximum(np.log(odds.astype(np.float32)), np.float32(_LOWEST))
        return found
