"""False alarms where a session's length depends on its topic, and only the stream or both sides name sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.false_alarms import sessions
from benchmarks.evidence.running import alarms, fitted
from benchmarks.evidence.texts import NOON, WINDOW, Corpus, load, windows
from benchmarks.table import Row, at_most
from driftwatch.domain.text import Text
from driftwatch.drift.features import take
from driftwatch.drift.reference import build_reference

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.evidence.texts import Rows
    from driftwatch.domain.drift import Reference

ARLS = (1e6, 1e4)
_LONG_DOMAINS = 3
_KNOWN = 11_000
_PASSES = 5
_KEPT = 0.8
"""Of the sessions drawn: towards the end only what is left over comes."""


def long_topics(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return alarms against T/A with sessions of 11 to 20 texts in three domains of ten and of 1 to 2 in the others.

    The training log is made of such sessions as well. The stream's texts come five times, in sessions drawn anew.
    """
    corpus = load(data / "corpora" / "clinc150.jsonl", cache)
    known = np.flatnonzero(corpus.labels != "oos")
    for grouped in (False, True):
        found, seen = dict.fromkeys(ARLS, 0), 0
        for draw in range(draws):
            random = np.random.default_rng([21, draw])
            order = random.permutation(known)
            log, names = _sessions(corpus, order[:_KNOWN], random, "log ")
            monitor = fitted(_built(corpus, log, names if grouped else None, seed=draw), "auto")
            parts = [_sessions(corpus, order[_KNOWN:], random, f"stream {part} ") for part in range(_PASSES)]
            rows = np.concatenate([part for part, _ in parts])
            groups = [name for _, part in parts for name in part]
            unused = monitor.state()
            for arl in ARLS:
                monitor.go_on(unused)
                found[arl] += len(alarms(monitor, windows(corpus, rows, arl=arl, groups=groups)))
            seen += len(rows) // WINDOW * WINDOW
        who = "stream and reference name" if grouped else "only the stream names"
        for arl in ARLS:
            what = f"false alarms, sessions as long as their topic, {who} them, A = {arl:,.0f}, {seen:,} texts"
            yield at_most(what, found[arl], seen / arl)


def _built(corpus: Corpus, rows: Rows, groups: Sequence[str] | None, *, seed: int) -> Reference:
    places = {corpus.bodies[row]: row for row in rows.tolist()}
    texts = [
        Text(id=str(place), body=corpus.bodies[row], seen_at=NOON, group=groups[place] if groups else None)
        for place, row in enumerate(rows.tolist())
    ]
    return build_reference(
        texts,
        stream="benchmark",
        seed=seed,
        sample=len(texts),
        extract=lambda chunk: take(corpus.features, np.array([places[text.body] for text in chunk])),
        created_at=NOON,
    ).reference


def _sizes(corpus: Corpus) -> dict[str, tuple[int, int]]:
    """Return how long sessions of each label are, by its domain."""
    domains = dict(zip(corpus.labels.tolist(), corpus.domains.tolist(), strict=True))
    long = sorted({domain for label, domain in domains.items() if label != "oos"})[:_LONG_DOMAINS]
    return {label: (11, 20) if domain in long else (1, 2) for label, domain in domains.items()}


def _sessions(corpus: Corpus, rows: Rows, random: np.random.Generator, prefix: str) -> tuple[Rows, list[str]]:
    """Return most of the rows in sessions whose names begin with the prefix."""
    found, names = sessions(corpus, rows, sizes=_sizes(corpus), random=random)
    cut = int(len(found) * _KEPT)
    return found[:cut], [prefix + name for name in names[:cut]]
