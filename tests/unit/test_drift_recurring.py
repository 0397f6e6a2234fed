"""Windows in which short texts come again and again, word for word: what is known is nothing new."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from talk import Talk, read, sampled

from driftwatch.domain.drift import DriftResult, Reference, ReferencePart, Window
from driftwatch.drift.assess import Assessor
from driftwatch.drift.explain import Explainer
from driftwatch.drift.looks import LooksDetector
from driftwatch.drift.loss import LossDetector, LossMonitor
from driftwatch.drift.mmd import MmdDetector
from driftwatch.drift.page import drifted_alone, headline
from driftwatch.drift.share import ShareDetector

WINDOWS = 4
CHOSEN = pytest.mark.parametrize("chosen", [1.0, 0.25])


def _quiet(chosen: float, seed: int = 1) -> tuple[Talk, Reference]:
    """Return a stream and its reference: all of its log, or a quarter of a longer one."""
    talk = Talk(seed)
    return (talk, talk.reference()) if chosen == 1.0 else (talk, sampled(talk.reference(12_000), chosen))


def _value(result: DriftResult, name: str) -> float:
    return next(measure.value for measure in result.measures if measure.name == name)


@CHOSEN
def test_what_recurs_is_no_new_share(chosen: float) -> None:
    talk, reference = _quiet(chosen)
    monitor = ShareDetector().fit(reference, seed=7)
    shares = [_value(monitor.update(talk.window(index)), "drift.new_share") for index in range(WINDOWS)]
    assert shares == [0.0] * WINDOWS


@CHOSEN
def test_new_texts_among_what_recurs_are_a_share(chosen: float) -> None:
    """All that is not said again has changed: 0.6 of the texts, and more of the distinct ones."""
    talk, reference = _quiet(chosen)
    monitor = ShareDetector().fit(reference, seed=7)
    shares = [_value(monitor.update(talk.window(index, shift=6.0)), "drift.new_share") for index in range(WINDOWS)]
    assert all(0.3 < share < 0.7 for share in shares), shares


def test_known_texts_alone_have_no_new_share() -> None:
    talk, reference = _quiet(1.0)
    monitor = ShareDetector().fit(reference, seed=7)
    assert _value(monitor.update(talk.window(0, share=1.0)), "drift.new_share") == 0.0


def _suffering(talk: Talk) -> LossMonitor:
    """Return the loss detector of a stream with held-out texts, which hold no learnt body."""
    reference = talk.reference()
    learnt = {text.body for part in (reference.train, reference.cal) for text in part.texts}
    drawn = talk.window(0, size=1_500)
    rows = np.array([row for row, text in enumerate(drawn.texts) if text.body not in learnt])
    heldout = talk.part([text.body for text in drawn.texts], drawn.features, rows)
    return LossDetector().fit(replace(reference, heldout=read(heldout, seed=3)), seed=7)


def _scored(window: Window, *, worse: float = 0.0) -> Window:
    part = ReferencePart(texts=window.texts, features=window.features)
    return replace(window, features=read(part, seed=window.index, worse=worse).features)


def test_what_recurs_is_not_where_the_loss_rises_by_what_is_new() -> None:
    talk = Talk(1)
    monitor = _suffering(talk)
    for index in range(WINDOWS):
        rise = next(m for m in monitor.update(_scored(talk.window(index))).measures if m.name == "loss.where_new")
        assert rise.low is not None
        assert rise.value - 3.29 / 1.96 * (rise.value - rise.low) < 0
        assert rise.value < 0.05


def test_a_rise_by_new_texts_is_weighted_by_their_share_of_the_window() -> None:
    talk = Talk(1)
    monitor = _suffering(talk)
    for index in range(WINDOWS):
        window = _scored(talk.window(index, shift=6.0), worse=0.5)
        rise = next(m for m in monitor.update(window).measures if m.name == "loss.where_new")
        assert rise.low is not None
        assert rise.low > 0.05
        assert 0.15 < rise.value < 0.5, "half a nat of most of the texts that are not known"


def test_too_few_unknown_texts_tell_nothing_of_where_the_loss_rises() -> None:
    talk = Talk(1)
    measured = _suffering(talk).update(_scored(talk.window(0, share=0.95)))
    assert "loss.increase" in {measure.name for measure in measured.measures}
    assert "loss.where_new" not in {measure.name for measure in measured.measures}


@CHOSEN
def test_what_recurs_explains_nothing(chosen: float) -> None:
    talk, reference = _quiet(chosen)
    explainer = Explainer(reference, seed=7)
    for index in range(WINDOWS):
        found = explainer.explain(talk.window(index), with_map=False)
        assert (found.words, found.clusters) == ((), ())


@CHOSEN
def test_new_texts_among_what_recurs_are_explained(chosen: float) -> None:
    talk, reference = _quiet(chosen)
    explainer = Explainer(reference, seed=7)
    for index in range(WINDOWS):
        assert explainer.explain(talk.window(index, shift=6.0), with_map=False).clusters


@CHOSEN
def test_where_much_recurs_there_is_no_p_value(chosen: float) -> None:
    """Permutations would call every quiet window drifted: 0.001 and 0.003."""
    talk, reference = _quiet(chosen)
    embedding, looks = MmdDetector(200).fit(reference, seed=7), LooksDetector(100).fit(reference, seed=7)
    window = talk.window(0)
    (distance,) = embedding.update(window).measures
    assert distance.name == "embedding.mmd2"
    assert distance.low is not None
    assert distance.null_low is None
    assert looks.update(window).measures == ()


def test_where_little_recurs_there_are_p_values() -> None:
    talk = Talk(1)
    reference = talk.reference()
    embedding, looks = MmdDetector(200).fit(reference, seed=7), LooksDetector(100).fit(reference, seed=7)
    window = talk.window(0, share=0.0)
    assert {measure.name for measure in embedding.update(window).measures} == {"embedding.mmd2", "embedding.mmd_p"}
    assert {measure.name for measure in looks.update(window).measures} == {"drift.look_p"}


def test_a_window_on_its_own_says_what_it_can_tell() -> None:
    talk, reference = _quiet(1.0)
    assessor = Assessor(reference, seed=7)
    quiet, drifted = (
        assessor.assess(talk.window(index, shift=shift), first_seq=1, last_seq=500)
        for index, shift in enumerate((0.0, 6.0))
    )
    assert not drifted_alone(quiet, alpha=0.005)
    assert headline(quiet).startswith("This window alone cannot tell: 4")
    assert drifted_alone(drifted, alpha=0.005)
    assert headline(drifted).startswith("This window has drifted from the reference. At least ")
