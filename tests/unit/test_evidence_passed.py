"""How many of a stream's own texts came since a place in the store."""

from __future__ import annotations

from dataclasses import replace

import drift_samples as samples

from driftwatch.domain.drift import Window
from driftwatch.drift.evidence.passed import MOST, Passed

WINDOW = samples.window(samples.known()[:4])


def at(*seqs: int) -> Window:
    return replace(WINDOW, texts=WINDOW.texts[:1] * len(seqs), seqs=seqs)


def test_only_the_streams_own_texts_count() -> None:
    passed = Passed()
    passed.add(at(3, 10, 11))
    passed.add(at(50, 400))
    assert [passed.since(seq) for seq in (1, 10, 12, 50, 401)] == [5, 4, 2, 2, 0]


def test_it_goes_on_from_its_arrays() -> None:
    passed, restored = Passed(), Passed()
    assert passed.arrays() == {}
    passed.add(at(3, 10, 11))
    passed.add(at(50, 400))
    restored.add(at(1))
    restored.restore(passed.arrays())
    assert [places.tolist() for places in restored.windows] == [[3, 10, 11], [50, 400]]
    restored.restore({})
    assert restored.since(0) == 0


def test_windows_long_past_are_let_go_of() -> None:
    passed = Passed()
    for start in range(0, 3 * MOST, 1_000):
        passed.add(at(*range(start, start + 1_000)))
    assert MOST <= passed.since(0) < MOST + 1_000


def test_texts_from_elsewhere_are_numbered_by_their_window() -> None:
    passed = Passed()
    passed.add(at(3, 10, 11))
    passed.add(WINDOW)
    assert passed.since(3) == 2
