"""Sentences that begin alike, as one tree of tokens: what they share goes through a network once.

The nodes of a tree are laid out as one sequence; a node attends to its ancestors only and stands at its depth, so every
sentence is seen as if it were alone, and nothing is padded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Some rows of token ids with their shared beginnings.

    Args:
        ids: int64 [n], every node's token; a node stands behind its parent.
        parents: int64 [n], the place of each node's parent, -1 at a root.
        depths: int64 [n], 0 at a root.
        ends: int64 [rows], the node that each row ends with.
        rows: int64 [rows], which of the rows given these are.
        counted: int64 [counted], the nodes that count in some row.
        asked: int64 [asked], which of the counted nodes count, row after row.
        owners: int64 [asked], in which row each does.
    """

    ids: npt.NDArray[np.int64]
    parents: npt.NDArray[np.int64]
    depths: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    counted: npt.NDArray[np.int64]
    asked: npt.NDArray[np.int64]
    owners: npt.NDArray[np.int64]

    def sight(self) -> npt.NDArray[np.bool_]:
        """Return which nodes each node sees: itself and its ancestors, bool [n, n]."""
        seen = np.zeros((len(self.ids), len(self.ids)), np.bool_)
        for node, parent in enumerate(self.parents):
            if parent >= 0:
                seen[node] = seen[parent]
            seen[node, node] = True
        return seen

    def sums(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return each row's sum over those of its nodes that count.

        Args:
            values: float64 [counted].
        """
        sums = np.bincount(self.owners, weights=values[self.asked], minlength=len(self.rows))
        return sums.astype(np.float64)


def trees(
    rows: Sequence[Sequence[int]],
    *,
    budget: int,
    shared_budget: int = 0,
    counted: Sequence[Sequence[int]] | None = None,
) -> Iterator[Tree]:
    """Yield trees that hold every row once, neighbours in the order of their tokens together.

    Args:
        rows: token ids, at least one each.
        budget: most nodes of a tree; a row that is longer gets a tree of its own.
        shared_budget: most nodes where a row shares more with the one before it than it adds.
        counted: the places of each row's tokens that count, from 1 on; None for all of these.

    Examples:
        >>> (tree,) = trees([[5, 6, 7], [5, 6, 8], [5, 6]], budget=10)
        >>> tree.ids.tolist(), tree.parents.tolist(), tree.depths.tolist()
        ([5, 6, 7, 8], [-1, 0, 1, 1], [0, 1, 2, 2])
        >>> tree.rows.tolist(), tree.ends.tolist(), tree.counted.tolist()
        ([2, 0, 1], [1, 2, 3], [1, 2, 3])
    """
    growing = _Growing()
    for place in sorted(range(len(rows)), key=lambda index: (tuple(rows[index]), index)):
        shared = growing.shared(rows[place])
        added = len(rows[place]) - shared
        if growing.ends and len(growing.ids) + added > (max(budget, shared_budget) if shared > added else budget):
            yield growing.grown()
            growing = _Growing()
        growing.add(place, rows[place], range(1, len(rows[place])) if counted is None else counted[place])
    if growing.ends:
        yield growing.grown()


class _Growing:
    """A tree to which rows are added in the order of their tokens."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.ends: list[int] = []
        self._parents: list[int] = []
        self._depths: list[int] = []
        self._rows: list[int] = []
        self._path: list[int] = []
        self._asked: list[int] = []
        self._owners: list[int] = []

    def shared(self, row: Sequence[int]) -> int:
        """Return how many tokens the row begins with that the last one began with too."""
        count = 0
        for node, token in zip(self._path, row, strict=False):
            if self.ids[node] != token:
                break
            count += 1
        return count

    def add(self, place: int, row: Sequence[int], counted: Sequence[int]) -> None:
        """Add a row's own nodes behind those that it shares; those at the places that count do."""
        path = self._path[: self.shared(row)]
        for token in row[len(path) :]:
            self._parents.append(path[-1] if path else -1)
            self._depths.append(len(path))
            path.append(len(self.ids))
            self.ids.append(token)
        self._path = path
        self.ends.append(path[-1])
        self._asked += [path[at] for at in counted]
        self._owners += [len(self._rows)] * len(counted)
        self._rows.append(place)

    def grown(self) -> Tree:
        """Return the tree as it is now."""
        counted, asked = np.unique(np.asarray(self._asked, dtype=np.int64), return_inverse=True)
        columns = (self.ids, self._parents, self._depths, self.ends, self._rows, counted, asked, self._owners)
        return Tree(*(np.asarray(column, dtype=np.int64) for column in columns))
