"""Conditions: what compiles, what is said of what does not, and what evaluation makes of odd values."""

from __future__ import annotations

import math
import re
import time

import pytest

from driftwatch.policy.expressions import LONGEST, compile_expression
from driftwatch.policy.grammar import comparisons, names
from driftwatch.policy.mistakes import ExpressionError
from driftwatch.policy.variables import RESERVED, VARIABLES, Kind

MOST_SECONDS = 10
"""Of this thread's CPU time: what takes milliseconds as it is would take hours, were nothing cut off."""

VALUES: dict[str, float | str] = {
    "loss.increase": 0.08,
    "embedding.mmd_p": 0.001,
    "tokens.jsd": 0.2,
    "window.texts": 500,
}
VALUES |= {"drift.alarm": 1.0, "drift.state": "harmful-drift"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("loss.increase > 0.05", True),
        ("loss.increase > 0.08", False),
        ("0.05 < loss.increase", True),
        ("loss.increase > 0.05 && embedding.mmd_p <= 0.001", True),
        ("loss.increase > 0.5 || tokens.jsd > 0.1", True),
        ("!(loss.increase > 0.05)", False),
        ("loss.increase > 0.05 ? tokens.jsd > 0.1 : false", True),
        ("window.texts >= 500", True),
        ("double(window.texts) * 0.5 > 100.0", True),
        ("loss.increase > double(1)", False),
        ("loss.increase > -1.0 // a remark", True),
        ("loss . increase > 0.05", True),
        ("true", True),
        ("1 < 2", True),
        ("drift.alarm", True),
        ("drift.alarm && loss.increase > 0.05", True),
        ("!drift.alarm", False),
        ('drift.state == "harmful-drift"', True),
        ("drift.state in ['stable', 'benign-drift']", False),
    ],
)
def test_conditions_give_true_or_false(text: str, value: bool) -> None:
    assert compile_expression(text).evaluate(VALUES).value is value


@pytest.mark.parametrize(
    ("text", "place", "what", "cure"),
    [
        ("loss.incraese > 0.05", "1:1", 'unknown variable "loss.incraese"', 'did you mean "loss.increase"?'),
        ("true &&\n  loss.incraese > 0.05", "2:3", "unknown variable", "loss.increase"),
        ("xyz > 1.0", "1:1", 'unknown variable "xyz"', "known are drift.alarm"),
        ("loss > 1.0", "1:1", '"loss" is a group of variables', "loss.nats, loss.increase"),
        ("window.age > 5.0", "1:1", '"window.age" is not measured yet', 'use "for" with a duration until it is'),
        ("drift.evidence > 0", "1:16", "a decimal number meets a whole number", 'write "0.0" instead of "0"'),
        ("drift.alarm > 0.5", "1:13", "cannot be done with (true or false, decimal number)", 'write "drift.alarm"'),
        ('drift.state == "harmfull-drift"', "1:16", "is never the value", 'did you mean "harmful-drift"?'),
        ("loss.nats > 1.0\n  && drift.state == 'bad'", "2:21", "is never the value", "known are stable"),
        ("loss.increase > 1", "1:15", "never compared", 'write "1.0" instead of "1"'),
        ("loss.increase > -1", "1:15", "never compared", 'write "-1.0" instead of "-1"'),
        ("1 < loss.increase", "1:3", "never compared", 'write "1.0" instead of "1"'),
        (
            "window.texts > 500.0",
            "1:14",
            "never compared",
            'write "500" instead of "500.0"',
        ),
        ("loss.increase > 'a'", "1:15", "cannot be done with (decimal number, word)", None),
        ("loss.increase", "1:1", "gives a number, not true or false", "compare it with a limit"),
        ("dyn(1)", "1:1", "gives anything, not true or false", "compare it with a limit"),
        ("loss.increase >", "1:16", "ends too early", "finish it"),
        ("loss.increase > 0.05 and true", "1:22", '"and" is not expected here', 'write "&&" for and'),
        ("loss.increase > 0.05 or true", "1:22", '"or" is not expected here', 'write "||" for or'),
        ("loss.increase = 0.05", "1:15", '"=" is not expected here', 'write "==" for equal'),
        ("loss.increase > 0,05", "1:18", '"," is not expected here', "write decimals with a point"),
        ("# nothing", "1:1", '"#" is not expected here', "no place in a condition"),
        ("", "1:1", "the condition is empty", "write one"),
        ("   ", "1:1", "the condition is empty", "write one"),
        ("true " * LONGEST, "1:1", "characters", "shorten it"),
        ("(" * 500 + "true" + ")" * 500, "1:1", "cannot be read", "simplify it"),
        ("true && \ud800", "1:1", "cannot be read", "simplify it"),
        ("true && \x00", "1:9", "is not expected here", None),
    ],
)
def test_what_does_not_compile_says_where_and_how_to_cure_it(
    text: str, place: str, what: str, cure: str | None
) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text)
    assert raised.value.where == place
    assert what in raised.value.what
    assert cure is None or cure in (raised.value.cure or "")


@pytest.mark.parametrize("name", [name for name, variable in VARIABLES.items() if variable.kind is Kind.DECIMAL])
def test_every_decimal_variable_is_known(name: str) -> None:
    assert compile_expression(f"{name} > 1.5").evaluate({name: 2.0}).value is True


@pytest.mark.parametrize("name", [name for name, variable in VARIABLES.items() if variable.kind is Kind.WHOLE])
def test_every_whole_variable_is_known(name: str) -> None:
    assert compile_expression(f"{name} > 1").evaluate({name: 2}).value is True


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_every_name_kept_for_later_says_so(name: str) -> None:
    with pytest.raises(ExpressionError, match="not measured yet"):
        compile_expression(f"{name} > 1.0")


def test_names_kept_for_later_are_not_variables() -> None:
    assert not set(RESERVED) & set(VARIABLES)


@pytest.mark.parametrize("value", [math.nan, None])
@pytest.mark.parametrize("text", ["loss.increase > 0.05", "!(loss.increase > 0.05)", "true || loss.increase > 0.05"])
def test_a_missing_variable_is_neither_true_nor_false(text: str, value: float | None) -> None:
    values = {} if value is None else {"loss.increase": value}
    evaluation = compile_expression(text).evaluate(values)
    assert evaluation.value is None
    assert evaluation.problem == "not measured: loss.increase"


@pytest.mark.parametrize("text", ["1/0 > 2", "[true][7]", "true && dyn(1)", "window.texts % 0 == 0"])
def test_an_error_value_is_neither_true_nor_false(text: str) -> None:
    evaluation = compile_expression(text).evaluate(VALUES)
    assert evaluation.value is None
    assert evaluation.problem


@pytest.mark.parametrize("value", [0.5, math.inf, -math.inf, 10**30])
def test_a_count_that_is_none_is_neither_true_nor_false(value: float) -> None:
    assert compile_expression("window.texts > 1").evaluate({"window.texts": value}).value is None


def test_infinity_is_a_number() -> None:
    assert compile_expression("runs.last_age > 86400.0").evaluate({"runs.last_age": math.inf}).value is True


def test_a_bomb_ends_at_once_without_a_value() -> None:
    numbers = "[" + ",".join(["1"] * 100) + "]"
    bomb = f"{numbers}.all(a,{numbers}.all(b,{numbers}.all(c,{numbers}.all(d, a+b+c+d > 0))))"
    condition = compile_expression(bomb)
    began = time.thread_time()
    assert condition.evaluate({}).value is None
    assert time.thread_time() - began < MOST_SECONDS


def test_evaluation_shows_the_figures_of_every_comparison() -> None:
    condition = compile_expression("loss.increase > 0.05 && (embedding.mmd_p <= 0.0001 || !(tokens.jsd < 0.1))")
    found = condition.evaluate(VALUES)
    assert found.value is True
    assert [(part.text, dict(part.figures), part.holds) for part in found.comparisons] == [
        ("loss.increase > 0.05", {"loss.increase": 0.08}, True),
        ("embedding.mmd_p <= 0.0001", {"embedding.mmd_p": 0.001}, False),
        ("tokens.jsd < 0.1", {"tokens.jsd": 0.2}, False),
    ]


def test_comparisons_are_shown_even_where_one_figure_is_missing() -> None:
    found = compile_expression("loss.increase > 0.05 && tokens.jsd > 0.1").evaluate({"tokens.jsd": 0.2})
    assert [part.holds for part in found.comparisons] == [None, True]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a && b", ()),
        ("((loss.nats > 1.0))", ("loss.nats > 1.0",)),
        ("(loss.nats > 1.0) && (loss.nats > 1.0)", ("loss.nats > 1.0",)),
        ("'a && b' == 'c' && loss.nats > 1.0", ("loss.nats > 1.0",)),
        ("[loss.nats, 1.0].exists(x, x > 1.0 && x < 2.0)", ("[loss.nats, 1.0].exists(x, x > 1.0 && x < 2.0)",)),
        ("loss.nats != 1.0 || tokens.jsd > 0.5", ("loss.nats != 1.0", "tokens.jsd > 0.5")),
        ("loss.nats > 1.0 // && no", ("loss.nats > 1.0 // && no",)),
    ],
)
def test_conditions_are_cut_where_logic_joins_them(text: str, parts: tuple[str, ...]) -> None:
    assert comparisons(text) == parts


def test_variables_are_named_once_in_order_and_not_in_strings() -> None:
    assert names("tokens.jsd > loss.nats && loss.nats > 'embedding.mmd2'.size()") == ("tokens.jsd", "loss.nats")


@pytest.mark.parametrize(
    ("text", "cured"),
    [
        ("loss.increase > 1", "loss.increase > 1.0"),
        ("1 < loss.increase", "1.0 < loss.increase"),
        ("100 * drift.new_share > 20.0", "100.0 * drift.new_share > 20.0"),
        ("runs.count_30d > 4.0", "runs.count_30d > 4"),
        ("4.0 < runs.count_30d", "4 < runs.count_30d"),
        ("window.texts * 0.5 > 100.0", "double(window.texts) * 0.5 > 100.0"),
        ("loss.nats < window.texts", "loss.nats < double(window.texts)"),
    ],
)
def test_the_cure_of_a_mix_of_whole_and_decimal_numbers_cures_it(text: str, cured: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text)
    swap = re.fullmatch(r'write "(.*)" instead of "(.*)"', raised.value.cure or "")
    assert swap is not None
    assert text.replace(swap[2], swap[1], 1) == cured
    assert compile_expression(cured)


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("drift.alarm > 0", "needs no comparison"),
        ("drift.state > 1", "a word is compared with words"),
        ("loss.increase in [1, 2]", "a list holds values of the same kind"),
        ("(drift.alarm ? 1 : 2.0) > 1.0", 'both sides of "? :" must be of one kind'),
        ("loss.increase => 1.0", 'write ">=" for at least'),
    ],
)
def test_other_mixes_are_explained_too(text: str, cure: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_expression(text)
    assert cure in (raised.value.cure or "")
