"""What is claimed of a condition over all windows holds of every window: never, always, implied, excluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwatch.domain.drift import DriftState
from driftwatch.policy.expressions import compile_expression
from driftwatch.policy.ranges import always, excludes, implies, never
from driftwatch.policy.syntax import Unknown, parse

if TYPE_CHECKING:
    from driftwatch.policy.variables import Value

SHARES = ["drift.new_share", "window.duplicate_share", "embedding.auc"]
FREE = ["loss.increase", "drift.evidence"]
LIMITS = st.sampled_from([-0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5]).map(lambda number: f"{number}")
SIGNS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
NAMES = st.sampled_from([*SHARES, *FREE])
SUMS = st.one_of(
    NAMES,
    LIMITS,
    st.tuples(NAMES, st.sampled_from(["+", "-", "*", "/"]), NAMES | LIMITS).map(lambda t: f"({' '.join(t)})"),
)
SIMPLE = st.one_of(
    st.tuples(NAMES, SIGNS, LIMITS).map(" ".join),
    st.tuples(LIMITS, SIGNS, NAMES).map(" ".join),
    st.tuples(SUMS, SIGNS, SUMS).map(" ".join),
    st.tuples(st.just("window.texts"), SIGNS, st.sampled_from(["0", "1", "499", "500"])).map(" ".join),
    st.sampled_from(["drift.alarm", "true", "false"]),
    st.tuples(st.sampled_from(["==", "!="]), st.sampled_from(list(DriftState))).map(
        lambda t: f'drift.state {t[0]} "{t[1]}"'
    ),
    st.sampled_from(list(DriftState)).map(lambda word: f'drift.state in ["{word}", "stable"]'),
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: (
        inner.map(lambda c: f"!({c})")
        | st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda t: f"({' '.join(t)})")
        | st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})")
    ),
    max_leaves=5,
)
SHARE_VALUES = st.sampled_from([0.0, 0.2, 0.25, 0.5, 0.6, 0.75, 1.0])
FREE_VALUES = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 3.0])


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Value]:
    state = draw(st.sampled_from(list(DriftState)))
    values: dict[str, Value] = {name: draw(SHARE_VALUES) for name in SHARES}
    values |= {name: draw(FREE_VALUES) for name in FREE}
    alarm = state in (DriftState.BENIGN_DRIFT, DriftState.HARMFUL_DRIFT)
    return {
        **values,
        "drift.state": state.value,
        "drift.alarm": float(alarm),
        "window.texts": draw(st.sampled_from([0, 1, 499, 500])),
    }


@given(CONDITIONS, CONDITIONS, st.lists(windows(), min_size=5, max_size=5))
@settings(max_examples=300, deadline=None)
def test_no_window_gives_a_claim_the_lie(one: str, other: str, seen: list[dict[str, Value]]) -> None:
    first, second = compile_expression(one), compile_expression(other)
    for values in seen:
        left, right = first.evaluate(values).value, second.evaluate(values).value
        assert not (left is True and never(one))
        assert not (left is False and always(one))
        assert not (left is True and right is False and implies(one, other))
        assert not (left is True and right is True and excludes(one, other))


@given(st.text(max_size=80) | CONDITIONS.map(lambda text: text[1:]))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_tree_or_unknown(text: str) -> None:
    assert parse(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "drift.new_share > 1.0",
        "drift.new_share * 100.0 > 150.0",
        "window.duplicate_share < 0.0 || embedding.auc > 1.2",
        "loss.increase > 0.5 && loss.increase < 0.3",
        "loss.increase > 0.5 && !(loss.increase > 0.2)",
        'drift.alarm && drift.state == "stable"',
        'drift.state == "benign-drift" && drift.state == "harmful-drift"',
        "window.texts > 4 && window.texts < 5",
        "double(window.texts) < -1.0",
        "champion.age < 0.0",
        "drift.alarm ? false : drift.new_share > 2.0",
        "0.5 < loss.increase && loss.increase <= 0.5",
    ],
)
def test_what_can_never_be_is_found(text: str) -> None:
    assert compile_expression(text)
    assert never(text)
    assert always(f"!({text})")


@pytest.mark.parametrize(
    "text", ["loss.increase > 0.5 || drift.alarm", "drift.new_share >= 1.0", "loss.nats / loss.increase > 3.0"]
)
def test_what_can_be_either_is_claimed_to_be_neither(text: str) -> None:
    assert not never(text)
    assert not always(text)


def test_what_goes_beyond_the_grammar_is_claimed_nothing_of() -> None:
    text = "[0.1, 0.2].exists(x, drift.new_share > x + 5.0)"
    assert compile_expression(text)
    assert parse(text) == Unknown()
    assert not never(text)


def test_a_condition_of_many_ways_is_answered_soon() -> None:
    text = (
        " && ".join(f"(loss.increase > {n}.0 || drift.new_share > 0.{n})" for n in range(1, 10))
        + " && drift.new_share > 2.0"
    )
    assert never(text)
