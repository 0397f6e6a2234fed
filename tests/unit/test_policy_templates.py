"""Labels and annotations with figures: written in words, safe, and checked when they are read."""

from __future__ import annotations

import math

import pytest

from driftwatch.policy.mistakes import ExpressionError
from driftwatch.policy.templates import compile_template


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("{{ drift.new_share | percent }} of {{ stream }}", "12.3 % of support"),
        ("{{drift.new_share}}", "0.1235"),
        ("{{ champion.age | duration }}", "1d 1h"),
        ("{{ runs.last_age | duration }}", "no such moment yet"),
        ("{{ window.texts }} and {{ window.texts | whole }}", "12,500 and 12,500"),
        ("{{ loss.increase | hundredths }}, {{ loss.increase | tenths }}", "0.06, 0.1"),
        ("{{ drift.alarm }} {{ drift.state }}", "true harmful-drift"),
        ("{{ tokens.jsd | percent }}", "unknown"),
        ("{{ loss.nats }}", "unknown"),
        ("nothing { } }} here", "nothing { } }} here"),
        ("", ""),
    ],
)
def test_figures_stand_in_their_places(text: str, written: str) -> None:
    values: dict[str, float | str] = {
        "stream": "support",
        "drift.new_share": 0.12345,
        "champion.age": 90_000.0,
        "runs.last_age": math.inf,
        "window.texts": 12_500,
        "loss.increase": 0.0551,
        "loss.nats": math.nan,
        "drift.alarm": 1.0,
        "drift.state": "harmful-drift",
    }
    assert compile_template(text).render(values) == written


def test_a_text_without_figures_is_fixed() -> None:
    assert compile_template("page").fixed
    assert not compile_template("{{ stream }}").fixed


@pytest.mark.parametrize(
    "text", ["{{ stream.__class__ }}", "{{ ''.join }}", "{{ stream | upper | lower }}", "{{ {{ }}"]
)
def test_nothing_but_names_and_filters_is_taken(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_template(text)


def test_the_place_of_a_mistake_is_told_over_lines() -> None:
    with pytest.raises(ExpressionError) as raised:
        compile_template("one\ntwo {{ drift.new_shar }}")
    assert (raised.value.line, raised.value.column) == (2, 8)


def test_a_text_full_of_figures_is_refused() -> None:
    with pytest.raises(ExpressionError, match="more than 50 figures"):
        compile_template("{{ stream }}" * 60)
