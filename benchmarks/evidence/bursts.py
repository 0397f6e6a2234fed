"""False alarms where texts come in bursts of one intent and nothing says so, with blocks fixed and chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.running import alarms, fitted
from benchmarks.evidence.texts import WINDOW, Corpus, load, reference, windows
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.evidence.running import Dependence
    from benchmarks.evidence.texts import Rows

ARL = 1e3
_BURSTS = (48, 64)
_KNOWN = 6_000
_DEPENDENCE: tuple[Dependence, ...] = (8, 16, 32, 64, 256, "auto")


def bursts(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return alarms against T/A for each length of blocks; those of the shorter ones show what dependence costs."""
    corpus = load(data / "corpora" / "clinc150.jsonl", cache)
    known = np.flatnonzero(corpus.labels != "oos")
    for burst in _BURSTS:
        for dependence in _DEPENDENCE:
            found, seen, chosen = 0, 0, []
            for draw in range(draws):
                random = np.random.default_rng([21, draw])
                order = random.permutation(known)
                rows = _in_bursts(corpus, order[_KNOWN:], burst, random)
                monitor = fitted(reference(corpus, order[:_KNOWN], seed=draw), dependence)
                found += len(alarms(monitor, windows(corpus, rows, arl=ARL)))
                seen += len(rows) // WINDOW * WINDOW
                chosen.append(monitor.dependence.length if monitor.dependence is not None else dependence)
            lengths = ", ".join(str(each) for each in chosen) if dependence == "auto" else dependence
            yield at_most(f"false alarms, bursts of {burst}, blocks of {lengths}, A = 10^3", found, seen / ARL)


def _in_bursts(corpus: Corpus, rows: Rows, burst: int, random: np.random.Generator) -> Rows:
    """Return the rows in bursts of one label, by chance one after the other."""
    parts = []
    for label in np.unique(corpus.labels[rows]):
        of_it = rows[corpus.labels[rows] == label]
        parts += [of_it[start : start + burst] for start in range(0, len(of_it) - burst // 2, burst)]
    return np.concatenate([parts[place] for place in random.permutation(len(parts))])
