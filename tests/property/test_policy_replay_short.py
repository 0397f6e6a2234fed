"""The short way of a replay comes to what the long one does, whatever is measured and however long streaks last."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from policy_stream import START, window

from driftwatch.domain.decision import Action
from driftwatch.policy.basis import facts_text
from driftwatch.policy.replay import Fates, Replayer, World
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.variables import Facts
from driftwatch.store import Past

if TYPE_CHECKING:
    from driftwatch.domain.drift import WindowResult

RULES = """\
stream: [s]
rules:
  - {name: tell, when: drift.alarm, for: 2 windows, do: alert, limits: {cooldown: 3h}}
  - {name: cleared, when: loss.increase > 0.05 // why not, do: alert, clear: 2 windows}
  - {name: never, when: 1.0 / (loss.increase - 0.1) > 0.0, do: alert}
  - name: learn
    when: drift.alarm || tokens.jsd > 0.1
    do: retrain
    recipe: small
    need: {fresh_texts: 700}
    limits: {cooldown: 2h, runs: 2 per 8h}
"""
POLICY = parse_policies({"p.yaml": RULES}, streams=["s"], recipes=["small"])
FACTS = facts_text(Facts(fresh_texts=lambda _: 0))
MEASURES = st.fixed_dictionaries(
    {},
    optional={
        "drift__alarm": st.sampled_from([0.0, 1.0]),
        "loss__increase": st.sampled_from([0.0, 0.04, 0.08, 0.1]),
        "tokens__jsd": st.sampled_from([0.0, 0.2]),
    },
)


def replayer() -> Replayer:
    return Replayer(
        "s", rules=lambda _past: POLICY, world=World(), runs=(), fates=Fates(()), earlier=lambda _first, _after: 0
    )


def past(result: WindowResult) -> Past:
    at = START + timedelta(hours=result.index + 1, minutes=1)
    return Past(result=result, at=at, policy=POLICY.hash, facts=FACTS, memory={}, decisions=())


@given(seen=st.lists(MEASURES, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_short_and_long_come_to_the_same(seen: list[dict[str, float]]) -> None:
    short, long = replayer(), replayer()
    acted: list[tuple[str, int]] = []
    unmet: Counter[tuple[str, str]] = Counter()
    true: Counter[str] = Counter()
    for index, measures in enumerate(seen):
        each = past(window(index, **measures))
        short.see(each)
        for decision in long.decide(each).decisions:
            said = {reason.subject: reason.met for reason in decision.reasons}
            true[decision.rule] += said.get("when") is True
            if decision.action is not Action.HOLD:
                acted.append((decision.rule, index))
            elif said.get("when") and said.get("for") and said.get("streak", True):
                unmet.update((decision.rule, subject) for subject, met in said.items() if not met)
    tallies = short.replayed.values()
    assert sorted(acted) == sorted((each.rule, act.window) for each in tallies for act in each.acted)
    assert {each.rule: each.true for each in tallies} == {rule.name: true[rule.name] for rule in POLICY.of("s")}
    assert dict(unmet) == {(each.rule, subject): count for each in tallies for subject, count in each.blocked.items()}
    assert all(each.windows == len(seen) for each in tallies)
