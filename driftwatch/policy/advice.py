"""What a policy says and cannot mean: rules that never or always fire, limits that contradict, shadowed rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Action
from driftwatch.domain.units import format_duration
from driftwatch.policy.grammar import comparisons
from driftwatch.policy.ranges import always, excludes, implies, never
from driftwatch.policy.ruleset import Hold
from driftwatch.policy.variables import VARIABLES, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from driftwatch.policy.limits import Limits
    from driftwatch.policy.ruleset import Policy, Rule


class Finding(StrEnum):
    """What kind of advice it is."""

    NEVER = "never-fires"
    ALWAYS = "always-fires"
    LIMITS = "limits-contradict"
    SHADOWED = "shadowed"
    UNMEASURED = "not-measured"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """One thing that a policy says and surely does not mean.

    Args:
        finding: of which kind.
        rule: that says it.
        streams: in which it does.
        where: ``file:line:column``.
        what: in one clause.
        cure: what to do about it.
    """

    finding: Finding
    rule: str
    streams: tuple[str, ...]
    where: str
    what: str
    cure: str

    def __str__(self) -> str:
        """Return place, what and cure."""
        return f'{self.where}: warning: rule "{self.rule}": {self.what} ({self.cure})'


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """What a stream brings.

    Args:
        window: texts in a window.
    """

    window: int


def advise(policy: Policy, *, sizes: Mapping[str, Sizes], now: datetime) -> tuple[Advice, ...]:
    """Return all advice on a policy, that which is the same for several streams once.

    Args:
        policy: to look at.
        sizes: of the streams that are known.
        now: from when on calendars are looked at.
    """
    found: dict[Advice, list[str]] = {}
    for stream in policy.rules:
        for each in _of_stream(policy, stream, sizes.get(stream), now):
            found.setdefault(each, []).append(stream)
    return tuple(replace(advice, streams=tuple(streams)) for advice, streams in found.items())


def _of_stream(policy: Policy, stream: str, size: Sizes | None, now: datetime) -> Iterator[Advice]:
    rules = policy.of(stream)
    for index, rule in enumerate(rules):
        where = policy.places.get((stream, rule.name), stream)
        said = [*_condition(rule), *_clearing(rule), *_limits(rule, size, now), *_precedence(rule, rules)]
        said += _shadows(rule, index, rules)
        for finding, what, cure in said:
            yield Advice(finding=finding, rule=rule.name, streams=(), where=where, what=what, cure=cure)


_Said = tuple[Finding, str, str]


def _condition(rule: Rule) -> Iterator[_Said]:
    text = rule.when.text
    if never(text):
        yield Finding.NEVER, f"its condition can never be true: {_why_never(text)}", "loosen it, or remove the rule"
    elif always(text):
        yield Finding.ALWAYS, "its condition is true of every window in which it can be judged", "tighten it"


def _why_never(text: str) -> str:
    alone = next((part for part in comparisons(text) if never(part)), None)
    if alone is None:
        return "its parts exclude each other"
    names = [name for name in VARIABLES if name in alone]
    return f"{alone} cannot be, for {' and '.join(_range(name) for name in names)}" if names else f"{alone} cannot be"


def _range(name: str) -> str:
    variable = VARIABLES[name]
    if variable.kind is Kind.WORD:
        return f"{name} is {', '.join(variable.words)}"
    if math.isfinite(variable.high):
        return f"{name} is from {variable.low:g} to {variable.high:g}"
    return f"{name} is at least {variable.low:g}" if math.isfinite(variable.low) else f"{name} is a number"


def _clearing(rule: Rule) -> Iterator[_Said]:
    if rule.clear is None or isinstance(rule.clear, Hold):
        if isinstance(rule.clear, Hold) and rule.clear == Hold(windows=1):
            yield Finding.LIMITS, "clear: 1 window changes nothing", "remove it, or write more windows"
        return
    if excludes(f"!({rule.when.text})", rule.clear.text):
        what = "what clears it is never true where its condition is false, so that a streak never ends"
        yield Finding.LIMITS, what, "loosen clear"
    elif implies(f"!({rule.when.text})", rule.clear.text):
        what = "what clears it is true wherever its condition is false, so that clear changes nothing"
        yield Finding.LIMITS, what, "tighten clear, or remove it"


def _limits(rule: Rule, size: Sizes | None, now: datetime) -> Iterator[_Said]:
    yield from _calendar(rule.limits, now)
    if rule.retraining is None:
        return
    hours, runs = rule.limits.gpu_hours, rule.limits.runs
    most = rule.retraining.max_hours
    if hours is not None and most is not None and most > hours.amount:
        what = f"gpu_hours allows {hours}, and one run may take {most:g} h: none is ever allowed"
        yield Finding.LIMITS, what, f"set max_hours to {hours.amount:g} or less"
    if runs is not None and rule.limits.cooldown:
        reached = math.floor(runs.period / rule.limits.cooldown) + 1
        if reached < runs.amount:
            what = f"a cooldown of {format_duration(rule.limits.cooldown)} leaves at most {reached} runs within "
            what += f"{format_duration(runs.period)}, so that runs: {runs} never limits anything"
            yield Finding.LIMITS, what, "remove one of the two, or shorten the cooldown"
    needed, windows = rule.retraining.fresh_texts, rule.hold.windows
    counted = windows > 1 and rule.hold.duration is None  # who writes no "for" waits for the texts alone
    if size is not None and counted and needed > windows * size.window:
        what = f"it needs {needed:,} fresh texts, and {rule.hold} of {size.window:,} bring {windows * size.window:,}: "
        what += f"it acts after {math.ceil(needed / size.window)} windows at the earliest"
        yield Finding.LIMITS, what, "need fewer, or write the windows that it takes; what passes sooner is never learnt"


def _calendar(limits: Limits, now: datetime) -> Iterator[_Said]:
    calendar = limits.calendar
    if calendar.next_allowed(now) is None:
        what = (
            "blackout leaves none of its hours within a year" if calendar.hours else "blackout leaves no day in a year"
        )
        yield Finding.LIMITS, f"{what}, so that it never acts", "shorten the blackout"
    elif calendar.blackout and all(rest.last < now.date() for rest in calendar.blackout):
        yield Finding.LIMITS, f"its blackout is over ({calendar.blackout[-1]})", "write the next one, or remove it"


def _precedence(rule: Rule, rules: tuple[Rule, ...]) -> Iterator[_Said]:
    for other in rules:
        if other.name in rule.unless and _sooner(other, rule) and _implied(rule, other):
            what = f'whenever its condition is true, rule "{other.name}" is in force, which it waits for'
            yield Finding.NEVER, what, f'tighten "{other.name}", or remove it from unless'


def _shadows(rule: Rule, index: int, rules: tuple[Rule, ...]) -> Iterator[_Said]:
    """Find the rule that takes every run that a rule would ask for."""
    if rule.action is not Action.RETRAIN:
        return
    for place, other in enumerate(rules):
        first = (-other.priority, place) < (-rule.priority, index)
        if (
            first
            and other.retraining is not None
            and _sooner(other, rule)
            and _looser(other, rule)
            and _implied(rule, other)
        ):
            what = (
                f'rule "{other.name}" takes every run that it would ask for: it goes first, and is true wherever it is'
            )
            yield Finding.SHADOWED, what, f"give it a higher priority, or tighten {other.name}"
            return


def _implied(rule: Rule, other: Rule) -> bool:
    return not never(rule.when.text) and implies(rule.when.text, other.when.text)


def _sooner(one: Rule, other: Rule) -> bool:
    """Say whether a rule's streak surely comes into force no later than another's, their conditions alike."""
    if one.hold.duration is None and other.hold.duration is None:
        return one.hold.windows <= other.hold.windows
    if one.hold.duration is None or other.hold.duration is None:
        return one.hold == Hold()
    return one.hold.duration <= other.hold.duration


def _looser(one: Rule, other: Rule) -> bool:
    """Say whether a rule asks for a run whenever another may: it needs no more, and no limit of it is tighter."""
    if one.retraining is None or other.retraining is None or one.unless:
        return False
    ours, theirs = one.limits, other.limits
    same = (ours.calendar, ours.gpu_hours) == (theirs.calendar, theirs.gpu_hours)
    within = ours.concurrency is None or (theirs.concurrency is not None and theirs.concurrency <= ours.concurrency)
    runs = ours.runs is None or ours.runs == theirs.runs
    needs = one.retraining.fresh_texts <= other.retraining.fresh_texts
    hours = ours.gpu_hours is None or one.retraining.max_hours == other.retraining.max_hours
    return same and within and runs and needs and hours and ours.cooldown <= theirs.cooldown
