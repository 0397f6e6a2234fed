"""What every gate promises, held by each of them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from spoken_model import SpokenModel

from driftwatch.domain.errors import ModelError, StoreUnavailableError
from driftwatch.domain.protocols import Gate, GateData
from driftwatch.domain.run import GateLimits, Verdict, VerdictOutcome
from driftwatch.domain.text import Text
from driftwatch.gate.required import required_gates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.features import Digest, PairScores, TextLosses, Unreadable

AT = datetime(2026, 1, 1, tzinfo=UTC)
GATES = required_gates(GateLimits(), seed=7)
NAMES = [gate.name for gate in GATES]


def texts(kind: str, count: int = 60) -> tuple[Text, ...]:
    return tuple(
        Text(id=f"{kind}{n}", body=f"{kind} " + "word " * (5 + n % 7) + str(n), seen_at=AT) for n in range(count)
    )


DATA = GateData(fresh=texts("new"), reference=texts("old"))


def plain(body: str) -> float:
    return 3.0 * (len(body.split()) - 1) + len(set(body)) / 10


def better(body: str) -> float:
    """Lose a nat per token less on new texts, the same on everything else."""
    return plain(body) - (len(body.split()) - 1 if body.startswith("new") else 0)


CHAMPION = SpokenModel(plain, "champion")


def judge(gate: Gate, nats: Callable[[str], float], data: GateData = DATA) -> Verdict:
    return gate.judge(SpokenModel(nats, "candidate"), CHAMPION, data, round=2)


@pytest.mark.parametrize("gate", GATES, ids=NAMES)
class TestEveryGate:
    def test_a_candidate_that_only_gains_passes(self, gate: Gate) -> None:
        verdict = judge(gate, better)
        assert (verdict.gate, verdict.round, verdict.outcome) == (gate.name, 2, VerdictOutcome.PASSED)

    def test_measures_come_with_interval_limit_unit_and_number(self, gate: Gate) -> None:
        for measure in judge(gate, better).measures:
            assert measure.low <= measure.value <= measure.high
            assert measure.unit.startswith("nats/")
            assert measure.n >= 60

    def test_the_same_question_gets_the_same_answer(self, gate: Gate) -> None:
        assert judge(gate, noisy) == judge(gate, noisy)

    def test_a_loss_that_is_no_number_refuses(self, gate: Gate) -> None:
        verdict = judge(gate, lambda _: float("nan"))
        assert verdict.outcome is VerdictOutcome.REFUSED
        assert verdict.detail.startswith("could not run, which refuses: ")

    def test_a_model_that_cannot_be_scored_refuses(self, gate: Gate) -> None:
        verdict = gate.judge(Broken(ModelError("weights are missing")), CHAMPION, DATA, round=1)
        assert verdict.outcome is VerdictOutcome.REFUSED
        assert "weights are missing" in verdict.detail

    def test_what_may_pass_by_itself_is_raised(self, gate: Gate) -> None:
        with pytest.raises(StoreUnavailableError):
            gate.judge(Broken(StoreUnavailableError("busy")), CHAMPION, DATA, round=1)


def noisy(body: str) -> float:
    return plain(body) + math.sin(len(body) * 7.0 + len(set(body)))


@dataclass(frozen=True)
class Broken:
    """A model that fails as it is told."""

    error: Exception

    @property
    def digest(self) -> Digest:
        return CHAMPION.digest

    def losses(self, bodies: Sequence[str]) -> TextLosses:  # noqa: ARG002
        raise self.error

    def score(self, texts: Sequence[Text]) -> TextLosses:  # noqa: ARG002
        raise self.error

    def unreadable(self, bodies: Sequence[str]) -> tuple[Unreadable | None, ...]:
        return (None,) * len(bodies)

    def unreadable_pairs(self, pairs: Sequence[tuple[str, str]]) -> tuple[Unreadable | None, ...]:
        return (None,) * len(pairs)

    def pair_scores(self, pairs: Sequence[tuple[str, str]]) -> PairScores:  # noqa: ARG002
        raise self.error


class TestQuality:
    gate = GATES[0]

    @pytest.mark.parametrize(
        ("gain", "outcome", "said"),
        [
            (0.5, VerdictOutcome.PASSED, "at least 0.01 is shown"),
            (0.0, VerdictOutcome.REFUSED, "less than the 0.01 wanted"),
            (-0.5, VerdictOutcome.REFUSED, "less than the 0.01 wanted"),
        ],
    )
    def test_passes_only_when_the_gain_is_shown(self, gain: float, outcome: VerdictOutcome, said: str) -> None:
        verdict = judge(self.gate, lambda body: plain(body) - gain * (len(body.split()) - 1))
        assert verdict.outcome is outcome
        assert said in verdict.detail
        assert verdict.measures[0].value == pytest.approx(gain)

    def test_a_gain_that_is_not_sure_is_refused(self) -> None:
        verdict = judge(self.gate, lambda body: plain(body) - 0.2 + (20.0 if body.endswith(("7", "8")) else -6.0))
        assert verdict.outcome is VerdictOutcome.REFUSED
        assert "does not show" in verdict.detail
        assert verdict.measures[0].low < 0.01 < verdict.measures[0].high

    def test_texts_of_one_group_are_no_independent_witnesses(self) -> None:
        swinging = lambda body: plain(body) - 2.0 + 3.0 * (int(body.split()[-1]) // 6 % 2)  # noqa: E731
        grouped = tuple(replace(text, group=f"g{n // 6}") for n, text in enumerate(DATA.fresh))
        alone = judge(self.gate, swinging).measures[0]
        together = judge(self.gate, swinging, replace(DATA, fresh=grouped)).measures[0]
        assert together.value == pytest.approx(alone.value)
        assert together.high - together.low > 1.5 * (alone.high - alone.low)

    def test_too_few_texts_refuse(self) -> None:
        verdict = judge(self.gate, better, replace(DATA, fresh=DATA.fresh[:19]))
        assert verdict.outcome is VerdictOutcome.REFUSED
        assert "only 19 held-out texts can be scored, 20 are needed" in verdict.detail

    def test_models_with_other_tokens_are_not_compared(self) -> None:
        class Longer(SpokenModel):
            def losses(self, bodies: Sequence[str]) -> TextLosses:
                found = super().losses(bodies)
                return replace(found, tokens=found.tokens + 1)

        verdict = self.gate.judge(Longer(plain), CHAMPION, DATA, round=1)
        assert verdict.outcome is VerdictOutcome.REFUSED
        assert "different tokens" in verdict.detail


class TestForgetting:
    gate = GATES[1]

    @pytest.mark.parametrize(
        ("loss", "outcome", "said"),
        [
            (0.0, VerdictOutcome.PASSED, "within 0.05"),
            (-0.3, VerdictOutcome.PASSED, "within 0.05"),
            (0.3, VerdictOutcome.REFUSED, "above 0.05 for sure"),
        ],
    )
    def test_judges_by_the_whole_interval(self, loss: float, outcome: VerdictOutcome, said: str) -> None:
        verdict = judge(self.gate, lambda body: plain(body) + loss * (len(body.split()) - 1))
        assert verdict.outcome is outcome
        assert said in verdict.detail

    def test_an_interval_around_the_limit_shows_nothing(self) -> None:
        verdict = judge(self.gate, lambda body: plain(body) + 0.3 + (4.0 if body.endswith(("7", "8")) else -0.9))
        assert verdict.outcome is VerdictOutcome.NOT_SHOWN
        assert "a person decides" in verdict.detail

    def test_without_reference_texts_it_refuses(self) -> None:
        assert judge(self.gate, better, replace(DATA, reference=())).outcome is VerdictOutcome.REFUSED


class TestSlices:
    """The whole may gain while a part of the traffic pays for it."""

    @staticmethod
    def labelled(kind: str, count: int = 120) -> tuple[Text, ...]:
        return tuple(
            replace(text, labels={"lang": "fr" if n % 4 == 0 else "en", "id": str(n)}, source="web" if n % 2 else "app")
            for n, text in enumerate(texts(kind, count))
        )

    @staticmethod
    def worse_in_french(kind: str, by: float) -> Callable[[str], float]:
        def nats(body: str) -> float:
            words = len(body.split()) - 1
            french = body.startswith(kind) and int(body.rsplit(maxsplit=1)[-1]) % 4 == 0
            return plain(body) + words * (by if french else -0.4)

        return nats

    @pytest.mark.parametrize(("number", "kind"), [(0, "new"), (1, "old")])
    def test_a_sacrificed_slice_refuses(self, number: int, kind: str) -> None:
        data = GateData(fresh=self.labelled("new"), reference=self.labelled("old"))
        verdict = judge(GATES[number], self.worse_in_french(kind, 0.5), data)
        assert verdict.outcome is VerdictOutcome.REFUSED
        assert verdict.detail.endswith("worse by over 0.05 nats/token for sure in lang=fr")
        slices = {each.name: each for each in verdict.measures if each.name.startswith("slice.")}
        assert set(slices) == {"slice.lang=en", "slice.lang=fr", "slice.source=app", "slice.source=web"}
        assert slices["slice.lang=fr"].value == pytest.approx(0.5)
        assert slices["slice.lang=fr"].n == 30

    def test_an_unsure_slice_is_told_and_does_not_refuse(self) -> None:
        def nats(body: str) -> float:
            number = int(body.rsplit(maxsplit=1)[-1])
            wild = 30.0 if number % 8 == 0 else -26.0
            return better(body) + (wild if body.startswith("new") and number % 4 == 0 else 0.0)

        verdict = judge(GATES[0], nats, replace(DATA, fresh=self.labelled("new")))
        assert verdict.outcome is VerdictOutcome.PASSED
        assert verdict.detail.endswith("a rise of over 0.05 is not ruled out in lang=fr")

    def test_small_slices_and_labels_of_many_values_are_left_alone(self) -> None:
        few = tuple(
            replace(text, labels={"rare": "yes" if n < 19 else "no", "number": str(n // 5), "all": "same"})
            for n, text in enumerate(texts("new", 120))
        )
        names = [each.name for each in judge(GATES[0], better, replace(DATA, fresh=few)).measures]
        assert names == ["gain", "slice.rare=no"]

    def test_many_slices_are_judged_together(self) -> None:
        """Twenty slices that do not change on the whole: none refuses by being one of many."""
        many = tuple(replace(text, labels={"part": str(n % 20)}) for n, text in enumerate(texts("old", 600)))
        refused = 0
        for seed in range(20):

            def nats(body: str, seed: int = seed) -> float:
                drawn = random.Random(f"{seed}{body}").gauss(0.05, 0.5)
                return plain(body) + drawn * (len(body.split()) - 1)

            verdict = judge(GATES[1], nats, replace(DATA, reference=many))
            refused += verdict.outcome is VerdictOutcome.REFUSED
        assert refused <= 3
