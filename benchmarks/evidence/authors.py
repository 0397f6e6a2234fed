"""False alarms on a stream of authors, each with topics of their own, who write several texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.running import alarms, fitted
from benchmarks.evidence.texts import WINDOW, Corpus, load, reference, windows
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.evidence.texts import Rows

ARL = 1e4
_REFERENCE = 6_000
_BURN_IN = 2_000
_TOPICS = 3
_MOST_TEXTS = 30
_AT_ONCE = 8


def authors(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return alarms against T/A where authors of one to thirty texts on three intents each write, A = 10^4.

    Texts of one author come in a row, or between those of seven others. The first 2,000 texts are of other authors and
    choose the block; alarms are counted on the texts after them.
    """
    corpus = load(data / "corpora" / "clinc150.jsonl", cache)
    known = np.flatnonzero(corpus.labels != "oos")
    for at_once in (1, _AT_ONCE):
        for named in (True, False):
            found, seen, lengths = 0, 0, []
            for draw in range(draws):
                random = np.random.default_rng([13, draw])
                order = random.permutation(known)
                made = reference(corpus, order[:_REFERENCE], seed=draw)
                rows, names = written(corpus, order[_REFERENCE:], at_once=at_once, random=random)
                monitor = fitted(made, "auto")
                stream = list(windows(corpus, rows, arl=ARL, groups=names if named else None))
                alarms(monitor, stream[: _BURN_IN // WINDOW])
                found += len(alarms(monitor, stream[_BURN_IN // WINDOW :]))
                seen += len(rows) // WINDOW * WINDOW - _BURN_IN
                lengths.append(monitor.dependence.length if monitor.dependence is not None else 0)
            order_said = "in a row" if at_once == 1 else f"among {at_once - 1} others"
            label = "named" if named else f"not named, blocks of {min(lengths)} to {max(lengths)}"
            yield at_most(f"false alarms, authors {order_said}, {label}, A = 10^4, {seen:,} texts", found, seen / ARL)


def written(corpus: Corpus, rows: Rows, *, at_once: int, random: np.random.Generator) -> tuple[Rows, Sequence[str]]:
    """Return all rows as texts of authors, ``at_once`` of whom write by turns chosen by chance, and the authors.

    An author writes on three labels, drawn as often as there are texts of them left, and is followed by another when
    done.
    """
    left = {label: list(rows[corpus.labels[rows] == label]) for label in np.unique(corpus.labels[rows])}
    writing: list[tuple[str, list[int]]] = []
    found: list[int] = []
    names: list[str] = []
    number = 0
    while left or writing:
        while left and len(writing) < at_once:
            writing.append((f"author {number}", _texts(left, random)))
            number += 1
        which = int(random.integers(len(writing)))
        name, texts = writing[which]
        found.append(texts.pop())
        names.append(name)
        if not texts:
            del writing[which]
    return np.asarray(found, dtype=np.int64), names


def _texts(left: dict[str, list[int]], random: np.random.Generator) -> list[int]:
    """Take an author's texts out of those left."""
    labels = list(left)
    weights = np.array([len(each) for each in left.values()], dtype=float)
    count = min(_TOPICS, len(labels))
    topics = random.choice(len(labels), size=count, replace=False, p=weights / weights.sum())
    shares = random.dirichlet(np.ones(count))
    found = []
    for topic in random.choice(topics, size=int(random.integers(1, _MOST_TEXTS + 1)), p=shares):
        if texts := left.get(labels[topic]):
            found.append(texts.pop())
            if not texts:
                del left[labels[topic]]
    return found
