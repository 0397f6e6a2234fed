"""Streaks with hysteresis, precedence between rules, and who gets the run."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from policy_stream import HOUR, START, Stream, window

from driftwatch.domain.decision import Action, Decision, RunFact
from driftwatch.policy.announcing import announce
from driftwatch.policy.decide import Facts
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.variables import observe

if TYPE_CHECKING:
    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Policy

TELL = "name: tell, when: loss.increase > 0.05, do: alert"
LEARN = "name: learn, when: loss.increase > 0.05, do: retrain, recipe: small, limits: {cooldown: 0s}"


def policy(*rules: str) -> Policy:
    text = "stream: '*'\nrules:\n" + "\n".join(f"  - {{{rule}}}" for rule in rules)
    return parse_policies({"p.yaml": text}, streams=["s"], recipes=["small"])


def series(*values: float) -> list[WindowResult]:
    return [window(index, loss__increase=value) for index, value in enumerate(values)]


def why(decision: Decision, subject: str) -> str:
    return next(reason.detail for reason in decision.reasons if reason.subject == subject)


def test_clear_keeps_a_streak_in_force_over_short_lapses() -> None:
    stream = Stream(policy(TELL + ", clear: 2 windows"))
    actions = stream.actions(*series(0.1, 0.0, 0.1, 0.0, 0.0, 0.1))
    assert actions == ["alert", "hold", "hold", "hold", "hold", "alert"]


def test_without_clear_every_lapse_ends_it() -> None:
    assert Stream(policy(TELL)).actions(*series(0.1, 0.0, 0.1)) == ["alert", "hold", "alert"]


def test_an_alert_is_resolved_only_when_its_streak_is_clear() -> None:
    stream = Stream(policy(TELL + ", clear: 2 windows"))
    ended = [[state.since_window for state in stream.see(each).ended] for each in series(0.1, 0.0, 0.0)]
    assert ended == [[], [], [0]]


def test_clear_says_how_far_it_is() -> None:
    stream = Stream(policy(TELL + ", clear: 2 windows"))
    seen = [stream.see(each).decisions[0] for each in series(0.1, 0.0, 0.0)]
    assert why(seen[1], "clear") == "false for 1 window, 2 windows needed; the streak since window 0 goes on"
    assert why(seen[2], "clear") == "false for 2 windows, 2 windows needed; the streak since window 0 is over"


def test_clear_by_a_duration_is_measured_on_the_texts_own_time() -> None:
    stream = Stream(policy(TELL + ", clear: 2h"))
    for each in series(0.1, 0.0, 0.0, 0.0):
        stream.see(each)
    assert stream.states["tell"].since_window is None
    again = Stream(policy(TELL + ", clear: 2h"))
    for each in series(0.1, 0.0, 0.0):
        again.see(each)
    assert again.states["tell"].since_window == 0


def test_clear_by_a_condition_is_a_second_threshold() -> None:
    stream = Stream(policy(TELL + ", clear: loss.increase < 0.02"))
    actions = stream.actions(*series(0.1, 0.04, 0.1, 0.04, 0.01, 0.06))
    assert actions == ["alert", "hold", "hold", "hold", "hold", "alert"]


def test_what_clears_and_cannot_be_judged_clears_nothing() -> None:
    stream = Stream(policy(TELL + ", clear: tokens.jsd < 0.02"))
    for each in series(0.1, 0.0):
        last = stream.see(each)
    assert "neither true nor false" in why(last.decisions[0], "clear")
    assert stream.states["tell"].since_window == 0


def test_a_streak_not_in_force_yet_ends_at_once() -> None:
    stream = Stream(policy(TELL + ", for: 2 windows, clear: 5 windows"))
    assert stream.actions(*series(0.1, 0.0, 0.1, 0.1)) == ["hold", "hold", "hold", "alert"]


def test_a_retraining_acts_on_windows_in_which_its_condition_is_true_only() -> None:
    stream = Stream(policy(LEARN + ", for: 2 windows, clear: 9 windows"))
    assert stream.actions(*series(0.1, 0.1, 0.0, 0.1)) == ["hold", "retrain", "hold", "retrain"]


def test_a_rule_is_held_back_while_another_is_in_force() -> None:
    told = "name: flood, when: tokens.jsd > 0.5, for: 2 windows, do: alert"
    stream = Stream(policy(TELL + ", unless: [flood]", told))
    seen = [
        stream.see(window(0, loss__increase=0.0, tokens__jsd=0.6)),
        stream.see(window(1, loss__increase=0.1, tokens__jsd=0.6)),
        stream.see(window(2, loss__increase=0.1, tokens__jsd=0.1)),
    ]
    assert [each.decisions[0].action for each in seen] == [Action.HOLD, Action.HOLD, Action.ALERT]
    assert why(seen[1].decisions[0], "unless") == 'rule "flood" is in force since window 0'
    assert why(seen[2].decisions[0], "unless") == 'rule "flood" is not in force'


def test_precedence_does_not_hang_on_the_order_in_the_file() -> None:
    told = "name: flood, when: tokens.jsd > 0.5, do: alert"
    both = window(0, loss__increase=0.1, tokens__jsd=0.6)
    for rules in ((TELL + ", unless: [flood]", told), (told, TELL + ", unless: [flood]")):
        done = {decision.rule: decision.action for decision in Stream(policy(*rules)).see(both).decisions}
        assert done == {"tell": Action.HOLD, "flood": Action.ALERT}


def test_a_ring_of_precedence_is_refused_with_its_way() -> None:
    ring = [f"name: {a}, when: drift.alarm, do: alert, unless: [{b}]" for a, b in ("ab", "bc", "ca")]
    with pytest.raises(Exception, match="hold each other back: a unless b unless c unless a"):
        policy(*ring)


def test_the_run_goes_to_the_higher_priority_then_to_the_first() -> None:
    rules = [LEARN, LEARN.replace("learn", "again") + ", priority: 10", LEARN.replace("learn", "more")]
    decided = Stream(policy(*rules)).see(window(0, loss__increase=0.1))
    assert [(each.rule, each.action) for each in decided.decisions] == [
        ("learn", Action.HOLD), ("again", Action.RETRAIN), ("more", Action.HOLD),
    ]  # fmt: skip
    assert [request.rule for request in decided.requests] == ["again"]
    first = Stream(policy(*rules[::2])).see(window(0, loss__increase=0.1))
    assert [request.rule for request in first.requests] == ["learn"]


def test_a_run_just_asked_for_counts_for_the_rule_that_comes_after() -> None:
    limited = LEARN.replace("cooldown: 0s", "cooldown: 0s, runs: 1 per 30d, concurrency: 1")
    decided = Stream(policy(LEARN, limited.replace("learn", "again"))).see(window(0, loss__increase=0.1))
    assert why(decided.decisions[1], "limits.runs").startswith("1 runs of the stream begun within 30d, 1 per 30d")
    assert why(decided.decisions[1], "limits.concurrency") == (
        "1 of 1 runs at a time over all streams; next allowed when one ends"
    )


def test_a_report_acts_once_a_streak() -> None:
    stream = Stream(policy(TELL.replace("alert", "report")))
    assert stream.actions(*series(0.1, 0.1, 0.0, 0.1)) == ["report", "hold", "hold", "report"]
    assert why(stream.see(window(4, loss__increase=0.1)).decisions[0], "streak").startswith("already reported at ")


def test_windows_that_could_not_be_judged_are_counted_over_changes_of_the_rule() -> None:
    stream = Stream(policy(TELL))
    for index in range(3):
        stream.see(window(index))
    stream.policy = policy(TELL.replace("0.05", "0.06"))
    stream.see(window(3))
    stream.see(window(4, loss__increase=0.0))
    assert stream.states["tell"].unjudged == 4


def test_words_of_an_alert_hold_the_figures_of_its_window() -> None:
    said = 'annotations: {summary: "{{ rule }} on {{ stream }}: {{ loss.increase | hundredths }} since {{ since }}"}'
    rules = policy(TELL + ", " + said)
    stream = Stream(rules)
    result = window(2, loss__increase=0.1)
    stream.see(result)
    facts = Facts(fresh_texts=lambda _: 0, runs=(RunFact(rule="r", began_at=START, ended_at=None, training_hours=1.0),))
    values = observe(result, facts, now=START + timedelta(hours=3))
    words = announce(rules.of("s")[0], result=result, state=stream.states["tell"], values=values)
    assert words.annotations == {"summary": f"tell on s: 0.10 since {START + 3 * HOUR:%Y-%m-%d %H:%M:%S} UTC"}
    assert words.labels == {"severity": "ticket"}
