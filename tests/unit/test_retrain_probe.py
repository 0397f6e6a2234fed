"""The probe: what it costs, what it foretells, and how honest its interval is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.domain.errors import RunError
from driftwatch.domain.run import Recipe
from driftwatch.domain.text import Text
from driftwatch.retrain.finetune.family import Family
from driftwatch.retrain.probe.cost import STEP, read_cost, steps_of, train_cost
from driftwatch.retrain.probe.extrapolation import EXPONENT, PART, Extrapolated, Measured, extrapolate
from driftwatch.retrain.probe.plan import MEASURED_TIMES, Plan, plan, recipe_of
from driftwatch.retrain.probe.record import STEPS, Prediction, load_prediction, save_prediction

AT = datetime(2026, 1, 1, tzinfo=UTC)
READ = 2 / 3
RECIPE = Recipe(name="r", learning_rates=(1e-3,), batch=8, context=128, epochs=2.0)


def texts(kind: str, number: int) -> list[Text]:
    return [Text(id=f"{kind}{n}", body="word " * (5 + n % 60), seen_at=AT) for n in range(number)]


def count(some: Sequence[Text]) -> list[int]:
    return [len(text.body.split()) + 1 for text in some]


def planned(fresh: Sequence[Text], replay: Sequence[Text], held: Sequence[Text], recipe: Recipe = RECIPE) -> Plan:
    return plan(fresh, replay, held, recipe, count=count, read=READ)


@given(st.integers(0, 3_000), st.integers(0, 500), st.floats(0.0, 0.3), st.floats(0.5, 4.0))
@settings(max_examples=40, deadline=None)
def test_no_plan_costs_more_than_the_recipe_allows(train: int, held: int, share: float, epochs: float) -> None:
    recipe = Recipe(name="r", probe=share, epochs=epochs)
    made = planned(texts("t", train), texts("r", train // 4), texts("h", held), recipe)
    full = sum(count([*texts("t", train), *texts("r", train // 4)])) * epochs
    spent = MEASURED_TIMES * READ * sum(count(made.held))
    if made.part:
        small = recipe_of(recipe, made.tokens)
        spent += made.tokens + STEP * steps_of(made.tokens, small)
    assert made.full_tokens == pytest.approx(full)
    assert made.fresh_tokens == pytest.approx(sum(count(texts("t", train))) * epochs)
    assert spent <= share * train_cost(full, recipe) + 1e-6
    assert made.cost == pytest.approx(spent / train_cost(full, recipe) if full else 0.0)
    assert made.tokens == sum(count(made.part))
    assert {text.id[0] for text in made.part} <= {"t"}, "replayed texts teach nothing new"


def test_the_budget_is_used() -> None:
    fresh, replay, held = texts("t", 2_400), texts("r", 600), texts("h", 500)
    made = planned(fresh, replay, held)
    assert 0.09 < made.cost <= 0.1
    assert STEPS // 2 < steps_of(made.tokens, recipe_of(RECIPE, made.tokens)) <= STEPS
    assert planned(fresh[::-1], replay[::-1], held[::-1]) == made


def test_texts_that_lie_on_disk_are_read_once() -> None:
    class OnDisk(list[Text]):
        readings = 0

        def __iter__(self) -> Iterator[Text]:
            OnDisk.readings += 1
            return super().__iter__()

    planned(OnDisk(texts("t", 300)), OnDisk(texts("r", 60)), OnDisk(texts("h", 60)))
    assert OnDisk.readings == 3


@pytest.mark.parametrize("family", Family)
def test_what_reading_costs_is_told_for_every_family(family: Family) -> None:
    wide = read_cost(family, replace(RECIPE, precision="float32"))
    assert wide == pytest.approx(1.0 if family is Family.MASKED else 1 / 3), "a masked text goes through three times"
    assert read_cost(family, replace(RECIPE, precision="bfloat16")) > wide, "models are scored in float32 all the same"


@pytest.mark.parametrize(
    ("tokens", "batch", "context", "rate"),
    [(1_500, 2, 64, 1e-3 * (1 / 8) ** 0.5), (16 * 1_024, 8, 128, 1e-3), (10**8, 8, 128, 1e-3), (10, 1, 64, 2.5e-4)],
)
def test_small_trainings_take_smaller_and_gentler_steps(tokens: int, batch: int, context: int, rate: float) -> None:
    made = recipe_of(RECIPE, tokens)
    assert (made.batch, made.context, made.epochs) == (batch, context, 1.0)
    assert made.learning_rates[0] == pytest.approx(rate)


def told(
    first: float, *, shock: float = 0.0, noise: float = 0.0, growth: float = 20, steps: int = STEPS, tokens: int = 10**6
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
    assert width(told(0.3)) < width(told(0.3, steps=STEPS // 4))
    assert width(told(0.3)) < width(told(0.3, tokens=1_000))


def test_nothing_gained_is_foretold_as_nothing() -> None:
    found = told(0.0, noise=0.02)
    assert -0.05 < found.whole.low < 0.0 < found.whole.high < 0.05


def test_texts_of_one_group_foretell_nothing() -> None:
    ones = np.ones(20)
    with pytest.raises(ValueError, match="too few"):
        extrapolate(
            Measured(champion=ones, towards=ones, tokens=ones, groups=["one"] * 20),
            tokens=1,
            full=9,
            steps=STEPS,
            seed=1,
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
