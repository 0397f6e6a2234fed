"""Warnings of what a policy says and cannot mean; and none of what it may."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from policy_stream import START, window

from driftwatch.domain.drift import WindowResult
from driftwatch.policy.advice import Advice, Finding, Sizes, advise
from driftwatch.policy.history import Moment, advise_by, recorded
from driftwatch.policy.rules import load_policies, parse_policies
from driftwatch.policy.ruleset import Policy
from driftwatch.policy.variables import Facts
from driftwatch.retrain.recipe import builtin_recipes

NOW = datetime(2026, 11, 20, tzinfo=UTC)
SHIPPED = [
    path for path in sorted((Path(__file__).parents[2] / "policies").glob("*.yaml")) if ".test." not in path.name
]


def policy(*rules: str, streams: tuple[str, ...] = ("s",)) -> Policy:
    text = "stream: '*'\nrules:\n" + "\n".join(f"  - {{{rule}}}" for rule in rules)
    return parse_policies({"p.yaml": text}, streams=streams, recipes=["small"])


def said(*rules: str, window_size: int = 500) -> list[Advice]:
    return list(advise(policy(*rules), sizes={"s": Sizes(window=window_size)}, now=NOW))


def tell(when: str, more: str = "") -> str:
    return f"name: tell, when: '{when}', do: alert{more}"


def learn(name: str = "learn", when: str = "drift.alarm", more: str = "") -> str:
    return f"name: {name}, when: '{when}', do: retrain, recipe: small{more}"


LIMITED = ", limits: {cooldown: 1d, "
CASES = [
    (
        tell("drift.new_share > 1.5"),
        Finding.NEVER,
        "drift.new_share > 1.5 cannot be, for drift.new_share is from 0 to 1",
    ),
    (tell("champion.age < 0.0"), Finding.NEVER, "champion.age is at least 0"),
    (tell('drift.alarm && drift.state == "stable"'), Finding.NEVER, "its parts exclude each other"),
    (tell("drift.new_share >= 0.0"), Finding.ALWAYS, "true of every window"),
    (tell("true"), Finding.ALWAYS, "true of every window"),
    (tell("loss.increase > 0.1", ", clear: loss.increase > 0.2"), Finding.LIMITS, "a streak never ends"),
    (tell("loss.increase > 0.1", ", clear: loss.increase < 0.2"), Finding.LIMITS, "clear changes nothing"),
    (tell("loss.increase > 0.1", ", clear: 1 window"), Finding.LIMITS, "changes nothing"),
    (tell("drift.alarm", ", limits: {blackout: [2020-12-24..2021-01-02]}"), Finding.LIMITS, "its blackout is over"),
    (tell("drift.alarm", ", limits: {blackout: [2026-01-01..2099-12-31]}"), Finding.LIMITS, "no day in a year"),
    (
        tell("drift.alarm", ', limits: {hours: "Mon 22:00-23:00 UTC", blackout: [2026-11-01..2027-12-31]}'),
        Finding.LIMITS,
        "leaves none of its hours within a year",
    ),
    (learn(more=LIMITED + "gpu_hours: 5 per 30d}, max_hours: 6"), Finding.LIMITS, "one run may take 6 h: none is ever"),
    (learn(more=", limits: {cooldown: 14d, runs: 4 per 30d}"), Finding.LIMITS, "leaves at most 3 runs within 30d"),
    (
        learn(more=", for: 3 windows, need: {fresh_texts: 2000}"),
        Finding.LIMITS,
        "it acts after 4 windows at the earliest",
    ),
]


@pytest.mark.parametrize(("rule", "finding", "what"), CASES)
def test_what_cannot_be_meant_is_told_with_its_place(rule: str, finding: Finding, what: str) -> None:
    (advice,) = said(rule)
    assert advice.finding is finding
    assert what in advice.what
    assert (advice.where, advice.streams) == ("p.yaml:3:5", ("s",))
    assert str(advice).startswith("p.yaml:3:5: warning: rule ")


@pytest.mark.parametrize(
    "rule",
    [
        tell("loss.increase > 0.1", ", clear: loss.increase < 0.05"),
        tell("drift.new_share >= 1.0"),
        tell("drift.alarm", ', limits: {hours: "22:00-06:00 UTC", blackout: [2026-12-24..2027-01-02]}'),
        learn(more=LIMITED + "gpu_hours: 6 per 30d, runs: 30 per 30d}, max_hours: 6"),
        learn(more=", for: 4 windows, need: {fresh_texts: 2000}"),
        learn(more=", for: 6h, need: {fresh_texts: 2000}"),
        learn(when="champion.age > 2592000.0", more=", need: {fresh_texts: 5000}"),
    ],
)
def test_nothing_is_said_of_what_may_well_be_meant(rule: str) -> None:
    assert said(rule) == []


@pytest.mark.parametrize(
    ("first", "second", "shadowed"),
    [
        (learn("a", "loss.increase > 0.05"), learn("b", "loss.increase > 0.1"), ["b"]),
        (learn("a", "loss.increase > 0.1"), learn("b", "loss.increase > 0.05"), []),
        (learn("a", "loss.increase > 0.05", ", for: 2 windows"), learn("b", "loss.increase > 0.1"), []),
        (learn("a", "loss.increase > 0.1"), learn("b", "loss.increase > 0.05", ", priority: 5"), ["a"]),
        (learn("a", more=", need: {fresh_texts: 500}"), learn("b", more=", need: {fresh_texts: 400}"), []),
        (learn("a", more=", limits: {cooldown: 2d}"), learn("b", more=", limits: {cooldown: 1d}"), []),
        (learn("a", more=", limits: {concurrency: 1}"), learn("b"), []),
        (learn("a", more=", unless: [b]"), learn("b"), []),
        (tell("drift.alarm"), learn("b"), []),
    ],
)
def test_a_rule_whose_runs_another_always_takes_is_told(first: str, second: str, shadowed: list[str]) -> None:
    found = [advice for advice in said(first, second) if advice.finding is Finding.SHADOWED]
    assert [advice.rule for advice in found] == shadowed


def test_a_rule_that_waits_for_one_that_is_always_in_force_then_is_told() -> None:
    told = tell("loss.increase > 0.1", ", unless: [any]")
    (advice,) = said(told, "name: any, when: loss.increase > 0.05, do: alert")
    assert (advice.rule, advice.finding) == ("tell", Finding.NEVER)
    assert 'rule "any" is in force, which it waits for' in advice.what
    assert said(told, "name: any, when: loss.increase > 0.05, for: 2 windows, do: alert") == []


def test_advice_that_is_the_same_in_several_streams_is_given_once() -> None:
    (advice,) = advise(policy(tell("true"), streams=("s", "t")), sizes={}, now=NOW)
    assert advice.streams == ("s", "t")


@pytest.mark.parametrize("file", SHIPPED, ids=lambda path: path.stem)
def test_there_is_nothing_to_say_of_shipped_policies(file: Path) -> None:
    found = load_policies([file], streams=["s"], recipes=tuple(builtin_recipes()))
    assert advise(found, sizes={"s": Sizes(window=500)}, now=NOW) == ()


def test_history_tells_what_was_always_true_and_what_was_never_measured() -> None:
    rules = policy(
        tell("loss.increase > 0.01"),
        "name: seldom, when: loss.increase > 0.9, do: alert",
        "name: blind, when: tokens.jsd > 0.1, do: alert",
        "name: moment, when: champion.age > 5.0, do: alert",
    )
    windows = [window(index, loss__increase=0.05 if index else math.nan) for index in range(60)]
    records = recorded(rules, {"s": windows}, unknown)
    assert [(each.rule, each.windows, each.held, each.unjudged, each.told) for each in records] == [
        ("tell", 60, 59, 1, True), ("seldom", 60, 0, 1, True), ("blind", 60, 0, 60, True), ("moment", 0, 0, 0, False),
    ]  # fmt: skip
    assert str(records[0]) == "s/tell: true of 59 of the last 60 windows (98.3%), 1 could not be judged"
    assert [(each.rule, each.finding) for each in advise_by(records, rules)] == [
        ("tell", Finding.ALWAYS), ("blind", Finding.UNMEASURED),
    ]  # fmt: skip
    assert list(advise_by(recorded(rules, {"s": windows[:20]}, unknown), rules)) == []


def unknown(_result: WindowResult) -> Moment | None:
    return None


def test_what_was_known_at_the_moment_is_looked_at_where_it_is_recorded() -> None:
    rules = policy(tell("champion.age > 5400.0"))

    def moment(result: WindowResult) -> Moment | None:
        facts = Facts(fresh_texts=lambda _: 0, champion_at=START)
        return Moment(at=result.last_seen_at, facts=facts) if result.index % 2 else None

    (record,) = recorded(rules, {"s": [window(index) for index in range(10)]}, moment)
    assert (record.windows, record.held, record.told) == (5, 5, True)


def test_a_calendar_is_looked_at_from_the_moment_of_asking() -> None:
    rule = tell("drift.alarm", ", limits: {blackout: [2026-12-24..2027-01-02]}")
    assert said(rule) == []
    later = advise(policy(rule), sizes={}, now=NOW + timedelta(days=90))
    assert [advice.finding for advice in later] == [Finding.LIMITS]
