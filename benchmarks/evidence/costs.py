"""What the evidence costs: CPU time a text without encoding, the size of its state, the size of the reference."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.evidence.running import SEED, fitted
from benchmarks.evidence.texts import load, reference, windows
from benchmarks.table import Row, at_most
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.settings import EvidenceSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from driftwatch.domain.drift import Window
    from driftwatch.drift.evidence.monitor import EvidenceMonitor

_SIZE = 20_000
_WARM = 8
_MEGABYTE = 2**20


def costs(data: Path, cache: Path) -> Iterator[Row]:
    """Return microseconds a text in blocks of eight and text by text, with and without witnesses, and sizes."""
    corpus = load(data / "corpora" / "tweets.jsonl", cache)
    order = np.random.default_rng(9).permutation(len(corpus))
    made = reference(corpus, order[:_SIZE], seed=1)

    def stream() -> Sequence[Window]:
        """Return windows that nobody has looked at yet: what is known of one is kept as long as it lives."""
        return list(windows(corpus, order[_SIZE:], arl=1e6))

    speed = _product_seconds()
    yield Row(measure="CPU-s of a 2,000 x 256 x 2,000 product in float32 just now, for scale", driftwatch=speed)
    for dependence in (8, "independent"):
        fixed = EvidenceDetector(EvidenceSettings(dependence=dependence, witnesses=False)).fit(made, seed=SEED)
        label = "in blocks of 8" if dependence == 8 else "text by text"
        yield at_most(f"fixed sets and tokens {label}, µs a text", _cost(fixed, stream()), 10)
        whole = fitted(made, dependence)
        yield at_most(f"all {label}, µs a text", _cost(whole, stream()), 50)
    yield at_most("state after 10,000 texts, MB", len(whole.state()) / _MEGABYTE, 4)
    values = made.train.features.embeddings.values.size + made.cal.features.embeddings.values.size
    yield at_most("embeddings of a reference of 20,000 in float16, MB", values * 2 / _MEGABYTE, 16)


def _cost(monitor: EvidenceMonitor, given: Sequence[Window]) -> float:
    for window in given[:_WARM]:
        monitor.update(window)
    began = time.process_time()
    for window in given[_WARM:]:
        monitor.update(window)
    spent = time.process_time() - began
    return spent / sum(len(window.texts) for window in given[_WARM:]) * 1e6


def _product_seconds() -> float:
    values = np.random.default_rng(1).random((2_000, 256), dtype=np.float32)
    values @ values.T
    began = time.process_time()
    for _ in range(10):
        values @ values.T
    return (time.process_time() - began) / 10
