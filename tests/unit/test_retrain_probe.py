"""The probe: what it costs, what it foretells, and how honest its interval is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.domain.errors import RunError
from driftwatch.domain.run import Recipe
from driftwatch.domain.text import Text
from driftwatch.retrain.probe.extrapolation import KEPT, PART, Extrapolated, Measured, extrapolate
from driftwatch.retrain.probe.plan import FORWARD, RATIO, plan, recipe_of
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
    made = plan(texts("t", train), texts("h", held), recipe, count=count)  # type: ignore[arg-type]
    full = sum(count(texts("t", train))) * epochs
    spent = sum(made.tokens) + 3 * FORWARD * sum(count(list(made.held)))
    assert spent <= share * full + 1e-6
    assert made.cost == pytest.approx(spent / full if full else 0.0)
    assert made.parts[1][: len(made.parts[0])] == made.parts[0]


def test_the_budget_is_used() -> None:
    made = plan(texts("t", 3_000), texts("h", 500), RECIPE, count=count)  # type: ignore[arg-type]
    assert 0.095 < made.cost <= 0.1
    assert made.tokens[1] / made.tokens[0] == pytest.approx(RATIO, rel=0.05)
    again = plan(texts("t", 3_000)[::-1], texts("h", 500)[::-1], RECIPE, count=count)  # type: ignore[arg-type]
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
    small: float, large: float, *, shock: float = 0.0, noise: float = 0.0, seed: int = 0, full: float = 90_000
) -> Extrapolated:
    """Texts whose first-order gains are known, nats per token, each with its own noise."""
    generator = np.random.default_rng(seed)
    tokens = generator.integers(20, 60, 80).astype(np.float64)

    def trained(first: float) -> npt.NDArray[np.float64]:
        own = first + generator.normal(0, noise, 80)
        return np.asarray(-(own * PART - shock * PART**2) * tokens)

    measured = Measured(
        champion=np.zeros(80),
        small=trained(small),
        large=trained(large),
        tokens=tokens,
        groups=[str(n) for n in range(80)],
    )
    return extrapolate(measured, sizes=(1_000, 3_000), full=full, seed=1)


def test_the_first_order_gain_goes_on_along_the_logarithm() -> None:
    reach = np.log(30) / np.log(3)
    assert told(0.2, 0.3).full.value == pytest.approx(KEPT * (0.3 + reach * 0.1))
    assert told(0.2, 0.3, shock=0.2).large.value == pytest.approx(0.3 - PART * 0.2)


def test_the_interval_holds_the_value_and_grows_with_noise() -> None:
    def width(found: Extrapolated) -> float:
        assert found.full.low <= found.full.value <= found.full.high
        return found.full.high - found.full.low

    assert width(told(0.2, 0.3)) < width(told(0.2, 0.3, noise=0.5))


def test_nothing_gained_is_foretold_as_nothing() -> None:
    found = told(0.0, 0.0, noise=0.02)
    assert found.full.low < 0.0 < found.full.high < 0.05


def test_texts_of_one_group_foretell_nothing() -> None:
    ones = np.ones(20)
    with pytest.raises(ValueError, match="too few"):
        extrapolate(
            Measured(champion=ones, small=ones, large=ones, tokens=ones, groups=["one"] * 20),
            sizes=(1, 3),
            full=9,
            seed=1,
        )


def prediction(low: float, high: float, note: str = "") -> Prediction:
    return Prediction(
        gain=(low + high) / 2,
        low=low,
        high=high,
        worth=0.1,
        points=(),
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
