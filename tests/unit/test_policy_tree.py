"""Conditions taken apart: every part has its value, and the whole means what the condition means."""

from __future__ import annotations

import pytest

from driftwatch.domain.explanation import branches
from driftwatch.policy.expressions import compile_expression
from driftwatch.policy.tree import pieces, tree

VALUES: dict[str, float | str] = {
    "drift.alarm": 1.0,
    "drift.state": "harmful-drift",
    "loss.increase": 0.08,
    "tokens.jsd": 0.02,
    "window.texts": 500,
    "champion.age": 90_000.0,
}


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("drift.alarm", ()),
        ("(drift.alarm)", ()),
        ("a || b && c", ("a", "b && c")),
        ("(a || b) && c", ("a || b", "c")),
        ("((a) || (b))", ("a", "b")),
        ("!(a && b)", ("a && b",)),
        ("!a && b", ("!a", "b")),
        ("a ? b : c ? d : e", ("a", "b", "c ? d : e")),
        ("loss.increase + 0.1 > tokens.jsd * 2.0", ("loss.increase + 0.1", "tokens.jsd * 2.0")),
        ("loss.increase - tokens.jsd - 0.1", ("loss.increase - tokens.jsd", "0.1")),
        ("loss.increase > -0.1", ("loss.increase", "-0.1")),
        ("-loss.increase", ("loss.increase",)),
        ("loss.increase > 1e-3", ("loss.increase", "1e-3")),
        ('drift.state == "a && b"', ("drift.state", '"a && b"')),
        ('drift.state in ["stable", "silent-decay"]', ("drift.state", '["stable", "silent-decay"]')),
        ("double(window.texts) > 3.0", ("double(window.texts)", "3.0")),
        ("drift.alarm // why && not\n || loss.increase > 0.1", ("drift.alarm // why && not", "loss.increase > 0.1")),
    ],
)
def test_parts_are_one_step_down(text: str, parts: tuple[str, ...]) -> None:
    bare = text.strip()
    while bare.startswith("((") or bare == "(drift.alarm)":
        bare = bare[1:-1]
    assert pieces(bare) == parts


@pytest.mark.parametrize(
    "text",
    [
        "drift.alarm && loss.increase > 0.05",
        "drift.alarm && (loss.increase > 0.1 || tokens.jsd > 0.01) && !(window.texts < 400)",
        'drift.state == "harmful-drift" ? loss.increase > 0.2 : drift.alarm',
        "loss.increase - tokens.jsd * 2.0 > 0.03",
        "double(window.texts) / 2.0 > 249.0",
        "champion.age > 86400.0 || feedback.accuracy < 0.9",
        'drift.state in ["stable", "silent-decay"]',
        "1.0 / (loss.increase - 0.08) > 0.0 && window.texts / (window.texts - 500) > 3",
    ],
)
def test_the_whole_tree_means_what_the_condition_means(text: str) -> None:
    drawn = tree(text, VALUES, nats="nats/token")
    assert drawn.holds == compile_expression(text).evaluate(VALUES).value
    seen = "\n".join(branches(drawn))
    for name in compile_expression(text).variables:
        assert f"{name} = " in seen


def test_figures_have_their_units() -> None:
    drawn = tree("champion.age > 86400.0 && loss.increase > 0.05 && feedback.n > 3", VALUES, nats="nats/text")
    assert branches(drawn) == [
        "champion.age > 86400.0 && loss.increase > 0.05 && feedback.n > 3 = not measured: feedback.n",
        "  champion.age > 86400.0 = true",
        "    champion.age = 1d 1h",
        "  loss.increase > 0.05 = true",
        "    loss.increase = 0.08 nats/text",
        "  feedback.n > 3 = not measured: feedback.n",
        "    feedback.n = not measured: feedback.n",
    ]
