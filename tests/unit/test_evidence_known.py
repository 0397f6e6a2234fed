"""Texts that come again and again, word for word: never evidence, and never a hindrance to seeing new ones."""

from __future__ import annotations

import drift_samples as samples
import numpy as np
import pytest
from drawn_samples import BUDGET
from talk import SIZE, Talk

from driftwatch.domain.drift import Reference
from driftwatch.drift.evidence.blocks import in_blocks
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.fixed import Fixed
from driftwatch.drift.evidence.known import Known, short
from driftwatch.drift.evidence.monitor import EvidenceMonitor
from driftwatch.drift.evidence.seen import keys
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.drift.features import take
from driftwatch.drift.reference import build_reference

STREAMS, WINDOWS = 8, 5


def monitor(reference: Reference, dependence: str | int = "independent", state: bytes | None = None) -> EvidenceMonitor:
    settings = EvidenceSettings(dependence=dependence, seasons="none")
    return EvidenceDetector(settings).fit(reference, seed=7, state=state)


@pytest.mark.parametrize("dependence", ["independent", 8])
def test_many_short_texts_that_come_again_and_again_keep_the_budget(dependence: str | int) -> None:
    """Once in 4,096 texts of the stream, but once in the whole reference: text by text that alarms in all 8 streams."""
    talk = Talk(1)
    running = monitor(talk.reference(), dependence)
    fresh = running.state()
    alarms = 0
    for _ in range(STREAMS):
        running.go_on(fresh)
        for index in range(WINDOWS):
            running.update(talk.window(index))
            alarms += running.peak.height >= 0
    assert alarms <= STREAMS * WINDOWS * SIZE / BUDGET


@pytest.mark.parametrize("dependence", ["independent", 8])
def test_new_texts_among_them_are_seen(dependence: str | int) -> None:
    talk = Talk(2)
    running = monitor(talk.reference(), dependence)
    for index in range(4):
        running.update(talk.window(index))
        assert running.alarm is None
    heights = []
    for index in range(4, 8):
        running.update(talk.window(index, shift=6.0))
        heights.append(running.peak.height)
    assert max(heights[:2]) >= 0
    assert running.alarm is not None
    assert abs(running.alarm.onset.seq - 4 * SIZE) <= 25


def test_known_texts_alone_are_no_evidence_however_often_they_come() -> None:
    talk = Talk(3)
    running = monitor(talk.reference())
    for index in range(8):
        result = running.update(talk.window(index, share=1.0))
        assert (result.measures[0].name, result.measures[0].value) == ("drift.alarm", 0)
        assert running.peak.height < 0


def test_a_restart_between_known_texts_changes_nothing() -> None:
    talk = Talk(4)
    reference = talk.reference()
    through, stopped = monitor(reference), monitor(reference)
    for index in range(6):
        window = talk.window(index, share=0.9 if index % 2 else 0.3, size=190)
        assert through.update(window) == stopped.update(window)
        stopped = monitor(reference, state=stopped.state())
        assert stopped.state() == through.state()


def test_known_texts_hit_neither_a_set_nor_its_complement() -> None:
    """Whatever lies in it: with no text that can hit, every statistic shrinks as if it missed."""
    talk = Talk(5)
    fixed = Fixed(talk.reference(), seed=7)
    window = talk.window(0, size=16)
    blocks = in_blocks(np.arange(16), [None] * 16, length=8, by_group=False)
    nothing = take(window.features, np.zeros(0, dtype=np.int64))
    found = fixed.update(nothing, blocks, np.zeros(16, dtype=bool))
    assert fixed.bank.values.max() < 2 * 8
    assert (found < np.array([8, 16])).all()
    half = np.arange(16) % 2 == 0
    apart = Fixed(talk.reference(), seed=7)
    apart.update(take(window.features, np.flatnonzero(half)), blocks, half)
    whole = Fixed(talk.reference(), seed=7)
    whole.update(window.features, blocks, np.ones(16, dtype=bool))
    assert np.isfinite(apart.bank.values).all()
    assert apart.bank.values.sum() < whole.bank.values.sum()


def test_every_body_of_the_training_data_is_known_chosen_or_not() -> None:
    bodies = samples.known()[:900]
    built = build_reference(
        samples.texts(bodies),
        heldout=samples.texts(samples.new()[:20]),
        memory=samples.texts(samples.new()[20:30]),
        others=short([*samples.new()[30:40], *bodies]),
        stream="docs",
        seed=7,
        sample=600,
        extract=samples.measured,
        created_at=samples.NOON,
    )
    known = Known(built.reference)
    assert built.reference.others is not None
    assert len(built.reference.others) == 300 + 10 + 10, "of those chosen none, for an audit streams them"
    assert known(np.array(keys([*bodies, *samples.new()[:40]]), dtype=np.uint64)).all()
    assert not known(np.array(keys(samples.new()[40:]), dtype=np.uint64)).any()
    assert not known(np.zeros(0, dtype=np.uint64)).any()


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"dependence": "independent"}, {"dependence": "independent", "witnesses": False}),
        ({"dependence": "independent"}, {"dependence": "auto", "burn_in": 3_000}),
        ({"dependence": 8}, {"dependence": "auto", "burn_in": 3_000}),
    ],
)
def test_witnesses_that_may_no_longer_bet_are_forgotten(first: dict[str, object], then: dict[str, object]) -> None:
    """Settings change at a restart; what the old witnesses learnt from is out of reach before they could bet again."""
    talk = Talk(1)
    reference = talk.reference()

    def fit(settings: dict[str, object], state: bytes | None = None) -> EvidenceMonitor:
        return EvidenceDetector(EvidenceSettings(seasons="none", **settings)).fit(  # type: ignore[arg-type]
            reference, seed=7, state=state
        )

    running = fit(first)
    for index in range(4):
        running.update(talk.window(index, share=0.0))
    assert b"highest0" in running.state(), "witnesses are alive"
    running = fit(then, running.state())
    for index in range(4, 18):
        running.update(talk.window(index, share=0.0))
    assert fit(then, running.state()).state() == running.state()
