"""What a rule may do at most, and what each limit says of a moment: its figures, and when it allows the next time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from driftwatch.domain.decision import Reason, RunFact
from driftwatch.domain.units import format_duration
from driftwatch.policy.calendar import Calendar, zone_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from driftwatch.policy.variables import Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """So much in any period of a length: ``4 per 30d``."""

    amount: float
    period: timedelta

    def __str__(self) -> str:
        """Return it as written in a policy."""
        return f"{self.amount:g} per {format_duration(self.period)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a rule may do at most.

    Args:
        cooldown: least time between two of its actions; for a retraining, since the stream's last run ended too.
        runs: of its stream that a rule may come to, whichever rule asked for them.
        gpu_hours: of training in runs of its stream that a rule may come to, the one it asks for at its most included.
        calendar: when it may act.
        concurrency: runs of all streams at a time, the one it asks for included.
    """

    cooldown: timedelta = timedelta(0)
    runs: Allowance | None = None
    gpu_hours: Allowance | None = None
    calendar: Calendar = field(default_factory=Calendar)
    concurrency: int | None = None

    def hours_left(self, facts: Facts, now: datetime) -> float | None:
        """Return the hours of training that are left; None without a limit."""
        if self.gpu_hours is None:
            return None
        return max(self.gpu_hours.amount - _spent(_reaching(facts.runs, now - self.gpu_hours.period)), 0.0)


def of_action(limits: Limits, now: datetime, *past: datetime | None) -> list[Reason]:
    """Return what the limits of every rule say.

    Args:
        limits: of the rule.
        now: the moment.
        past: when it last acted, or what counts like that.
    """
    return [*_cooldown(limits.cooldown, now, *past), *_calendar(limits.calendar, now)]


def of_run(limits: Limits, facts: Facts, now: datetime, *, most_hours: float | None) -> list[Reason]:
    """Return what the limits of runs say.

    Args:
        limits: of the rule.
        facts: the runs there were and are.
        now: the moment.
        most_hours: of training that the run may take; None for what is left.
    """
    found = []
    if limits.runs is not None:
        found.append(_runs(limits.runs, facts, now))
    if limits.gpu_hours is not None:
        found.append(_gpu_hours(limits.gpu_hours, facts, now, most_hours))
    if limits.concurrency is not None:
        under_way = facts.elsewhere + sum(run.ended_at is None for run in facts.runs)
        detail = f"{under_way} of {limits.concurrency} runs at a time over all streams"
        met = under_way < limits.concurrency
        found.append(_reason("concurrency", detail if met else f"{detail}; next allowed when one ends", met=met))
    return found


def _cooldown(limit: timedelta, now: datetime, *moments: datetime | None) -> list[Reason]:
    if not limit:
        return []
    past = [moment for moment in moments if moment is not None]
    if not past:
        return [_reason("cooldown", "never acted before", met=True)]
    since = max(now - max(past), timedelta(0))
    detail = f"last acted {format_duration(since)} ago, cooldown {format_duration(limit)}"
    met = since >= limit
    return [_reason("cooldown", detail if met else f"{detail}; {_next(max(past) + limit)}", met=met)]


def _calendar(calendar: Calendar, now: datetime) -> list[Reason]:
    found = []
    following = None if calendar.allows(now) else calendar.next_allowed(now)
    if calendar.hours:
        shown = ", ".join(str(hours) for hours in calendar.hours)
        local = now.astimezone(zone_of(calendar.hours[0].zone))
        met = calendar.open(now)
        detail = f"it is {local:%a %H:%M} there, {'within' if met else 'outside of'} {shown}"
        found.append(_reason("hours", detail if met else f"{detail}; {_next(following)}", met=met))
    if calendar.blackout:
        rest = calendar.resting(now)
        if rest is None:
            found.append(_reason("blackout", "no blackout", met=True))
        else:
            found.append(_reason("blackout", f"nothing is done on {rest}; {_next(following)}", met=False))
    return found


def _runs(allowance: Allowance, facts: Facts, now: datetime) -> Reason:
    within = facts.within(allowance.period, now)
    detail = f"{len(within)} runs of the stream begun within {format_duration(allowance.period)}, {allowance} allowed"
    if len(within) < allowance.amount:
        return _reason("runs", detail, met=True)
    begun = sorted(run.began_at for run in within)
    following = begun[len(begun) - int(allowance.amount)] + allowance.period
    return _reason("runs", f"{detail}; {_next(following)}", met=False)


def _gpu_hours(allowance: Allowance, facts: Facts, now: datetime, most: float | None) -> Reason:
    counted = _reaching(facts.runs, now - allowance.period)
    spent, asked = _spent(counted), most or 0.0
    detail = f"{spent:.3g} h of training in runs within {format_duration(allowance.period)}"
    detail += f", {most:g} h more at most" if most is not None else ""
    detail += f", {allowance} allowed"
    if _fits(spent, asked, allowance.amount):
        return _reason("gpu_hours", detail, met=True)
    return _reason("gpu_hours", f"{detail}; {_when_it_fits(counted, asked, allowance)}", met=False)


def _when_it_fits(counted: Sequence[RunFact], asked: float, allowance: Allowance) -> str:
    if not _fits(0.0, asked, allowance.amount):
        return "never allowed: one run may take more than that"
    leaving = sorted((run.ended_at, run.training_hours) for run in counted if run.ended_at is not None)
    spent = _spent(counted)
    for ended_at, hours in leaving:
        spent -= hours
        if _fits(spent, asked, allowance.amount):
            return _next(ended_at + allowance.period)
    return f"next allowed {format_duration(allowance.period)} after the end of the run under way"


def _fits(spent: float, asked: float, allowed: float) -> bool:
    """Say whether it fits; a run that says not how long it may take gets what is left, if anything is."""
    return spent + asked <= allowed if asked else spent < allowed


def _reaching(runs: Sequence[RunFact], since: datetime) -> tuple[RunFact, ...]:
    """Return the runs that may have trained since a moment."""
    return tuple(run for run in runs if run.ended_at is None or run.ended_at >= since or run.began_at >= since)


def _spent(runs: Sequence[RunFact]) -> float:
    return sum(run.training_hours for run in runs)


def _next(at: datetime | None) -> str:
    return f"next allowed {at:%Y-%m-%d %H:%M:%S} UTC" if at is not None else "not allowed within a year"


def _reason(limit: str, detail: str, *, met: bool) -> Reason:
    return Reason(subject=f"limits.{limit}", met=met, detail=detail)
