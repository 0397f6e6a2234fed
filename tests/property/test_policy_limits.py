"""Limits are never exceeded: whatever windows come, however often the daemon restarts, rules change and clocks jump.

Time is what the clock said: it is set back and on by minutes to months (NTP steps, suspend), and lives near changes of
summer time and a leap day. A restart takes what rules remember and runs that are known through the store's codec.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_stream import window

from driftwatch.domain.decision import Action, RuleState, RunFact
from driftwatch.policy.decide import Facts, RetrainRequest, decide
from driftwatch.policy.rules import parse_policies
from driftwatch.policy.ruleset import Policy
from driftwatch.store.values import dump, load

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
STARTS = [
    datetime(2026, 3, 28, 18, tzinfo=UTC),
    datetime(2026, 10, 24, 18, tzinfo=UTC),
    datetime(2028, 2, 28, 18, tzinfo=UTC),
    datetime(2026, 12, 22, 12, tzinfo=UTC),
]

RULES = """\
stream: [s]
rules:
  - name: learn
    when: loss.increase > {limit}
    do: retrain
    recipe: small
    need: {{fresh_texts: 1}}
    max_hours: 4
    limits:
      cooldown: 5h
      runs: {runs} per 10d
      gpu_hours: {hours} per 10d
      concurrency: 2
      hours: "20:00-05:00 Europe/Berlin"
      blackout: [2026-12-24..2026-12-26 Europe/Berlin, 2028-02-29]
  - name: again
    when: loss.increase > {limit}
    clear: 2 windows
    priority: {priority}
    do: retrain
    recipe: small
    need: {{fresh_texts: 1}}
    limits: {{cooldown: 1h, runs: {runs} per 10d, gpu_hours: {hours} per 10d, concurrency: 2}}
  - {{name: tell, when: loss.increase > {limit}, clear: 2 windows, do: alert, limits: {{cooldown: 7h}}}}
"""


def rules(limit: float, runs: int, hours: float, priority: int) -> Policy:
    text = RULES.format(limit=limit, runs=runs, hours=hours, priority=priority)
    return parse_policies({"p.yaml": text}, streams=["s"], recipes=["small"])


POLICIES = [rules(0.05, 3, 9.5, 0), rules(0.05, 2, 7.0, 5), rules(0.08, 3, 9.5, -5), rules(0.05, 5, 20.0, 0)]

WINDOWS = st.tuples(st.just("window"), st.sampled_from([0.0, 0.06, 0.1, 0.1, 0.1, None]), st.integers(0, 30))
STEPS = st.lists(
    WINDOWS
    | WINDOWS
    | WINDOWS
    | st.tuples(st.just("jump"), st.sampled_from([-60, -7, -1, 1, 7, 60]), st.integers(0, 1_500))
    | st.tuples(st.just("restart"), st.none(), st.none())
    | st.tuples(st.just("reload"), st.integers(0, len(POLICIES) - 1), st.none())
    | st.tuples(st.just("end"), st.floats(0.0, 1.0), st.integers(0, 20))
    | st.tuples(st.just("elsewhere"), st.integers(0, 2), st.none()),
    min_size=10,
    max_size=80,
)


@dataclass
class Asked:
    """A run, as the test itself remembers it."""

    at: datetime
    request: RetrainRequest
    allowed_hours: float
    ended_at: datetime | None = None
    hours: float = 0.0


@dataclass
class Life:
    """A stream's rules over time, with the runs that they ask for."""

    now: datetime
    policy: Policy
    index: int = 0
    elsewhere: int = 0
    states: dict[str, RuleState] = field(default_factory=dict)
    runs: list[RunFact] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    told: list[datetime] = field(default_factory=list)

    def window(self, increase: float | None) -> None:
        measured = {} if increase is None else {"loss__increase": increase}
        facts = Facts(fresh_texts=lambda _: 500, runs=tuple(self.runs), elsewhere=self.elsewhere)
        decided = decide(
            self.policy,
            stream="s",
            result=window(self.index, **measured),
            facts=facts,
            states=self.states,
            now=self.now,
        )
        self.index += 1
        self.states = {state.rule: state for state in decided.states}
        for request in decided.requests:
            self._check(request)
            assert request.max_hours is not None
            self.asked.append(Asked(at=self.now, request=request, allowed_hours=request.max_hours))
            self.runs.append(RunFact(rule=request.rule, began_at=self.now, ended_at=None, training_hours=0.0))
        if any(each.rule == "tell" and each.action is Action.ALERT for each in decided.decisions):
            assert all(self.now - at >= 7 * HOUR for at in self.told)
            self.told.append(self.now)

    def _check(self, request: RetrainRequest) -> None:
        """Hold a request against the limits in force, by the test's own books."""
        rule = self.policy.rule("s", request.rule)
        assert rule is not None
        limits = rule.limits
        assert limits.runs is not None
        assert limits.gpu_hours is not None
        since = self.now - 10 * DAY
        assert all(each.ended_at is not None for each in self.asked)
        assert sum(each.at >= since for each in self.asked) < limits.runs.amount
        spent = sum(each.hours for each in self.asked if max(each.at, each.ended_at or each.at) >= since)
        assert spent + (request.max_hours or 0.0) <= limits.gpu_hours.amount + 1e-9
        assert self.elsewhere < 2
        assert all(self.now - (each.ended_at or each.at) >= limits.cooldown for each in self.asked)
        assert all(self.now - each.at >= limits.cooldown for each in self.asked if each.request.rule == request.rule)
        if request.rule == "learn":
            local = self.now.astimezone(BERLIN)
            assert local.hour >= 20 or local.hour < 5
            assert not (local.year == 2026 and local.month == 12 and 24 <= local.day <= 26)
            assert (self.now.month, self.now.day) != (2, 29)

    def end(self, share: float, days: int) -> None:
        """End the run under way, after at most the hours that it was given."""
        if self.runs and self.runs[-1].ended_at is None:
            self.now += days * DAY / 4
            last = self.asked[-1]
            last.ended_at, last.hours = self.now, share * last.allowed_hours
            self.runs[-1] = RunFact(
                rule=last.request.rule, began_at=last.at, ended_at=self.now, training_hours=last.hours
            )

    def restart(self) -> None:
        self.states = {name: load(dump(state), RuleState) for name, state in self.states.items()}
        self.runs = [load(dump(run), RunFact) for run in self.runs]

    def live(self, steps: list[tuple[str, object, object]], *, reloads: bool) -> None:
        for kind, one, other in steps:
            match kind, one, other:
                case "window", float() | None as increase, int(hours):
                    self.now += hours * HOUR / 2
                    self.window(increase)
                case "jump", int(sign), int(minutes):
                    self.now += sign * timedelta(minutes=minutes)
                case "end", float(share), int(days):
                    self.end(share, days)
                case "elsewhere", int(count), _:
                    self.elsewhere = count
                case "reload", int(number), _ if reloads:
                    self.policy = POLICIES[number]
                case "restart", _, _:
                    self.restart()
                case _:
                    pass


@given(STEPS, st.sampled_from(STARTS))
@settings(max_examples=300, deadline=None)
def test_no_request_exceeds_the_limits_in_force(steps: list[tuple[str, object, object]], start: datetime) -> None:
    Life(now=start, policy=POLICIES[0]).live(steps, reloads=True)


@given(STEPS, st.sampled_from(STARTS))
@settings(max_examples=200, deadline=None)
def test_no_ten_days_of_the_clock_hold_more_than_is_allowed(
    steps: list[tuple[str, object, object]], start: datetime
) -> None:
    life = Life(now=start, policy=POLICIES[0])
    life.live(steps, reloads=False)
    for first in life.asked:
        within = [each for each in life.asked if first.at <= each.at <= first.at + 10 * DAY]
        assert len(within) <= 3
        ended = [each for each in within if each.ended_at is not None and each.ended_at <= first.at + 10 * DAY]
        assert sum(each.hours for each in ended) <= 9.5 + 1e-9


@given(STEPS, st.sampled_from(STARTS))
@settings(max_examples=100, deadline=None)
def test_a_restart_after_every_step_changes_nothing(steps: list[tuple[str, object, object]], start: datetime) -> None:
    steady, restarted = (Life(now=start, policy=POLICIES[0]) for _ in range(2))
    for step in steps:
        steady.live([step], reloads=True)
        restarted.live([step, ("restart", None, None)], reloads=True)
    assert (restarted.states, restarted.asked, restarted.told) == (steady.states, steady.asked, steady.told)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_limits_are_reached_so_that_they_are_put_to_the_test(policy: Policy) -> None:
    life = Life(now=STARTS[0], policy=policy)
    steps: list[tuple[str, object, object]] = []
    for _ in range(200):
        steps += [("window", 0.1, 3), ("end", 1.0, 0)]
    life.live(steps, reloads=False)
    rule = policy.rule("s", "again")
    assert rule is not None
    assert rule.limits.gpu_hours is not None
    hours = [each.hours for each in life.asked if each.at < STARTS[0] + 10 * DAY]
    assert sum(hours) == pytest.approx(rule.limits.gpu_hours.amount)
