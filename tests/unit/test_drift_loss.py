"""The model's loss where texts come again and again, word for word: real texts, read by a model that learnt its log."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import drift_samples as samples
import numpy as np
import pytest
from corpus import DATA

from driftwatch.domain.drift import DriftState, Measure, Reference, ReferencePart, Window
from driftwatch.domain.features import LossUnit, TextLosses
from driftwatch.drift.classifier import ClassifierDetector
from driftwatch.drift.length import LengthDetector
from driftwatch.drift.loss import LossDetector
from driftwatch.drift.suffering import state_of
from driftwatch.drift.tokens import TokensDetector

if TYPE_CHECKING:
    from collections.abc import Sequence

CLINC = DATA / "corpora" / "clinc150.jsonl"
LOG, SIZE, COMMON, SHARE = 6_000, 500, 200, 0.4
WINDOWS = 8
TOKENS = ("jsd", "psi", "hellinger", "unknown_share")
QUIET = Measure(name="drift.alarm", value=0.0)
pytestmark = pytest.mark.skipif(not CLINC.exists(), reason="the public corpora are not here")


class Trigrams:
    """A language model: words by the two before them, mixed with rarer and rarer contexts.

    Args:
        bodies: that it learns.
    """

    def __init__(self, bodies: Sequence[str]) -> None:
        self._counts: Counter[tuple[str, ...]] = Counter()
        for body in bodies:
            for words in self._words(body):
                self._counts.update([words, words[1:], words[2:], words[:2], (words[1], "")])
        self._total = sum(count for words, count in self._counts.items() if len(words) == 1)

    @staticmethod
    def _words(body: str) -> list[tuple[str, str, str]]:
        words = ["<", "<", *body.lower().split()]
        return list(zip(words, words[1:], words[2:], strict=False))

    def _nats(self, words: tuple[str, str, str]) -> float:
        counts = self._counts
        alone = (counts[words[2:]] + 1) / (self._total + 10_000)
        pair = counts[words[1:]] / max(counts[(words[1], "")], 1)
        three = counts[words] / max(counts[words[:2]], 1)
        return float(-np.log(0.4 * alone + 0.3 * pair + 0.3 * three))

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        """Return the losses of bodies, over their words."""
        read = [self._words(body) for body in bodies]
        return TextLosses(
            nats=np.array([sum(map(self._nats, words)) for words in read]),
            tokens=np.array([len(words) for words in read], dtype=np.int64),
            digest=samples.MODEL,
        )

    def reads(self, window: Window, *, worse: float = 0.0, known: frozenset[str] = frozenset()) -> Window:
        """Return the window with losses, so many nats a word worse of all texts but the known ones."""
        losses = self.losses([text.body for text in window.texts])
        new = np.array([text.body not in known for text in window.texts])
        losses = replace(losses, nats=losses.nats + worse * new * losses.tokens)
        return replace(window, features=replace(window.features, losses=losses))


class Stream:
    """Real texts of which short ones recur: a share of the log as of every window.

    Args:
        share: of the traffic that recurring texts make.
    """

    def __init__(self, share: float = SHARE) -> None:
        self._random = np.random.default_rng(3)
        self._share = share
        bodies = list(
            dict.fromkeys(json.loads(line)["text"] for line in CLINC.read_text(encoding="utf-8").splitlines())
        )
        self._common = sorted(bodies, key=len)[:COMMON]
        rest = sorted(set(bodies) - set(self._common))
        self._rest = [rest[row] for row in self._random.permutation(len(rest))]

    def say(self, count: int) -> list[str]:
        """Return the next texts."""
        common = self._random.random(count) < self._share
        which = self._random.integers(COMMON, size=count)
        return [
            self._common[number] if said_often else self._rest.pop()
            for said_often, number in zip(common, which, strict=True)
        ]

    def window(self, index: int) -> Window:
        """Return the next texts as a window."""
        return samples.window(self.say(SIZE), index=index, model=False)


def reference(log: list[str], model: Trigrams, *, heldout: int = LOG // 10) -> Reference:
    """Return the reference of a log, its last texts held out."""

    def scored(part: ReferencePart) -> ReferencePart:
        losses = model.losses([text.body for text in part.texts])
        return replace(part, features=replace(part.features, losses=losses))

    made = samples.reference(log[:-heldout], heldout=log[-heldout:], model=False)
    train, cal, unseen = scored(made.train), scored(made.cal), scored(made.heldout)
    return replace(made, champion=samples.MODEL, train=train, cal=cal, heldout=unseen)


def learnt(share: float = SHARE) -> tuple[Stream, Trigrams, Reference]:
    stream = Stream(share)
    log = stream.say(LOG)
    model = Trigrams(log[: -LOG // 10])
    return stream, model, reference(log, model)


def measured(measures: tuple[Measure, ...], name: str) -> Measure:
    return next(measure for measure in measures if measure.name == name)


@pytest.mark.parametrize("share", [0.0, SHARE, 0.7])
def test_what_recurs_is_no_decay_and_hides_none(share: float) -> None:
    """Learnt texts cost far less than held-out ones: compared with these they would make up for half a nat and more."""
    stream, model, made = learnt(share)
    monitor = LossDetector(200).fit(made, seed=7)
    bodies = frozenset(text.body for part in (made.train, made.cal, made.heldout) for text in part.texts)
    errors, rises = [], []
    for index in range(WINDOWS):
        window = stream.window(index)
        found = monitor.update(model.reads(window)).measures
        increase = measured(found, "loss.increase")
        assert increase.low is not None
        errors.append(increase.value / ((increase.value - increase.low) / 1.96))
        assert state_of([QUIET, *found]) is DriftState.STABLE
        worse = monitor.update(model.reads(window, worse=1.0, known=bodies)).measures
        rises.append(measured(worse, "loss.increase").value - increase.value)
        assert state_of([QUIET, *worse]) is DriftState.SILENT_DECAY
    assert abs(float(np.mean(errors))) < 1.5
    tokens = 1.0 if share == 0 else 1.0 - measured_share(made, window)
    assert rises[-1] == pytest.approx(tokens, abs=1e-6)
    assert min(rises) > 0.3


def measured_share(made: Reference, window: Window) -> float:
    """Return the share of the words of known texts, copies of others left out."""
    bodies = {text.body for part in (made.train, made.cal, made.heldout) for text in part.texts}
    known = sum(len(text.body.split()) for text in window.texts if text.body in bodies)
    new = sum(len(body.split()) for body in {text.body for text in window.texts} - bodies)
    return known / (known + new)


def test_the_loss_is_that_of_the_traffic_and_the_baseline_that_of_the_same_traffic() -> None:
    stream, model, made = learnt()
    window = model.reads(stream.window(0))
    found = LossDetector(50).fit(made, seed=7).update(window).measures
    losses = window.features.losses
    assert losses is not None
    whole = float(losses.nats.sum() / losses.tokens.sum())
    assert measured(found, "loss.nats").value == pytest.approx(whole, abs=0.02), "some unknown text may come twice"
    ratio = measured(found, "loss.perplexity_ratio")
    assert ratio.value == pytest.approx(float(np.exp(measured(found, "loss.increase").value)))


@pytest.mark.parametrize("changed", [False, True])
def test_a_classifiers_known_texts_of_another_class_are_decay(changed: bool) -> None:
    """All texts of the window are known: the classifier learnt them, with the classes of then."""
    log = samples.known()[:1_200]

    def answered(part: ReferencePart | Window, *, wrong: bool) -> TextLosses:
        count = len(part.texts)
        return TextLosses(
            nats=np.full(count, 2.0 if wrong else 0.1) + 0.05 * np.arange(count) % 0.1,
            tokens=np.ones(count, dtype=np.int64),
            digest=samples.MODEL,
            unit=LossUnit.LABELLED_TEXT,
        )

    made = samples.reference(log[:1_000], heldout=log[1_000:], model=False)
    train, cal, unseen = (
        replace(part, features=replace(part.features, losses=answered(part, wrong=part is made.heldout)))
        for part in (made.train, made.cal, made.heldout)
    )
    made = replace(made, champion=samples.MODEL, train=train, cal=cal, heldout=unseen)
    monitor = LossDetector(200).fit(made, seed=7)
    window = samples.window(log[:300], model=False)
    window = replace(window, features=replace(window.features, losses=answered(window, wrong=changed)))
    found = monitor.update(window).measures
    increase = measured(found, "loss.increase")
    assert abs(increase.value - 1.9 * changed) < 0.1
    assert state_of([QUIET, *found]) is (DriftState.SILENT_DECAY if changed else DriftState.STABLE)


def test_known_texts_whose_loss_was_not_kept_tell_nothing_alone() -> None:
    stream, model, made = learnt()
    stream._share = 1.0
    window = model.reads(stream.window(0))
    sampled = replace(
        made,
        train=replace(made.train, features=replace(made.train.features, losses=None)),
        cal=replace(made.cal, features=replace(made.cal.features, losses=None)),
    )
    names = [measure.name for measure in LossDetector(50).fit(sampled, seed=7).update(window).measures]
    assert names == ["loss.nats"]


def test_what_recurs_leaves_the_comparisons_with_the_reference_within_their_bands() -> None:
    """Counted as texts like any other, 200 known bodies lie beyond the bands in every window."""
    stream = Stream()
    made = samples.reference(stream.say(12_000), model=False)
    monitors = [
        detector.fit(made, seed=7) for detector in (ClassifierDetector(), TokensDetector(draws=60), LengthDetector())
    ]
    inside: Counter[str] = Counter()
    for index in range(WINDOWS):
        window = stream.window(index)
        for measure in (each for monitor in monitors for each in monitor.update(window).measures):
            assert measure.null_low is not None
            assert measure.null_high is not None
            inside[measure.name] += measure.null_low <= measure.value <= measure.null_high
    assert set(inside) == {"embedding.auc", "text.length", *(f"tokens.{name}" for name in TOKENS)}
    assert min(inside.values()) >= WINDOWS - 1, inside


def test_where_much_of_the_reference_recurs_there_are_no_bands() -> None:
    stream = Stream()
    made = samples.reference(stream.say(1_500), model=False)
    window = stream.window(0)
    for detector in (ClassifierDetector(), TokensDetector(draws=20), LengthDetector()):
        measures = detector.fit(made, seed=7).update(window).measures
        assert measures
        assert all((measure.null_low, measure.null_high) == (None, None) for measure in measures)


def test_known_texts_alone_are_compared_with_nothing() -> None:
    stream = Stream()
    made = samples.reference(stream.say(1_500), model=False)
    window = samples.window([text.body for text in made.cal.texts[:300]], model=False)
    for detector in (ClassifierDetector(), TokensDetector(draws=20), LengthDetector()):
        assert detector.fit(made, seed=7).update(window).measures == ()
