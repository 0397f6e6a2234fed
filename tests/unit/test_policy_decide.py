"""Decisions: streaks, holds, cooldowns, needs, and the reasons with their figures."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from policy_stream import HOUR, START, Stream, window

from driftwatch.domain.decision import Action, Decision, RunFact
from driftwatch.domain.drift import Outcome, WindowResult
from driftwatch.domain.features import LossUnit
from driftwatch.domain.run import GateLimits
from driftwatch.policy.decide import Decided, Facts, RetrainRequest
from driftwatch.policy.rules import parse_policies

if TYPE_CHECKING:
    from datetime import datetime

    from driftwatch.policy.ruleset import Policy


def policy(*rules: str) -> Policy:
    text = "stream: '*'\nrules:\n" + "\n".join(f"  - {{{rule}}}" for rule in rules)
    return parse_policies({"p.yaml": text}, streams=["s"], recipes=["small"])


ALERT = "name: tell, when: loss.increase > 0.05, do: alert"
RETRAIN = (
    "name: learn, when: loss.increase > 0.05, for: 2 windows, do: retrain, recipe: small, need: {fresh_texts: 900}"
)


def run(hours: float = 1.0, *, began_at: datetime = START, ended_at: datetime | None = START) -> RunFact:
    return RunFact(rule="learn", began_at=began_at, ended_at=ended_at, training_hours=hours)


def bad(index: int) -> WindowResult:
    return window(index, loss__increase=0.08)


def good(index: int) -> WindowResult:
    return window(index, loss__increase=0.01)


def why(decision: Decision, subject: str) -> tuple[bool, str]:
    return next((reason.met, reason.detail) for reason in decision.reasons if reason.subject == subject)


def test_an_alert_acts_once_a_streak() -> None:
    stream = Stream(policy(ALERT))
    assert stream.actions(good(0), bad(1), bad(2), good(3), bad(4)) == ["hold", "alert", "hold", "hold", "alert"]


def test_a_hold_says_what_it_saw_against_which_limit() -> None:
    decided = Stream(policy(ALERT)).see(good(0))
    assert why(decided.decisions[0], "when") == (
        False,
        "loss.increase > 0.05 does not hold (loss.increase = 0.01 nats/token)",
    )
    masked = Stream(policy(ALERT)).see(replace(bad(0), loss_unit=LossUnit.MASKED_TOKEN))
    assert why(masked.decisions[0], "when")[1].endswith("(loss.increase = 0.08 nats/masked token)")


def test_a_decision_names_stream_window_rule_time_and_policy() -> None:
    rules = policy(ALERT)
    decision = Stream(rules).see(bad(3)).decisions[0]
    assert (decision.stream, decision.window, decision.rule, decision.policy) == ("s", 3, "tell", rules.hash)
    assert decision.at == START + 4 * HOUR + timedelta(minutes=1)


def test_the_same_streak_is_not_alerted_twice_and_says_so() -> None:
    stream = Stream(policy(ALERT))
    stream.see(bad(0))
    met, detail = why(stream.see(bad(1)).decisions[0], "streak")
    assert not met
    assert detail == "already alerted at 2026-11-01 01:01:00 UTC; once a streak is enough"


def test_for_windows_counts_from_the_first_true_one() -> None:
    stream = Stream(policy(ALERT + ", for: 3 windows"))
    assert stream.actions(bad(0), bad(1), good(2), bad(3), bad(4), bad(5)) == ["hold"] * 5 + ["alert"]
    assert stream.states["tell"].since_window == 3


def test_for_windows_says_how_far_it_is() -> None:
    stream = Stream(policy(ALERT + ", for: 3 windows"))
    stream.see(bad(7))
    assert why(stream.see(bad(8)).decisions[0], "for") == (
        False,
        "true for 2 windows since window 7 (2026-11-01 08:00:00 UTC), 3 windows needed",
    )


def test_for_a_duration_is_measured_on_the_texts_own_time() -> None:
    stream = Stream(policy(ALERT + ", for: 2h 30m"))
    assert stream.actions(*(bad(n) for n in range(5))) == ["hold", "hold", "hold", "alert", "hold"]


def test_a_streak_that_ends_after_acting_is_reported_for_its_alert_to_be_resolved() -> None:
    stream = Stream(policy(ALERT))
    assert stream.see(bad(0)).ended == ()
    assert stream.see(bad(1)).ended == ()
    ended = stream.see(good(2)).ended
    assert [(state.rule, state.since_window) for state in ended] == [("tell", 0)]
    assert stream.see(good(3)).ended == ()


def test_a_streak_that_never_acted_ends_silently() -> None:
    stream = Stream(policy(ALERT + ", for: 5 windows"))
    stream.see(bad(0))
    assert stream.see(good(1)).ended == ()


def test_cooldown_keeps_an_alert_back_until_it_is_over() -> None:
    stream = Stream(policy(ALERT + ", limits: {cooldown: 4h}"))
    assert stream.actions(bad(0), good(1), bad(2), bad(3), bad(4)) == ["alert", "hold", "hold", "hold", "alert"]


def test_cooldown_says_how_long_ago() -> None:
    stream = Stream(policy(ALERT + ", limits: {cooldown: 4h}"))
    stream.see(bad(0))
    stream.see(good(1))
    assert why(stream.see(bad(2)).decisions[0], "limits.cooldown") == (
        False,
        "last acted 2h ago, cooldown 4h; next allowed 2026-11-01 05:01:00 UTC",
    )


def test_a_retrain_asks_for_a_run_with_everything_its_rule_says() -> None:
    gates = ", gates: {quality: {min_gain: 0.2}}, rounds: 4, promote: auto"
    stream = Stream(policy(RETRAIN + gates))
    assert stream.see(bad(5)).requests == ()
    assert stream.see(bad(6)).requests == (
        RetrainRequest(
            rule="learn",
            recipe="small",
            limits=GateLimits(quality_min_gain=0.2),
            rounds=4,
            approve=False,
            since_window=5,
            window=6,
        ),
    )


def test_a_retrain_lists_everything_it_looked_at() -> None:
    stream = Stream(policy(RETRAIN))
    stream.see(bad(0))
    decision = stream.see(bad(1)).decisions[0]
    assert decision.action is Action.RETRAIN
    assert [reason.subject for reason in decision.reasons] == [
        "when",
        "for",
        "champion",
        "running",
        "need.fresh_texts",
        "limits.cooldown",
    ]
    assert why(decision, "need.fresh_texts") == (True, "10,000 texts since window 0, 900 needed")
    assert why(decision, "limits.cooldown") == (True, "never acted before")


def test_fresh_texts_are_counted_from_the_onset() -> None:
    facts = Facts(fresh_texts=lambda since: (10 - since) * 500)
    stream = Stream(policy(RETRAIN.replace("900", "1100")), facts)
    stream.see(bad(8))
    decision = stream.see(bad(9)).decisions[0]
    assert decision.action is Action.HOLD
    assert why(decision, "need.fresh_texts") == (False, "1,000 texts since window 8, 1,100 needed")


def test_a_run_under_way_keeps_the_next_back() -> None:
    stream = Stream(policy(RETRAIN), Facts(fresh_texts=lambda _: 10_000, runs=(run(ended_at=None),)))
    stream.see(bad(0))
    assert why(stream.see(bad(1)).decisions[0], "running") == (False, "a run of this stream is under way")


def test_two_rules_never_ask_for_two_runs_at_once() -> None:
    stream = Stream(policy(RETRAIN, RETRAIN.replace("learn", "again")))
    stream.see(bad(0))
    decided = stream.see(bad(1))
    assert [decision.action for decision in decided.decisions] == [Action.RETRAIN, Action.HOLD]
    assert len(decided.requests) == 1


def test_a_stream_without_a_model_is_not_retrained() -> None:
    stream = Stream(policy(RETRAIN))
    stream.see(replace(bad(0), champion=None))
    decision = stream.see(replace(bad(1), champion=None)).decisions[0]
    assert why(decision, "champion") == (False, "the stream has no model to retrain")
    assert decision.action is Action.HOLD


def test_a_retrain_waits_from_the_end_of_the_last_run() -> None:
    rules = policy(RETRAIN + ", limits: {cooldown: 3h}")
    ended = START + 2 * HOUR
    stream = Stream(rules, Facts(fresh_texts=lambda _: 10_000, runs=(run(ended_at=ended),)))
    assert stream.actions(*(bad(n) for n in range(5))) == ["hold", "hold", "hold", "hold", "retrain"]


def test_a_retrain_acts_again_after_its_cooldown_only() -> None:
    stream = Stream(policy(RETRAIN + ", limits: {cooldown: 3h}"))
    assert stream.actions(*(bad(n) for n in range(6))) == ["hold", "retrain", "hold", "hold", "retrain", "hold"]


@pytest.mark.parametrize("odd", [
    replace(bad(1), outcome=Outcome.TOO_LITTLE_DATA),
    window(1),
    window(1, loss__increase=math.nan),
])  # fmt: skip
def test_a_window_that_cannot_be_judged_holds_and_leaves_the_streak_alone(odd: WindowResult) -> None:
    stream = Stream(policy(ALERT + ", for: 2 windows"))
    stream.see(bad(0))
    before = replace(stream.states["tell"], unjudged=int(odd.outcome is Outcome.ASSESSED))
    decided = stream.see(odd)
    assert [decision.action for decision in decided.decisions] == [Action.HOLD]
    assert stream.states["tell"] == before
    assert stream.actions(bad(2)) == ["alert"]


def test_too_little_data_is_said_with_its_figures() -> None:
    decided = Stream(policy(ALERT)).see(replace(bad(0), outcome=Outcome.TOO_LITTLE_DATA))
    assert why(decided.decisions[0], "window") == (False, "too little data: 500 texts, 450 of them distinct")


@pytest.mark.parametrize(
    ("rule", "action"),
    [
        ("name: a, when: window.duplicate_share > 0.5, do: alert", Action.ALERT),
        ("name: a, when: window.duplicate_share > 0.5 && loss.increase > 0.01, do: alert", Action.HOLD),
        ("name: a, when: window.duplicate_share > 0.5, do: retrain, recipe: small", Action.HOLD),
        ("name: a, when: 'true', do: alert", Action.HOLD),
    ],
)
def test_a_flood_is_told_though_it_leaves_too_little_data(rule: str, action: Action) -> None:
    flood = replace(bad(0), outcome=Outcome.TOO_LITTLE_DATA, distinct=3)
    assert Stream(policy(rule)).see(flood).decisions[0].action is action


def test_a_missing_measure_is_said() -> None:
    met, detail = why(Stream(policy(ALERT)).see(window(0)).decisions[0], "when")
    assert not met
    assert "nothing is done: not measured: loss.increase" in detail


def test_a_changed_rule_begins_a_new_streak_but_no_new_cooldown() -> None:
    stream = Stream(policy(ALERT + ", for: 2 windows, limits: {cooldown: 24h}"))
    assert stream.actions(bad(0), bad(1)) == ["hold", "alert"]
    stream.policy = policy(ALERT.replace("0.05", "0.06") + ", for: 2 windows, limits: {cooldown: 24h}")
    decided = stream.see(bad(2))
    assert why(decided.decisions[0], "for")[0] is False
    assert [state.since_window for state in decided.ended] == [0]
    assert why(stream.see(bad(3)).decisions[0], "limits.cooldown")[0] is False


def test_another_reference_begins_a_new_streak() -> None:
    stream = Stream(policy(ALERT))
    stream.see(bad(0))
    decided = stream.see(replace(bad(1), reference="r2"))
    assert decided.decisions[0].action is Action.ALERT
    assert [state.since_window for state in decided.ended] == [0]


def test_a_removed_rule_ends_its_streak_once() -> None:
    stream = Stream(policy(ALERT))
    stream.see(bad(0))
    stream.policy = policy(ALERT.replace("tell", "other"))
    assert [state.rule for state in stream.see(good(1)).ended] == ["tell"]
    assert stream.see(good(2)).ended == ()


def test_no_rules_no_decisions() -> None:
    empty = parse_policies({}, streams=["s"], recipes=[])
    assert Stream(empty).see(bad(0)) == Decided(decisions=(), states=(), requests=(), ended=())


@pytest.mark.parametrize(
    ("when", "facts", "holds"),
    [
        ("window.texts == 500", Facts(fresh_texts=lambda _: 0), True),
        ("window.duplicate_share > 0.09", Facts(fresh_texts=lambda _: 0), True),
        ("runs.last_age > 86400.0", Facts(fresh_texts=lambda _: 0), True),
        ("runs.last_age < 86400.0", Facts(fresh_texts=lambda _: 0, runs=(run(ended_at=START),)), True),
        ("champion.age >= 3600.0", Facts(fresh_texts=lambda _: 0, champion_at=START), True),
        ("reference.age >= 3600.0", Facts(fresh_texts=lambda _: 0, reference_at=START), True),
        ("reference.age == 0.0", Facts(fresh_texts=lambda _: 0, reference_at=START + 99 * HOUR), True),
        ("runs.count_30d >= 4", Facts(fresh_texts=lambda _: 0, runs=(run(),) * 4), True),
        (
            "runs.count_30d >= 4",
            Facts(fresh_texts=lambda _: 0, runs=(run(began_at=START - 31 * 24 * HOUR), *(run(),) * 3)),
            False,
        ),
        ("runs.gpu_hours_30d < 20.0", Facts(fresh_texts=lambda _: 0, runs=(run(10.0), run(10.5))), False),
        ("champion.age > 0.0", Facts(fresh_texts=lambda _: 0), False),
        ("data.spoken_ill > 0", Facts(fresh_texts=lambda _: 0, spoken_ill=2), True),
        ("data.spoken_ill == 0", Facts(fresh_texts=lambda _: 0), False),
    ],
)
def test_facts_are_variables(when: str, facts: Facts, holds: bool) -> None:
    decided = Stream(policy(f'name: a, when: "{when}", do: alert')).see(window(0), facts)
    assert (decided.decisions[0].action is Action.ALERT) is holds


def test_the_same_window_decides_alike() -> None:
    first, second = (Stream(policy(ALERT, RETRAIN)) for _ in range(2))
    for index in range(4):
        assert first.see(bad(index)) == second.see(bad(index))
