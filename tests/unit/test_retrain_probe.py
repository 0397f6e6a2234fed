"""The probe: what it costs, what it foretells, and how honest its interval is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.domain.errors import RunError
from driftwatch.domain.run import Recipe
from driftwatch.domain.text import Text
from driftwatch.retrain.probe.extrapolation import EXPONENT, PART, Extrapolated, Measured, extrapolate
from driftwatch.retrain.probe.plan import FORWARD, MEASURED_TIMES, plan, recipe_of, steps_of
from driftwatch.retrain.probe.record import Prediction, load_prediction, save_prediction

AT = datetime(2026, 1, 1, tzinfo=UTC)
RECIPE = Recipe(name="r", learning_rates=(1e-3,), batch=8, context=128, epochs=2.0)


def texts(kind: str, number: int) -> list[Text]:
    return [Text(id=f"{kind}{n}", body="word " * (5 + n % 60), seen_at=AT) for n in range(number)]


def count(some: list[Text]) -> list[int]:
    return [len(text.body.split()) + 1 for text in some]


@given(st.integers(0, 3_000), st.integers(0, 500), st.floats(0.0, 0.3), st.floats(0.5, 4.0))
@settings(max_examples=40, deadline=None)
def test_no_plan_costs_more_than_the_recipe_allows(train: int, held: int, share: float, epochs: float) -> None:
    recipe = Recipe(name="r", probe=share, epochs=epochs)
    made = plan(texts("t", train), texts("r", train // 4), texts("h", held), recipe, count=count)  # type: ignore[arg-type]
    full = sum(count([*texts("t", train), *texts("r", train // 4)])) * epochs
    spent = made.tokens + MEASURED_TIMES * FORWARD * sum(count(list(made.held)))
    assert spent <= share * full + 1e-6
    assert made.cost == pytest.approx(spent / full if full else 0.0)
    assert made.tokens == sum(count([*made.part, *made.replay]))
    assert {text.id[0] for text in made.part} <= {"t"}
    assert {text.id[0] for text in made.replay} <= {"r"}


def test_the_budget_is_used() -> None:
    made = plan(texts("t", 2_400), texts("r", 600), texts("h", 500), RECIPE, count=count)  # type: ignore[arg-type]
    assert 0.095 < made.cost <= 0.1
    assert steps_of(recipe_of(RECIPE, made.tokens), made.tokens) > 40
    assert 0.15 < len(made.replay) / made.texts < 0.25, "as in the run"
    again = plan(texts("t", 2_400)[::-1], texts("r", 600)[::-1], texts("h", 500)[::-1], RECIPE, count=count)  # type: ignore[arg-type]
    assert again == made


@pytest.mark.parametrize(
    ("tokens", "batch", "context", "rate"),
    [(8_000, 2, 64, 1e-3 * (1 / 8) ** 0.5), (64 * 1_024, 8, 128, 1e-3), (10**8, 8, 128, 1e-3), (10, 1, 64, 2.5e-4)],
)
def test_small_trainings_take_smaller_and_gentler_steps(tokens: int, batch: int, context: int, rate: float) -> None:
    made = recipe_of(RECIPE, tokens)
    assert (made.batch, made.context, made.epochs) == (batch, context, 1.0)
    assert made.learning_rates[0] == pytest.approx(rate)


def told(
    first: float, *, shock: float = 0.0, noise: float = 0.0, growth: float = 20, steps: int = 64, tokens: int = 10**6
) -> Extrapolated:
    """Texts whose gain at first order is known, nats per token, each with its own noise."""
    generator = np.random.default_rng(0)
    sizes = generator.integers(20, 60, 80).astype(np.float64)
    own = first + generator.normal(0, noise, 80)
    measured = Measured(
        champion=np.zeros(80),
        towards=-(own * PART - shock * PART**2) * sizes,
        tokens=sizes,
        groups=[str(n) for n in range(80)],
    )
    return extrapolate(measured, tokens=tokens, full=growth * tokens, steps=steps, seed=1)


def test_the_first_order_gain_grows_as_a_power() -> None:
    assert told(0.3).whole.value == pytest.approx(0.3 * 20**EXPONENT)
    assert told(0.3, growth=1).whole.value == pytest.approx(0.3)
    assert told(0.3, shock=0.2).small.value == pytest.approx(0.3 - PART * 0.2)


def test_the_interval_holds_the_value_and_grows_with_what_is_not_known() -> None:
    def width(found: Extrapolated) -> float:
        assert found.whole.low <= found.whole.value <= found.whole.high
        return found.whole.high - found.whole.low

    assert width(told(0.3)) < width(told(0.3, noise=0.5))
    assert width(told(0.3)) < width(told(0.3, growth=100))
    assert width(told(0.3)) < width(told(0.3, steps=16))
    assert width(told(0.3)) < width(told(0.3, tokens=1_000))


def test_nothing_gained_is_foretold_as_nothing() -> None:
    found = told(0.0, noise=0.02)
    assert -0.05 < found.whole.low < 0.0 < found.whole.high < 0.05


def test_texts_of_one_group_foretell_nothing() -> None:
    ones = np.ones(20)
    with pytest.raises(ValueError, match="too few"):
        extrapolate(
            Measured(champion=ones, towards=ones, tokens=ones, groups=["one"] * 20), tokens=1, full=9, steps=64, seed=1
        )


def prediction(low: float, high: float, note: str = "") -> Prediction:
    return Prediction(
        gain=(low + high) / 2,
        low=low,
        high=high,
        worth=0.1,
        trained=None,
        full_tokens=1e6,
        texts=50,
        cost=0.099,
        note=note,
    )


@pytest.mark.parametrize(
    ("low", "high", "note", "worthless", "words"),
    [
        (0.0, 0.09, "", True, "not worth it: expected gain +0.0450 nats/token [+0.0000, +0.0900], all of it below 0.1"),
        (0.05, 0.2, "", False, "may be worth it: expected gain"),
        (0.1, 0.2, "", False, "worth it: expected gain"),
        (0.0, 0.0, "its budget holds 3 texts", False, "the probe foretells nothing (its budget holds 3 texts)"),
    ],
)
def test_only_what_cannot_be_worth_it_is_declined(
    low: float, high: float, note: str, worthless: bool, words: str
) -> None:
    found = prediction(low, high, note)
    assert found.worthless is worthless
    assert found.words().startswith(words)


def test_a_prediction_is_kept_and_read(tmp_path: Path) -> None:
    file = tmp_path / "prediction.json"
    assert load_prediction(file) is None
    save_prediction(prediction(0.0, 0.2), file)
    assert load_prediction(file) == prediction(0.0, 0.2)
    file.write_text("[]")
    with pytest.raises(RunError, match="cannot be read"):
        load_prediction(file)
