"""Decisions through the real store: a daemon restarted at every window decides like one that never stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from alert_samples import Hand
from http_receiver import HttpReceiver
from policy_stream import START, Stream, window

from driftwatch.alert import messages
from driftwatch.alert.outbox import Pass, deliver_due
from driftwatch.alert.settings import WebhookSettings
from driftwatch.alert.webhook import WebhookNotifier
from driftwatch.domain.decision import Action
from driftwatch.policy.decide import Decided, Facts, decide
from driftwatch.policy.rules import parse_policies
from driftwatch.store import Step, open_store

if TYPE_CHECKING:
    from pathlib import Path

    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Policy

pytestmark = pytest.mark.both_stores
RULES = """\
stream: [s]
rules:
  - {name: tell, when: loss.increase > 0.05, do: alert, limits: {cooldown: 3h}, labels: {severity: page}}
  - {name: often, when: loss.increase > 0.02, for: 2 windows, do: alert}
"""
INCREASES = (0.0, 0.03, 0.08, 0.09, 0.01, 0.06, 0.07, 0.08, 0.0)
FACTS = Facts(fresh_texts=lambda _: 10_000)


@pytest.fixture
def policy() -> Policy:
    return parse_policies({"p.yaml": RULES}, streams=["s"], recipes=["small"])


def step(path: Path | str, policy: Policy, result: WindowResult, clock: Hand) -> Decided:
    """Open the store, decide on a window, commit, and close the store."""
    store = open_store(path, clock=clock)
    states = store.decisions.rule_states("s")
    now = result.last_seen_at + timedelta(minutes=1)
    decided = decide(policy, stream="s", result=result, facts=FACTS, states=states, now=now)
    after = {state.rule: state for state in decided.states}
    for _ in range(2):
        store.windows.commit_step(
            Step(
                result=result,
                states={},
                decisions=decided.decisions,
                rule_states=decided.states,
                alerts=tuple(
                    messages.drift_detected(decision, result=result, state=after[decision.rule])
                    for decision in decided.decisions
                    if decision.action is Action.ALERT
                ),
                resolved=tuple(messages.drift_key("s", s.rule, s.since_window or 0) for s in decided.ended),
                receivers=("webhook",),
            )
        )
    store.close()
    return decided


def test_a_daemon_restarted_at_every_window_decides_alike(store_place: Path | str, policy: Policy) -> None:
    clock, never_stopped = Hand(START), Stream(policy, FACTS)
    path = store_place
    for index, increase in enumerate(INCREASES):
        result = window(index, loss__increase=increase)
        assert step(path, policy, result, clock) == never_stopped.see(result)
    store = open_store(path, clock=clock)
    assert store.decisions.rule_states("s") == never_stopped.states
    kept = store.decisions.recent("s", limit=100)
    assert len(kept) == 2 * len(INCREASES)
    assert all(stored.decision.reasons for stored in kept)
    store.close()


def test_alerts_of_a_stream_reach_a_receiver_and_end(store_place: Path | str, policy: Policy) -> None:
    clock = Hand(START)
    path = store_place
    with HttpReceiver() as hook:
        notifier = WebhookNotifier(WebhookSettings(url=hook.url), clock=clock)
        for index, increase in enumerate(INCREASES):
            step(path, policy, window(index, loss__increase=increase), clock)
            store = open_store(path, clock=clock)
            deliver_due(store.outbox, [notifier], clock)
            assert deliver_due(store.outbox, [notifier], clock) == Pass()
            store.close()
            clock.pass_by(timedelta(hours=1))
        told = [(a["labels"]["rule"], a["status"]) for post in hook.posts for a in post.json["alerts"]]
    assert told == [
        ("tell", "firing"),
        ("often", "firing"),
        ("tell", "resolved"),
        ("often", "resolved"),
        ("tell", "firing"),
        ("often", "firing"),
        ("tell", "resolved"),
        ("often", "resolved"),
    ]
