"""How often the conditions of a policy held in windows that were recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from driftwatch.domain.drift import Outcome
from driftwatch.policy.advice import Advice, Finding
from driftwatch.policy.variables import Facts, observe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from driftwatch.domain.drift import WindowResult
    from driftwatch.policy.ruleset import Policy, Rule
    from driftwatch.policy.variables import Value

LEAST = 50
"""Judged windows below which nothing is said of always and never."""

_OF_THE_MOMENT = ("champion.", "reference.", "runs.")
"""Variables that a window's result does not hold: they are the facts' of the moment at which it was decided on."""

_MOMENTS = 200
"""Windows whose facts are looked up for rules that look at them."""


_NO_FACTS = Facts(fresh_texts=lambda _since: 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When a window was decided on, and what else was known then."""

    at: datetime
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How often a rule's condition held.

    Args:
        stream: whose windows.
        rule: whose condition.
        windows: that had enough data.
        held: of which it was true.
        unjudged: of which it was neither true nor false.
        told: whether all that the condition looks at is recorded of any window; else nothing was counted.
    """

    stream: str
    rule: str
    windows: int
    held: int
    unjudged: int
    told: bool = True

    def __str__(self) -> str:
        """Return it in words."""
        if not self.told:
            return f"{self.stream}/{self.rule}: what it looks at (champion., reference., runs.) is not recorded yet"
        share = f" ({self.held / self.windows:.1%})" if self.windows else ""
        unjudged = f", {self.unjudged:,} could not be judged" if self.unjudged else ""
        return f"{self.stream}/{self.rule}: true of {self.held:,} of the last {self.windows:,} windows{share}{unjudged}"


def recorded(
    policy: Policy, windows: Mapping[str, Sequence[WindowResult]], moment: Callable[[WindowResult], Moment | None]
) -> tuple[Record, ...]:
    """Return how often each rule's condition held, its ``for`` and limits apart.

    Args:
        policy: whose rules.
        windows: of each stream, newest first.
        moment: returns when a window was decided on and what else was known then; None where that is not recorded.
    """
    found = []
    for stream, results in windows.items():
        enough = [result for result in results if result.outcome is not Outcome.TOO_LITTLE_DATA]
        plain = [observe(result, _NO_FACTS, now=result.last_seen_at) for result in enough]
        rules = policy.of(stream)
        whole = _with_moments(enough[:_MOMENTS], moment) if any(_of_the_moment(rule) for rule in rules) else []
        found += [_record(stream, rule, whole if _of_the_moment(rule) else plain) for rule in rules]
    return tuple(found)


def _of_the_moment(rule: Rule) -> bool:
    return any(name.startswith(_OF_THE_MOMENT) for name in rule.when.variables)


def _with_moments(
    results: Sequence[WindowResult], moment: Callable[[WindowResult], Moment | None]
) -> list[dict[str, Value]]:
    known = ((result, moment(result)) for result in results)
    return [observe(result, then.facts, now=then.at) for result, then in known if then is not None]


def _record(stream: str, rule: Rule, values: Sequence[Mapping[str, Value]]) -> Record:
    judged = [rule.when.evaluate(each).value for each in values]
    return Record(
        stream=stream,
        rule=rule.name,
        windows=len(judged),
        held=judged.count(True),
        unjudged=judged.count(None),
        told=bool(judged),
    )


def advise_by(records: Sequence[Record], policy: Policy) -> Iterator[Advice]:
    """Find rules that were true of every recorded window, or could judge none.

    That a condition was true of no window is no fault of it: most rules wait for what seldom comes.
    """
    for record in records:
        rule = policy.rule(record.stream, record.rule)
        judged = record.windows - record.unjudged
        if rule is None or record.windows < LEAST:
            continue
        if judged == 0:
            yield _advice(Finding.UNMEASURED, record, rule, policy, _unmeasured(rule), "see which windows measure it")
        elif record.held == judged and judged >= LEAST:
            what = f"its condition was true of all of the last {judged:,} windows that it could judge"
            yield _advice(Finding.ALWAYS, record, rule, policy, what, "tighten it, unless the stream is new to it")


def _unmeasured(rule: Rule) -> str:
    names = sorted(rule.when.variables)
    unmeasured = "was not measured" if len(names) == 1 else "were never measured together"
    return f"none of the last windows could be judged: {', '.join(names)} {unmeasured}"


def _advice(finding: Finding, record: Record, rule: Rule, policy: Policy, what: str, cure: str) -> Advice:
    where = policy.places.get((record.stream, rule.name), record.stream)
    return Advice(finding=finding, rule=rule.name, streams=(record.stream,), where=where, what=what, cure=cure)
