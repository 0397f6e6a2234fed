"""The recorded windows of one stream, decided on once more."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action
from driftwatch.domain.drift import Outcome
from driftwatch.policy.basis import read_facts
from driftwatch.policy.decide import Decided, decide
from driftwatch.policy.expressions import Expression, any_of
from driftwatch.policy.replay.runs import Fate
from driftwatch.policy.replay.tally import Tally
from driftwatch.policy.variables import FACTS, Facts, measured, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from driftwatch.domain.decision import RuleState
    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.decide import RetrainRequest
    from driftwatch.policy.replay.runs import Fates, PastRun
    from driftwatch.policy.replay.world import World
    from driftwatch.policy.ruleset import Policy, Rule
    from driftwatch.store.history import Past

_SHOWN = 20
"""Differences that are kept with all their words; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A rule that did another thing than it would have.

    Args:
        stream: whose window.
        window: which.
        at: when it was decided on.
        rule: which.
        recorded: what it did; hold where there was no such rule.
        replayed: what it would have done.
    """

    stream: str
    window: int
    at: datetime
    rule: str
    recorded: Action
    replayed: Action


class Replayer:
    """Decides on one stream's windows as the daemon does, in their order.

    What it decided on is the recorded facts for as long as the same runs are asked for as really were. From the first
    window on in which another run is asked for, or none, the stream's runs and models are those of a world of its own.

    Args:
        stream: whose windows.
        rules: gives the rules that decide on a window.
        world: the stream's runs and models as they were.
        runs: the stream's real runs, oldest first.
        fates: what runs that never were would have come to.
        earlier: counts the texts of the windows from one number up to another, that one not included.
    """

    def __init__(
        self,
        stream: str,
        *,
        rules: Callable[[Past], Policy],
        world: World,
        runs: Sequence[PastRun],
        fates: Fates,
        earlier: Callable[[int, int], int],
    ) -> None:
        self.stream = stream
        self.windows = 0
        self.diverged_at: datetime | None = None
        self.replayed: dict[str, Tally] = {}
        self.recorded: dict[str, Tally] = {}
        self.differing = 0
        self.differences: list[Difference] = []
        self._rules = rules
        self._world = world
        self._runs = runs
        self._by_window: dict[int, list[PastRun]] = {}
        for run in runs:
            if run.asked:
                self._by_window.setdefault(run.run.spec.window, []).append(run)
        self._hours = {run.run.spec.id: run.run.training_hours for run in runs}
        self._fates = fates
        self._texts = _Texts(earlier)
        self._states: dict[str, RuleState] | None = None
        self._known: tuple[str, Facts] | None = None
        self._short: _Short | None = None

    def decide(self, past: Past) -> Decided:
        """Decide on the next window, with every word; the world goes on accordingly."""
        self._begin(past)
        return self._decide(self._rules(past), past)

    def see(self, past: Past) -> None:
        """Decide on the next window in short, and count what came of it."""
        self._begin(past)
        policy = self._rules(past)
        if self._short is None or self._short.policy is not policy:
            self._short = _Short(policy, self.stream)
        self.windows += 1
        recorded = {}
        for each in past.decisions:
            told = self._tally(self.recorded, each.rule)
            told.note(each.action, each.unmet, window=past.result.index, at=past.at)
            if each.action is not Action.HOLD:
                recorded[each.rule] = each.action
            if each.action is Action.RETRAIN:
                told.pay(self._hours.get(each.run) if each.run is not None else None)
        replayed = {}
        if self._quiet(self._short, past):
            for name in self._short.names:
                self._tally(self.replayed, name).windows += 1
        else:
            for said in self._decide(self._short.bare, past).decisions:
                unmet = tuple(reason.subject for reason in said.reasons if not reason.met)
                self._tally(self.replayed, said.rule).note(said.action, unmet, window=past.result.index, at=past.at)
                if said.action is not Action.HOLD:
                    replayed[said.rule] = said.action
        if recorded or replayed:
            self._compare(past, recorded, replayed)

    def _begin(self, past: Past) -> None:
        if self._states is None:
            self._states = dict(past.memory or {})
        self._texts.add(past.result)

    def _facts(self, past: Past) -> Facts:
        if past.facts is None:
            return self._world.facts(Facts(fresh_texts=self._texts.since), past.at)
        if self._known is None or self._known[0] != past.facts:
            self._known = past.facts, read_facts(past.facts, self._texts.since)
        known = self._known[1]
        return known if self.diverged_at is None else self._world.facts(known, past.at)

    def _decide(self, policy: Policy, past: Past) -> Decided:
        facts, states = self._facts(past), self._states if self._states is not None else {}
        decided = decide(policy, stream=self.stream, result=past.result, facts=facts, states=states, now=past.at)
        states.update({state.rule: state for state in decided.states})
        self._follow(past, decided.requests)
        return decided

    def _quiet(self, short: _Short, past: Past) -> bool:
        """Say whether every rule holds and forgets nothing: no streak, and no condition is true."""
        states = self._states or {}
        if past.result.outcome is not Outcome.ASSESSED or past.result.index in self._by_window:
            return False
        if any(state.since_window is not None for state in states.values()):
            return False
        values = observe(past.result, self._facts(past), now=past.at) if short.looks_beyond else measured(past.result)
        return short.any.evaluate(values).value is False

    def _follow(self, past: Past, requests: Sequence[RetrainRequest]) -> None:
        """Go on in the world that these requests make."""
        real = self._by_window.get(past.result.index, [])
        same = len(real) == len(requests) and all(run.is_of(asked) for run, asked in zip(real, requests, strict=True))
        if self.diverged_at is None and not same:
            self.diverged_at = past.at
            by_hand = [run.run.created_at for run in self._runs if not run.asked]
            kept = [run for run in self._world.runs if run.began_at in by_hand and run.began_at >= past.at]
            self._world.forget_after(past.at, kept)
        if self.diverged_at is None:
            for run in real:
                self._tally(self.replayed, run.run.spec.rule).pay(run.run.training_hours)
            return
        for request in requests:
            fate = self._fate(request, past, real)
            self._tally(self.replayed, request.rule).pay(fate.hours)
            self._world.begin(request.rule, past.at, fate)

    def _fate(self, request: RetrainRequest, past: Past, real: Sequence[PastRun]) -> Fate:
        run = next((run for run in real if run.is_of(request) and run.ended_at is not None), None)
        if run is None:
            return self._fates.of(request, self.stream, past.at)
        promoted = run.promoted_at - run.run.created_at if run.promoted_at is not None else None
        return Fate(lasts=run.lasted, hours=run.run.training_hours, promoted_after=promoted)

    def _compare(self, past: Past, recorded: Mapping[str, Action], replayed: Mapping[str, Action]) -> None:
        for rule in dict.fromkeys((*recorded, *replayed)):
            was, would = recorded.get(rule, Action.HOLD), replayed.get(rule, Action.HOLD)
            if was is would:
                continue
            self.differing += 1
            if len(self.differences) < _SHOWN:
                self.differences.append(
                    Difference(
                        stream=self.stream,
                        window=past.result.index,
                        at=past.at,
                        rule=rule,
                        recorded=was,
                        replayed=would,
                    )
                )

    def _tally(self, tallies: dict[str, Tally], rule: str) -> Tally:
        if rule not in tallies:
            tallies[rule] = Tally(stream=self.stream, rule=rule)
        return tallies[rule]


class _Texts:
    """Counts texts from any window on, in eight bytes a window."""

    def __init__(self, earlier: Callable[[int, int], int]) -> None:
        self._earlier = earlier
        self._first = 0
        self._sums = array("q", [0])

    def add(self, result: WindowResult) -> None:
        """Take the next window."""
        if len(self._sums) == 1:
            self._first = result.index
        missing = result.index - self._first - (len(self._sums) - 1)
        self._sums.extend([self._sums[-1]] * max(missing, 0))
        self._sums.append(self._sums[-1] + result.texts)

    def since(self, window: int) -> int:
        """Return the texts from a window's first up to now."""
        if window < self._first:
            return self._earlier(window, self._first) + self._sums[-1]
        return self._sums[-1] - self._sums[min(window - self._first, len(self._sums) - 1)]


class _Short:
    """A policy for deciding in short: conditions without their parts, which only words are made of, and all in one."""

    def __init__(self, policy: Policy, stream: str) -> None:
        self.policy = policy
        self.bare = replace(policy, rules={stream: tuple(_bare(rule) for rule in policy.of(stream))})
        self.names = tuple(rule.name for rule in policy.of(stream))
        self.any = any_of([rule.when for rule in policy.of(stream)])
        self.looks_beyond = any(name.startswith(FACTS) for name in self.any.variables)


def _bare(rule: Rule) -> Rule:
    clear = replace(rule.clear, parts=()) if isinstance(rule.clear, Expression) else rule.clear
    return replace(rule, when=replace(rule.when, parts=()), clear=clear)
