"""Words that rose and fell: what drifted, in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from driftwatch.domain.drift import WordShift
from driftwatch.drift.evalues import Tally, discoveries

if TYPE_CHECKING:
    from collections.abc import Sequence

FALSE_DISCOVERY = 0.02
"""Words, clusters and slices share 5%: without drift, at most 5% of all windows name anything at all."""
MOST = 20
_LEAST_TEXTS = 3
_KEYWORDS = 6
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


class Words:
    """In how many of the reference's texts each word stands.

    Args:
        bodies: of CAL's texts.
    """

    def __init__(self, bodies: Sequence[str]) -> None:
        self._bodies = frozenset(bodies)
        self._texts = len(bodies)
        self._places: dict[str, int] = {}
        held = [self._numbers(body) for body in bodies]
        self._ids, self._rows = _flat(held)
        self._known = len(self._places)
        self._holding = np.bincount(self._ids, minlength=self._known)

    def shifts(self, bodies: Sequence[str], new: Mask | None = None) -> tuple[WordShift, ...]:
        """Return the words whose share of texts moved, risen first, strongest first.

        Every word is one set of texts with an e-value (see :class:`~driftwatch.drift.evalues.Tally`), named by
        e-BH: words depend on each other. Words that are too rare to be named whatever the counts are not tested.
        The strongest changed by the largest factor in many texts.

        Args:
            bodies: of the window's distinct texts, one of each group.
            new: bool [n], which of these the reference doesn't know word for word; None where CAL is all it knows.
        """
        n, m = len(bodies), self._texts
        if not n or not m:
            return ()
        names, ids, rows, there = self._matrix(bodies)
        if new is None:
            new = np.array([body not in self._bodies for body in bodies], dtype=bool)
        here = np.bincount(ids, minlength=len(names))
        here_new = np.bincount(ids[new[rows]], minlength=len(names))
        tested = np.flatnonzero(here + there >= _LEAST_TEXTS)
        tested = tested[_tally(tested, here, here_new, new, there, m).highest() >= -np.log(FALSE_DISCOVERY)]
        evidence = _tally(tested, here, here_new, new, there, m).log_e()
        kept = tested[discoveries(evidence, tests=len(tested), level=FALSE_DISCOVERY)]
        shifts = [
            (
                float(moved),
                WordShift(
                    word=names[row],
                    share=float(here[row] / n),
                    reference_share=float(there[row] / m),
                    z=_score(int(here[row]), n, int(there[row]), m),
                ),
            )
            for row, moved in zip(kept, _moved(here[kept], n, there[kept], m), strict=True)
        ]
        ordered = [shift for _, shift in sorted(shifts, key=lambda each: (-each[0], each[1].word))]
        risen = [shift for shift in ordered if shift.z > 0][:MOST]
        return (*risen, *[shift for shift in ordered if shift.z < 0][:MOST])

    def keywords(self, bodies: Sequence[str], *, most: int = _KEYWORDS) -> tuple[str, ...]:
        """Return the words that set these texts apart from the reference, strongest first."""
        names, ids, _, there = self._matrix(bodies)
        here = np.bincount(ids, minlength=len(names))
        return _strongest(names, here, len(bodies), there, self._texts, most)

    def keywords_of(self, inside: npt.NDArray[np.bool_], *, most: int = _KEYWORDS) -> tuple[str, ...]:
        """Return the words that set some of the reference's texts apart from its others, strongest first.

        Args:
            inside: bool [texts], which.
            most: words.
        """
        here = np.bincount(self._ids[inside[self._rows]], minlength=self._known)
        n = int(inside.sum())
        names = list(self._places)[: self._known]
        return _strongest(names, here, n, self._holding - here, self._texts - n, most)

    def _matrix(self, bodies: Sequence[str]) -> tuple[list[str], Counts, Counts, Counts]:
        """Return words; which stands in which body, as pairs; and in how many of the reference's texts each stands."""
        names = list(self._places)
        new: dict[str, int] = {}
        held = []
        for body in bodies:
            words = words_of(body)
            held.append([self._places.get(word, -1) for word in words if word in self._places])
            held[-1] += [len(names) + new.setdefault(word, len(new)) for word in words if word not in self._places]
        ids, rows = _flat(held)
        total = len(names) + len(new)
        there = np.zeros(total, dtype=np.int64)
        there[: self._known] = self._holding
        return [*names, *new], ids, rows, there

    def _numbers(self, body: str) -> list[int]:
        return [self._places.setdefault(word, len(self._places)) for word in words_of(body)]


def words_of(body: str) -> list[str]:
    """Return the distinct words of a body, lower-cased, in the order of their first use.

    Examples:
        >>> words_of("It's the end: THE end")
        ["it's", 'the', 'end']
    """
    return list(dict.fromkeys(_WORD.findall(body.lower())))


def _tally(words: Counts, here: Counts, here_new: Counts, new: npt.NDArray[np.bool_], there: Counts, m: int) -> Tally:
    return Tally(
        hits=here[words],
        new_hits=here_new[words],
        n=len(new),
        new=int(new.sum()),
        reference_hits=there[words],
        m=m,
    )


def _flat(held: Sequence[Sequence[int]]) -> tuple[Counts, Counts]:
    """Return all numbers in one row, and the list each came from."""
    sizes = np.array([len(each) for each in held], dtype=np.int64)
    ids = np.fromiter((number for each in held for number in each), dtype=np.int64, count=int(sizes.sum()))
    return ids, np.repeat(np.arange(len(held)), sizes)


def _strongest(names: Sequence[str], here: Counts, n: int, there: Counts, m: int, most: int) -> tuple[str, ...]:
    if not n or not m:
        return ()
    risen = np.flatnonzero((here > min(n, 2) - 1) & (here * m > there * n))
    moved = _moved(here[risen], n, there[risen], m)
    order = [row for row in np.argsort(-moved, kind="stable")[:most] if moved[row] > 0]
    return tuple(names[risen[row]] for row in order)


def _moved(here: Counts, n: int, there: Counts, m: int) -> Floats:
    """Return how strongly each word moved: the log ratio, one standard error less, times the root of the larger share.

    The share alone would favour function words, the ratio alone rare ones.
    """
    p, q = (here + 0.5) / (n + 1), (there + 0.5) / (m + 1)
    error = np.sqrt(1 / (here + 0.5) + 1 / (there + 0.5))
    found: Floats = np.sqrt(np.maximum(p, q)) * np.maximum(np.abs(np.log(p / q)) - error, 0.0)
    return found


def _score(here: int, n: int, there: int, m: int) -> float:
    """Return the standard score of the difference of two shares, with a correction for continuity."""
    pooled = (here + there) / (n + m)
    gap = here / n - there / m
    error = max(pooled * (1 - pooled) * (1 / n + 1 / m), 1e-12) ** 0.5
    return float(np.sign(gap) * max(abs(gap) - 0.5 * (1 / n + 1 / m), 1e-9) / error)
