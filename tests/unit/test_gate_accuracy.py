"""How gates judge models that are no causal language models: by their own unit, by right answers, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from spoken_model import SpokenModel

from driftwatch.domain.features import Digest, LossUnit, PairScores, PairUnit, TextLosses
from driftwatch.domain.protocols import GateData
from driftwatch.domain.run import GateLimits, Verdict, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.gate.required import required_gates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.features import Unreadable

AT = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = tuple(
    Text(id=str(n), body=f"text {n}", seen_at=AT, target="a" if n % 2 else None, group=f"g{n // 4}") for n in range(400)
)
DATA = GateData(fresh=TEXTS, reference=TEXTS)
QUALITY, FORGETTING, BIAS = required_gates(GateLimits(), seed=7)


@dataclass(frozen=True)
class SpokenClassifier:
    """Gives each text of a known class the nats and the answer that are told."""

    nats: Callable[[int], float]
    right: Callable[[int], bool]
    shift: Callable[[str], float] = lambda _sentence: 0.1

    @property
    def digest(self) -> Digest:
        return Digest("sha256:" + "c" * 64)

    def losses(self, bodies: Sequence[str]) -> TextLosses:
        return self._losses([None] * len(bodies))

    def score(self, texts: Sequence[Text]) -> TextLosses:
        return self._losses([int(text.id) if text.target else None for text in texts])

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        return (None,) * len(bodies)

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        return (None,) * len(pairs)

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:
        values = np.array([self.shift(first) for first, _ in pairs], dtype=np.float64)
        return PairScores(values=values, unit=PairUnit.SHARE, digest=self.digest, flipped=values > 0.5)

    def _losses(self, known: Sequence[int | None]) -> TextLosses:
        return TextLosses(
            nats=np.array([0.0 if n is None else self.nats(n) for n in known], dtype=np.float64),
            tokens=np.array([n is not None for n in known], dtype=np.int64),
            digest=self.digest,
            unit=LossUnit.LABELLED_TEXT,
            correct=np.array([n is not None and self.right(n) for n in known], dtype=np.bool_),
        )


CHAMPION = SpokenClassifier(nats=lambda n: 1.0 + n % 3, right=lambda n: n % 10 < 7)


def judge(candidate: SpokenClassifier, *, of: int = 0) -> Verdict:
    return (QUALITY, FORGETTING, BIAS)[of].judge(candidate, CHAMPION, DATA, round=1)


def test_a_better_classifier_passes_with_both_figures() -> None:
    verdict = judge(SpokenClassifier(nats=lambda n: 0.5 + n % 3, right=lambda n: n % 10 < 9))
    found = {measure.name: measure for measure in verdict.measures}
    assert verdict.outcome is VerdictOutcome.PASSED
    assert found["gain"].value == pytest.approx(0.5)
    assert (found["gain"].unit, found["gain"].n) == ("nats/labelled text", 200)
    assert found["accuracy"].value == pytest.approx(0.8)
    assert found["accuracy"].limit == pytest.approx(0.6)
    assert found["accuracy.change"].value == pytest.approx(0.2)
    assert found["accuracy.change"].low <= 0.2 <= found["accuracy.change"].high
    assert "right in 80.0%, the champion in 60.0%" in verdict.detail


def test_a_gain_that_costs_right_answers_is_refused() -> None:
    verdict = judge(SpokenClassifier(nats=lambda n: 0.5 + n % 3, right=lambda n: n % 10 < 3))
    assert verdict.outcome is VerdictOutcome.REFUSED
    assert "which is less for sure" in verdict.detail


def test_right_answers_alone_are_no_gain() -> None:
    verdict = judge(replace(CHAMPION, right=lambda n: n % 10 < 9))
    assert verdict.outcome is VerdictOutcome.REFUSED


@pytest.mark.parametrize(("more", "outcome"), [(0.0, VerdictOutcome.PASSED), (0.5, VerdictOutcome.REFUSED)])
def test_what_was_forgotten_is_told_in_its_own_unit(more: float, outcome: VerdictOutcome) -> None:
    verdict = judge(replace(CHAMPION, nats=lambda n: 1.0 + n % 3 + more), of=1)
    assert verdict.outcome is outcome
    assert "nats/labelled text" in verdict.detail
    assert "on 200 held-out reference texts" in verdict.detail


def test_shares_stay_shares() -> None:
    verdict = judge(SpokenClassifier(nats=lambda n: 0.5 + n % 3, right=lambda n: n != 1))
    found = {measure.name: measure for measure in verdict.measures}
    assert found["accuracy"].low <= found["accuracy"].value <= found["accuracy"].high <= 1.0


def test_bias_of_a_classifier_is_how_far_its_classes_shift() -> None:
    verdict = judge(CHAMPION, of=2)
    assert verdict.outcome is VerdictOutcome.PASSED
    assert {measure.unit for measure in verdict.measures} == {"probability/pair"}
    shifting = SpokenClassifier(nats=lambda _: 1.0, right=lambda _: True, shift=lambda sentence: len(sentence) % 2)
    assert judge(shifting, of=2).outcome is VerdictOutcome.REFUSED


def test_models_of_different_families_are_not_compared() -> None:
    for gate in (QUALITY, FORGETTING):
        verdict = gate.judge(SpokenModel(lambda _: 1.0), CHAMPION, DATA, round=1)
        assert verdict.outcome is VerdictOutcome.REFUSED
        assert "the candidate's loss is in nats/token, the champion's in nats/labelled text" in verdict.detail
    verdict = BIAS.judge(SpokenModel(lambda _: 1.0), CHAMPION, DATA, round=1)
    assert verdict.outcome is VerdictOutcome.REFUSED
    assert "the candidate's scores are in nats/pair, the champion's in probability/pair" in verdict.detail
