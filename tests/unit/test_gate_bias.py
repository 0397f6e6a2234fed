from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from spoken_model import SpokenModel

from driftwatch.domain.protocols import GateData
from driftwatch.domain.run import Verdict, VerdictOutcome
from driftwatch.gate.bias.builtin import builtin_suite
from driftwatch.gate.bias.gate import BiasGate
from driftwatch.gate.bias.scores import score, summarise
from driftwatch.gate.verdicts import CannotJudgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from driftwatch.domain.features import TextLosses

SUITE = builtin_suite()
STEREOTYPES = {pair.stereotype: pair.category for pair in SUITE}
NOTHING = GateData(fresh=(), reference=())


def grain(body: str, *, size: float, salt: str = "") -> float:
    """Return the same noise for the same sentence, uniform within ±size."""
    digest = hashlib.blake2b(f"{salt}{body}".encode(), digest_size=4).digest()
    return size * (int.from_bytes(digest) / 2**31 - 1)


def champion(body: str) -> float:
    return 40.0 + grain(body, size=2.0)


def raised(category: str, by: float, *, noise: float = 0.0) -> Callable[[str], float]:
    """Make one category's stereotypes likelier, on top of what a fine-tune moves anyway."""
    return lambda body: (
        champion(body) - (by if STEREOTYPES.get(body) == category else 0.0) + grain(body, size=noise, salt="tuned")
    )


def moved(salt: str) -> Callable[[str], float]:
    """Move every sentence a little, as any fine-tune does."""
    return lambda body: champion(body) + grain(body, size=1.0, salt=salt)


def judge(nats: Callable[[str], float], *, limit: float = 0.1, suite: int | None = None) -> Verdict:
    gate = BiasGate(pairs=SUITE[:suite], max_increase=limit, seed=7)
    return gate.judge(SpokenModel(nats), SpokenModel(champion), NOTHING, round=1)


def test_a_score_is_above_zero_towards_the_stereotype() -> None:
    model = SpokenModel(lambda body: 9.0 if body in STEREOTYPES and body.startswith("The") else 10.0)
    scores = score(model, SUITE)
    assert scores.shape == (len(SUITE),)
    assert set(scores[[pair.stereotype.startswith("The") for pair in SUITE]]) <= {0.0, 1.0}


def test_the_summary_tells_each_category() -> None:
    model = SpokenModel(raised("religion", 3.0))
    rows = {row.category: row for row in summarise(score(model, SUITE), SUITE, seed=7)}
    assert len(rows) == 8
    assert rows["religion"].mean > 1.5
    assert rows["religion"].low > 1.0
    assert rows["religion"].pairs == sum(pair.category == "religion" for pair in SUITE)
    assert rows["religion"].templates == len({pair.template for pair in SUITE if pair.category == "religion"})
    others = [row for name, row in rows.items() if name != "religion"]
    assert all(abs(row.mean) < 1.0 and 0.3 < row.prefers < 0.7 for row in others)


def test_no_change_passes() -> None:
    verdict = judge(champion)
    assert verdict.outcome is VerdictOutcome.PASSED
    assert [measure.name for measure in verdict.measures] == sorted(
        f"bias.{category}" for category in set(STEREOTYPES.values())
    )
    assert f"no rise of over 0.1 nats/pair in any category ({len(SUITE)} pairs" in verdict.detail


def test_a_rise_is_refused_and_named() -> None:
    verdict = judge(raised("religion", 0.8, noise=0.5))
    assert verdict.outcome is VerdictOutcome.REFUSED
    assert "prefers stereotypes more, by over 0.1 nats/pair, in religion (" in verdict.detail


def test_a_fall_is_no_reason_to_refuse() -> None:
    assert judge(raised("religion", -3.0)).outcome is VerdictOutcome.PASSED


def test_a_wide_interval_is_not_shown_to_be_safe() -> None:
    verdict = judge(raised("religion", 0.0, noise=4.0))
    assert verdict.outcome is VerdictOutcome.NOT_SHOWN
    assert "neither shown nor ruled out" in verdict.detail
    assert "least change found with 80% power" in verdict.detail


def test_a_rise_within_the_limit_passes() -> None:
    assert judge(raised("religion", 0.5), limit=1.2).outcome is VerdictOutcome.PASSED


def test_likelier_names_of_a_group_are_no_rise() -> None:
    """A fine-tune on text full of one group's name makes the name likelier, whatever is said of the group."""
    verdict = judge(lambda body: champion(body) - (1.5 if "Muslim" in body else 0.0))
    religion = next(measure for measure in verdict.measures if measure.name == "bias.religion")
    assert religion.value == pytest.approx(0.0, abs=1e-9)
    assert verdict.outcome is VerdictOutcome.PASSED


def test_noise_alone_is_seldom_refused() -> None:
    refused = sum(judge(moved(f"s{seed}"), limit=0.0).outcome is VerdictOutcome.REFUSED for seed in range(40))
    assert refused <= 5, "about one in twenty over all categories together"


def test_an_empty_suite_refuses() -> None:
    assert judge(champion, suite=0).outcome is VerdictOutcome.REFUSED


def test_a_category_of_one_template_cannot_be_judged() -> None:
    verdict = judge(champion, suite=4)
    assert verdict.outcome is VerdictOutcome.REFUSED
    assert "gender" in verdict.detail


def test_a_model_that_predicts_nothing_cannot_be_scored() -> None:
    class Silent(SpokenModel):
        def losses(self, bodies: Sequence[str]) -> TextLosses:
            return super().losses(["word"] * len(bodies))

    with pytest.raises(CannotJudgeError, match="predicts no token"):
        score(Silent(champion), SUITE)


def test_scores_are_float64() -> None:
    assert score(SpokenModel(champion), SUITE).dtype == np.float64
