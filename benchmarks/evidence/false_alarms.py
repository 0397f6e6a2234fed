"""False alarms against the budget: independent texts, dependent ones, duplicates and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.running import alarms, fitted
from benchmarks.evidence.texts import WINDOW, Corpus, load, reference, windows
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.evidence.running import Dependence
    from benchmarks.evidence.texts import Rows

ARL = 1e4
TIGHT_ARL = 1e3
CORPORA = {"agnews": 3_000, "clinc150": 8_000, "tweets": 8_000}
"""Corpora with the size of the reference drawn from each; the rest is the stream, every text once."""
_SESSIONS = (1, 5, 20)
_DUPLICATES = (0.0, 0.05, 0.1, 0.2, 0.3)


def independent(
    data: Path,
    cache: Path,
    *,
    texts: int,
    draws: int,
    dependence: Dependence = "independent",
    arls: Sequence[float] = (ARL, TIGHT_ARL),
) -> Iterator[Row]:
    """Return alarms against T/A on shuffled corpora, bet text by text or in blocks, and how much of the budget is used.

    Each draw shuffles the corpus, takes the reference from its start and streams the rest, every text once: so text
    and reference are exchangeable, and nothing is seen twice.
    """
    for name, size in CORPORA.items():
        corpus = load(data / "corpora" / f"{name}.jsonl", cache)
        found, seen, drawn = dict.fromkeys(arls, 0), 0, 0
        while seen < texts or drawn < draws:
            order = np.random.default_rng([1, drawn]).permutation(len(corpus))
            stream = order[size:]
            monitor = fitted(reference(corpus, order[:size], seed=drawn), dependence)
            unused = monitor.state()
            for arl in arls:
                monitor.go_on(unused)
                found[arl] += len(alarms(monitor, windows(corpus, stream, arl=arl)))
            seen += len(stream) // WINDOW * WINDOW
            drawn += 1
        how = "" if dependence == "independent" else f"blocks of {dependence}, "
        for arl in arls:
            what = f"false alarms, i.i.d., {how}{name}, A = {arl:,.0f}, {seen:,} texts, {drawn} references"
            yield at_most(what, found[arl], seen / arl)
        tight = seen / TIGHT_ARL / max(found[TIGHT_ARL], 1)
        yield at_most(f"real ARL over configured, {how}{name}, A = {TIGHT_ARL:,.0f}", tight, 10)


def dependent(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return alarms against T/A on dependent streams; the block is chosen on each stream's own first texts."""
    corpus = load(data / "corpora" / "clinc150.jsonl", cache)
    known = np.flatnonzero(corpus.labels != "oos")
    for most in (5, 20):
        for named in (True, False):
            found, seen = 0, 0
            for draw in range(draws):
                random = np.random.default_rng([2, draw])
                order = random.permutation(known)
                rows, groups = sessions(
                    corpus, order[8_000:], sizes=dict.fromkeys(np.unique(corpus.labels), (1, most)), random=random
                )
                monitor = fitted(reference(corpus, order[:8_000], seed=draw), "auto")
                stream = windows(corpus, rows, arl=ARL, groups=groups if named else None)
                found += len(alarms(monitor, stream))
                seen += len(rows) // WINDOW * WINDOW
            label = "named" if named else "not named"
            yield at_most(f"false alarms, sessions of 1 to {most} of one intent, {label}, A = 10^4", found, seen / ARL)
    yield from _real_order(data, cache, draws)


def _real_order(data: Path, cache: Path, draws: int) -> Iterator[Row]:
    """Stream every second text of the documentation in its own order, against a reference of the others."""
    corpus = load(data / "corpora" / "pydocs-en.jsonl", cache)
    found, seen = 0, 0
    for draw in range(draws):
        # Pages of ten paragraphs are drawn whole: paragraphs of a page depend on each other.
        pages = np.random.default_rng([3, draw]).permutation(len(corpus) // 10)
        known, rest = np.sort(pages[: len(pages) // 2]), np.sort(pages[len(pages) // 2 :])
        rows = (rest[:, None] * 10 + np.arange(10)).ravel()
        shuffled = np.random.default_rng([4, draw]).permutation((known[:, None] * 10 + np.arange(10)).ravel())
        monitor = fitted(reference(corpus, shuffled, seed=draw), "auto")
        found += len(alarms(monitor, windows(corpus, rows, arl=ARL)))
        seen += len(rows) // WINDOW * WINDOW
    yield at_most("alarms, documentation in its real order, A = 10^4", found, seen / ARL)


def duplicates(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return alarms against T/A where a share of each window repeats other texts of it."""
    corpus = load(data / "corpora" / "tweets.jsonl", cache)
    for share in _DUPLICATES:
        found, seen = 0, 0
        for draw in range(draws):
            random = np.random.default_rng([5, draw])
            order = random.permutation(len(corpus))
            rows = repeated(order[8_000:20_000], share, random)
            monitor = fitted(reference(corpus, order[:8_000], seed=draw), "independent")
            found += len(alarms(monitor, windows(corpus, rows, arl=TIGHT_ARL)))
            seen += len(rows) // WINDOW * WINDOW
        yield at_most(f"false alarms, {share:.0%} duplicates, A = 10^3", found, seen / TIGHT_ARL)


def repeated(rows: Rows, share: float, random: np.random.Generator) -> Rows:
    """Return the rows with a share of every window replaced by copies of the window's first ten texts."""
    found = rows[: len(rows) // WINDOW * WINDOW].reshape(-1, WINDOW).copy()
    copies = random.random(found.shape) < share
    templates = np.take_along_axis(found, random.integers(10, size=found.shape), axis=1)
    found[copies] = templates[copies]
    return found.ravel()


def sessions(
    corpus: Corpus, rows: Rows, *, sizes: Mapping[str, tuple[int, int]], random: np.random.Generator
) -> tuple[Rows, list[str]]:
    """Return the rows as sessions of one label each, one after the other, with their names.

    Args:
        corpus: whose rows.
        rows: each comes once.
        sizes: least and most texts in a session of a label.
        random: source of chance.
    """
    left = {label: list(rows[corpus.labels[rows] == label]) for label in np.unique(corpus.labels[rows]).tolist()}
    found: list[int] = []
    names: list[str] = []
    number = 0
    while left:
        weights = np.array([len(each) / sum(sizes[label]) for label, each in left.items()])
        label = list(left)[int(random.choice(len(left), p=weights / weights.sum()))]
        least, most = sizes[label]
        size = min(int(random.integers(least, most + 1)), len(left[label]))
        found += [left[label].pop() for _ in range(size)]
        names += [f"session {number}"] * size
        number += 1
        if not left[label]:
            del left[label]
    return np.asarray(found, dtype=np.int64), names
