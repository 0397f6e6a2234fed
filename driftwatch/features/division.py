"""Texts cut into chunks, many at once."""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class Division:
    """Cuts texts into chunks as a pattern says: at their blanks alone, five times as fast, where that is the same.

    Args:
        pattern: matches one chunk after the other; what it leaves out has no tokens.
        leading: whether a chunk holds the white space before it, so that a run of several blanks is to be kept whole;
            else blanks are dropped.
    """

    def __init__(self, pattern: str, *, leading: bool) -> None:
        self._find = re.compile(pattern).findall
        self._leading = leading

    def chunks(self, bodies: Sequence[str]) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Return int64 [chunks], the body that each chunk is of, and the chunks."""
        lines = "\n".join(bodies)
        if bodies and lines.count("\n") == len(bodies) - 1 and not (self._leading and self._has_runs(lines)):
            return _rows(range(len(bodies)), [1 + body.count(" ") for body in bodies]), self._at_blanks(lines)
        quick = [self._is_quick(body) for body in bodies]
        plain, others = np.flatnonzero(quick).tolist(), np.flatnonzero(np.logical_not(quick)).tolist()
        lines = "\n".join([bodies[row] for row in plain])
        found = [self._find(bodies[row]) for row in others]
        rows = [_rows(plain, [1 + bodies[row].count(" ") for row in plain]), _rows(others, list(map(len, found)))]
        return np.concatenate(rows), [*(self._at_blanks(lines) if plain else ()), *chain.from_iterable(found)]

    def _at_blanks(self, lines: str) -> list[str]:
        return lines.replace(" ", "\n " if self._leading else "\n").split("\n")

    def _is_quick(self, body: str) -> bool:
        return "\n" not in body and not (self._leading and self._has_runs(body))

    def _has_runs(self, lines: str) -> bool:
        runs = "  " in lines or "\t" in lines or "\r" in lines
        return runs or " \n" in lines or lines.endswith(" ")


def _rows(rows: Sequence[int], sizes: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.repeat(np.asarray(rows, dtype=np.int64), np.asarray(sizes, dtype=np.int64))
