"""Whatever a rule says and whatever was or was not measured: a decision, never an exception."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from hypothesis import event, given, settings
from hypothesis import strategies as st

from driftwatch.domain.decision import Action, RuleState
from driftwatch.domain.drift import Measure, Outcome, WindowResult
from driftwatch.domain.errors import PolicyError
from driftwatch.policy.decide import Facts, decide
from driftwatch.policy.expressions import compile_expression
from driftwatch.policy.mistakes import MistakesError
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.variables import VARIABLES, Kind

START = datetime(2026, 11, 1, tzinfo=UTC)
DECIMALS = [name for name, variable in VARIABLES.items() if variable.kind is Kind.DECIMAL]
WHOLES = [name for name, variable in VARIABLES.items() if variable.kind is Kind.WHOLE]


def _comparison(operand: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    return st.tuples(operand, operators, operand).map(" ".join)


def _sums(operand: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return operand | st.tuples(operand, st.sampled_from(["+", "-", "*", "/"]), operand).map(
        lambda t: f"({' '.join(t)})"
    )


LIMITS = st.floats(-1e6, 1e6, allow_nan=False).map(lambda number: f"{number:.6f}")
COUNTS = st.integers(0, 10**6).map(str)
SIMPLE = (
    _comparison(_sums(st.sampled_from(DECIMALS) | LIMITS))
    | _comparison(_sums(st.sampled_from(WHOLES) | COUNTS))
    | st.sampled_from(["true", "false", "1/0 > 2", "[true][3]", "drift.alarm", 'drift.state == "silent-decay"'])
)
CONDITIONS = st.recursive(
    SIMPLE,
    lambda inner: (
        inner.map(lambda c: f"!({c})")
        | st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(lambda t: f"({' '.join(t)})")
        | st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} ? {t[1]} : {t[2]})")
    ),
    max_leaves=6,
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True) | st.integers(-(10**30), 10**30)
VALUES = st.dictionaries(st.sampled_from(sorted(VARIABLES)), NUMBERS)


@given(CONDITIONS, VALUES)
@settings(max_examples=300, deadline=None)
def test_evaluation_is_total_and_a_missing_variable_never_triggers(text: str, values: dict[str, float]) -> None:
    condition = compile_expression(text)
    found = condition.evaluate(values)
    assert found.value in (True, False, None)
    assert (found.value is None) == (found.problem is not None)
    if any(name not in values or math.isnan(values[name]) for name in condition.variables):
        assert found.value is None


@given(st.text(max_size=60) | CONDITIONS.map(lambda c: c[:-1]))
@settings(max_examples=300, deadline=None)
def test_any_text_compiles_or_is_refused_as_a_mistake(text: str) -> None:
    try:
        condition = compile_expression(text)
    except PolicyError as error:
        event(error.what.split('"')[0])
    else:
        assert condition.evaluate({}).value in (True, False, None)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda raw: raw.decode("latin-1")))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_policy_or_a_mistake(text: str) -> None:
    where = ["p.yaml"]
    try:
        parse_policies({"p.yaml": text}, streams=["s"], recipes=["small"])
    except MistakesError as error:
        where = [mistake.where for mistake in error.mistakes]
    assert where
    assert all(place.startswith("p.yaml") for place in where)


@given(st.lists(CONDITIONS, min_size=1, max_size=3), st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_decisions_are_total_and_hold_unless_everything_speaks_for_acting(
    conditions: list[str], windows: list[tuple[dict[str, float], bool]]
) -> None:
    do = ["do: alert", "do: retrain\n    recipe: small", "do: alert\n    for: 2 windows"]
    rules = [f"  - name: r{n}\n    when: {text}\n    {do[n]}" for n, text in enumerate(f"'{c}'" for c in conditions)]
    policy = parse_policies({"p.yaml": "stream: '*'\nrules:\n" + "\n".join(rules)}, streams=["s"], recipes=["small"])
    states: dict[str, RuleState] = {}
    for index, (values, enough) in enumerate(windows):
        result = _window(index, values, Outcome.ASSESSED if enough else Outcome.TOO_LITTLE_DATA)
        facts, now = Facts(fresh_texts=lambda _: 900), result.last_seen_at
        decided = decide(policy, stream="s", result=result, facts=facts, states=states, now=now)
        states = {state.rule: state for state in decided.states}
        assert len(decided.requests) <= 1
        for decision in decided.decisions:
            assert decision.reasons
            assert (decision.action is not Action.HOLD) == all(reason.met for reason in decision.reasons)
            about_window = {name for name in VARIABLES if name.startswith("window.")}
            seen = set(next(rule for rule in policy.of("s") if rule.name == decision.rule).when.variables)
            assert enough or decision.action is Action.HOLD or (seen and seen <= about_window)
            assert enough or decision.action is not Action.RETRAIN


def _window(index: int, values: dict[str, float], outcome: Outcome) -> WindowResult:
    return WindowResult(
        stream="s",
        index=index,
        first_seq=index,
        last_seq=index,
        texts=500,
        distinct=500,
        first_seen_at=START,
        last_seen_at=START + timedelta(hours=index),
        reference="r1",
        champion="v1",
        outcome=outcome,
        measures=tuple(Measure(name=name, value=value) for name, value in values.items()),
        words=(),
    )
