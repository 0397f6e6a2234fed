"""Texts that come again and again, word for word: never evidence, and never a hindrance to seeing new ones."""

from __future__ import annotations

import drift_samples as samples
import numpy as np
import pytest

from driftwatch.domain.drift import Reference, ReferencePart, Window
from driftwatch.domain.features import Embeddings, Features, TokenCounts
from driftwatch.domain.text import Text
from driftwatch.drift.evidence.blocks import in_blocks
from driftwatch.drift.evidence.detector import EvidenceDetector
from driftwatch.drift.evidence.fixed import Fixed
from driftwatch.drift.evidence.known import Known, short
from driftwatch.drift.evidence.monitor import EvidenceMonitor
from driftwatch.drift.evidence.seen import keys
from driftwatch.drift.evidence.settings import EvidenceSettings
from driftwatch.drift.features import concatenate, take
from driftwatch.drift.reference import build_reference

DIMS, VOCABULARY, SIZE = 12, 60, 500
COMMON, SHARE, LOG, BUDGET = 400, 0.4, 5_000, 1e4
STREAMS, WINDOWS = 8, 5


class Talk:
    """Short texts said again and again, of a kind of their own, between texts that nobody says twice."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._kind = self._random.normal(size=DIMS)
        self._common = self._features(COMMON, self._kind, 0, 20)
        self._said = 0

    def _features(self, count: int, shift: np.ndarray, first: int, last: int) -> Features:
        values = (self._random.normal(size=(count, DIMS)) + shift).astype(np.float32)
        ids = np.sort(self._random.permuted(np.tile(np.arange(first, last), (count, 1)), axis=1)[:, :3], axis=1)
        return Features(
            embeddings=Embeddings(
                values=values / np.linalg.norm(values, axis=1, keepdims=True), digest=samples.ENCODER
            ),
            tokens=TokenCounts(
                indptr=np.arange(0, 3 * count + 1, 3),
                ids=ids.ravel().astype(np.int32),
                counts=np.ones(3 * count, dtype=np.int32),
                vocabulary=VOCABULARY,
                digest=samples.TOKENIZER,
            ),
            losses=None,
        )

    def say(self, count: int, *, share: float = SHARE, shift: float = 0.0) -> tuple[list[str], Features]:
        """Return bodies and features of texts, a share of them common ones."""
        common = self._random.random(count) < share
        which = self._random.integers(COMMON, size=count)
        numbers = self._said + np.arange(count)
        self._said += count
        bodies = [
            f"thanks {each}" if said_often else f"text {number}"
            for each, said_often, number in zip(which, common, numbers, strict=True)
        ]
        drift = np.zeros(DIMS)
        drift[0] = shift
        both = concatenate([self._common, self._features(count, drift, 10, VOCABULARY)])
        return bodies, take(both, np.where(common, which, COMMON + np.arange(count)))

    def reference(self, count: int = LOG) -> Reference:
        """Return the reference of a log of so many texts, as it is built of any log: distinct texts."""
        bodies, features = self.say(count)
        rows = np.array(sorted({body: row for row, body in enumerate(bodies)}.values()))
        parts = [self._part(bodies, features, rows[start::4]) for start in range(4)]
        return Reference(
            stream="talk",
            version="r1",
            created_at=samples.NOON,
            seed=1,
            encoder=samples.ENCODER,
            tokenizer=samples.TOKENIZER,
            champion=None,
            train=parts[0],
            cal=ReferencePart(
                texts=tuple(text for part in parts[1:] for text in part.texts),
                features=concatenate([part.features for part in parts[1:]]),
            ),
            heldout=self._part(bodies, features, rows[:0]),
            memory=(),
        )

    @staticmethod
    def _part(bodies: list[str], features: Features, rows: np.ndarray) -> ReferencePart:
        return ReferencePart(
            texts=tuple(Text(id=str(row), body=bodies[row], seen_at=samples.NOON) for row in rows),
            features=take(features, rows),
        )

    def window(self, index: int, *, share: float = SHARE, shift: float = 0.0, size: int = SIZE) -> Window:
        """Return the next texts as a window."""
        bodies, features = self.say(size, share=share, shift=shift)
        return Window(
            stream="talk",
            index=index,
            texts=samples.texts(bodies),
            features=features,
            seqs=tuple(range(index * size + 1, (index + 1) * size + 1)),
            arl_texts=BUDGET,
        )


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
