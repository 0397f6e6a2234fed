"""False alarms where bodies recur word for word, in the log that the reference is made of as in the stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.running import alarms, fitted
from benchmarks.evidence.texts import WINDOW, Corpus, load, reference, windows
from benchmarks.table import Row, at_most

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.evidence.texts import Rows

ARL = 1e4
COMMON = 400
_SHARES = (0.0, 0.2, 0.4, 0.6)
_LOG = {"clinc150": 9_000, "tweets": 12_000}
_KINDS = 4


def recurring(data: Path, cache: Path, *, draws: int) -> Iterator[Row]:
    """Return alarms against T/A where 400 common bodies of few kinds make up a share of the traffic, A = 10^4.

    Log and stream are drawn alike: a common body with the share's probability, each as often as the others, else a text
    that comes once. The reference holds every body of the log once. A stream has as many texts as the corpus has left.
    """
    for name, log in _LOG.items():
        corpus = load(data / "corpora" / f"{name}.jsonl", cache)
        common = common_bodies(corpus)
        rest = np.setdiff1d(np.arange(len(corpus)), common)
        for share in _SHARES:
            for dependence in ("independent", "auto"):
                found, seen = 0, 0
                for draw in range(draws):
                    random = np.random.default_rng([12, draw])
                    order = random.permutation(rest)
                    said = mixed(order[:log], common, share, random)
                    stream = mixed(order[log:], common, share, random)
                    monitor = fitted(reference(corpus, said, seed=draw), dependence)
                    found += len(alarms(monitor, windows(corpus, stream, arl=ARL)))
                    seen += len(stream) // WINDOW * WINDOW
                what = f"false alarms, {name}, {COMMON} bodies make {share:.0%}, {dependence}, A = 10^4, {seen:,} texts"
                yield at_most(what, found, seen / ARL)


def mixed(rows: Rows, common: Rows, share: float, random: np.random.Generator) -> Rows:
    """Return the rows in their order with so many common ones between them that these make up the share."""
    total = int(len(rows) / (1 - share))
    is_common = random.permutation(np.arange(total) < total - len(rows))
    found = np.empty(total, dtype=np.int64)
    found[is_common] = random.choice(common, size=int(is_common.sum()))
    found[~is_common] = rows
    return found


def common_bodies(corpus: Corpus) -> Rows:
    """Return rows of 400 short texts: of four labels where there are any, so that they lie close together."""
    lengths = np.array([len(body) for body in corpus.bodies])
    _, firsts = np.unique(np.array(corpus.bodies), return_index=True)
    labels = np.unique(corpus.labels[corpus.labels != "oos"])
    if len(labels) > _KINDS:
        firsts = firsts[np.isin(corpus.labels[firsts], labels[:_KINDS])]
    found: Rows = firsts[np.argsort(lengths[firsts], kind="stable")][:COMMON]
    return found
